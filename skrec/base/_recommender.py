"""What every recommender is: fit, predict, recommend, and their kin."""

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrec.base._allowed import EVERYTHING, Allowed
from skrec.base._audience import AudienceMixin
from skrec.base._checks import LARGEST_ANSWER
from skrec.base._copying import CopyMixin
from skrec.base._divergence import overflow
from skrec.base._frame import Frame, Query, size, take
from skrec.base._knowledge import KnowledgeMixin
from skrec.base._lists import ListsMixin
from skrec.base._parameters import DeclaredParameters
from skrec.base._rows import is_of_shape, may_be_of_known_users, warn_of_training_shape
from skrec.base._similarity import SimilarityMixin
from skrec.data import Interactions, check_interactions, check_pairs, is_matrix, positive_mask
from skrec.data._appending import check_same_unit
from skrec.data._callers import depth_of_caller
from skrec.data._ordering import warn_of_item_order
from skrec.metrics import get_scorer
from skrec.topk import as_array, as_tensor, hide, row_blocks, top_k_of_columns, whole_row_blocks

# below every score that a model gives, above "no candidate"
_LAST = float(np.finfo(np.float32).min)


class BaseRecommender(KnowledgeMixin, AudienceMixin, ListsMixin, SimilarityMixin, CopyMixin, DeclaredParameters):
    """Base of all recommenders.

    A model declares its parameters as annotated class attributes and writes four methods:

    * ``_fit(data)`` learns from `Interactions`,
    * ``_known_state(users)`` gives whatever the model needs to score users of the training data, by their codes,
    * ``_new_state(histories)`` gives the same for new users, from their events: fold-in,
    * ``_score(state, items)`` gives the scores (n_users, n_items) of a slice of items, an array or tensor.

    Ids, masks, blocks, top-k and errors are inherited. Scores live in blocks under a byte budget; a dense users x items
    matrix is never built, except by `predict` of a matrix, whose answer it is.

    Attributes
    ----------
    user_ids_, item_ids_ : arrays of labels, or None where the data had none
    n_users_, n_items_, n_features_in_ : int
        The frame; ``n_features_in_`` is the number of items.
    events_ : Interactions
        What the model was fitted on, which `partial_fit` goes on from: 20 bytes an event, 28 with times.
    seen_ : CSR of shape (n_users_, n_items_)
        Ones at the pairs of the training data.
    has_past_ : bool array of shape (n_users_,)
        Users with an event that the model learns from; all others get the popular items.
    item_counts_ : int64 array of shape (n_items_,)
        Users of each item in the data that the model was trained on.
    popularity_ : float64 array of shape (n_items_,)
        Distinct users of each item, among the events that the model learns from.
    """

    _ordered: ClassVar[bool] = False
    _reads_weights: ClassVar[bool] = False

    def _check_parameters(self) -> None:
        """Refuse parameters out of range; called by `fit` and `partial_fit` once the data are known."""

    def _fit(self, data: Interactions) -> None:
        raise NotImplementedError(f"{type(self).__name__} must write _fit")

    def _known_state(self, users: NDArray[np.int64]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must write _known_state")

    def _new_state(self, histories: Interactions) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must write _new_state")

    def _score(self, state: Any, items: slice) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must write _score")

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        self._recode(validation, name="validation")  # not used, but a mistake should not pass unseen
        self._fit(data)

    def _partial_fit(self, events: Interactions, before: Self) -> None:
        """Learn from ``events``, which begin with those that the model ``before`` was fitted on."""
        self._fit(events)

    def _informative(self, data: Interactions) -> NDArray[np.bool_]:
        """Which events the model learns from."""
        return np.ones(len(data), bool)

    @property
    def _predicts_ratings(self) -> bool:
        return False

    @property
    def _compares_times(self) -> bool:
        """Whether times of events that are asked about are measured in the unit of the training data's."""
        return getattr(self, "half_life", None) is not None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: ArrayLike | None = None, *, validation: Any = None) -> Self:
        """Learn from interactions, afresh; if this fails, an estimator that was fitted stays as it was.

        Parameters
        ----------
        X : Interactions, DataFrame of events, or users x items matrix (sparse or dense)
            A DataFrame has the columns ``user`` and ``item``, and may have ``rating``, ``timestamp``, ``weight``,
            ``impression``.
        y : array-like of shape (n_events,), optional
            The events' values, such as ratings, where X is a table of events; a matrix holds them itself.
        validation : like X, optional
            Held-out data. A model that is trained in epochs writes their loss into ``history_`` after each epoch, and with
            ``early_stopping`` chooses the epoch by them. Other models only check that they can be read.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read or a parameter out of range, naming it.
        """
        data = check_interactions(X, y)
        if len(data) == 0:
            raise ValueError("X has no events: at least one stored (sparse) or non-zero (dense) entry is required to fit")
        fresh = copy.copy(self)
        fresh.__dict__ = {name: value for name, value in vars(self).items() if not name.endswith("_")}
        fresh._learn_frame(data)
        fresh._check_parameters()
        fresh._warn_of_parameters_without_effect()
        fresh._check_order(X)
        if validation is None:
            fresh._fit(data)
        else:
            fresh._fit_validated(data, validation)
        self.__dict__ = fresh.__dict__
        return self

    def partial_fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Learn from more interactions, going on from what is known; a model that is not fitted is fitted.

        Users and items that are new get codes behind those known. Models that learn step by step fold the new users in and then
        make ``max_epochs`` passes over the new events and as many of the old ones, at a tenth of the learning rate; ALS solves
        for the users and items that the new events are about. All other models have a closed form and learn again from all
        events, with the same result as ``fit`` on everything. If this fails, the estimator stays as it was.

        Parameters
        ----------
        X : Interactions, DataFrame of events, or users x items matrix (sparse or dense)
            As for `fit`. The rows of a matrix, which must have the width of the training data, are new users. Interactions
            without labels go by their codes, which may lie beyond those known.
        y : array-like of shape (n_events,), optional
            As for `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, labels where there were none or the reverse, times or impressions on one side only,
            parameters that shape the model and have changed since; ``early_stopping``, for nothing is held out.

        Notes
        -----
        However few the new events are, the bookkeeping looks at all events: n_events * log(n_events).
        """
        if not hasattr(self, "frame_"):
            return self.fit(X, y)
        events = self.frame_.extend(self.events_, X, y, name="X")
        fresh = copy.copy(self)
        fresh._learn_frame(events)
        fresh._check_parameters()
        fresh._check_order(X)
        fresh._partial_fit(events, self)
        self.__dict__ = fresh.__dict__
        return self

    def _learn_frame(self, data: Interactions) -> None:
        self._check_weights(data)
        self.events_ = data
        self.frame_ = Frame(data.n_users, data.n_items, data.user_ids, data.item_ids, type(self).__name__)
        self.user_ids_, self.item_ids_ = data.user_ids, data.item_ids
        self.n_users_, self.n_items_ = data.n_users, data.n_items
        self.n_features_in_ = data.n_items
        self._count(data)

    def _check_order(self, X: Any) -> None:
        """Warn where there are no times and the order of X cannot be that of time."""
        if self._ordered:
            warn_of_item_order(self.events_, from_matrix=is_matrix(X), model=type(self).__name__)

    def _check_order_of_histories(self, users: Any, histories: Interactions, name: str) -> None:
        """Warn where the order of new users' events cannot be that of time, and the model reads it."""
        if self._ordered:
            warn_of_item_order(histories, from_matrix=is_matrix(users), model=type(self).__name__, name=name)

    def _check_weights(self, data: Interactions) -> None:
        if data.weights is None:
            return
        if not self._reads_weights:
            warnings.warn(
                f"X has weights of events, which {type(self).__name__} does not use: to it, all events weigh the same",
                UserWarning,
                stacklevel=depth_of_caller(),
            )
        elif not (data.weights[self._informative(data)] > 0).any():
            raise ValueError("the weights in X must not all be 0: no event that the model learns from has one above 0")

    def _positives(self, data: Interactions, positive_from: float | None) -> Interactions:
        """The positive events of the training data."""
        positives = data[positive_mask(data, positive_from)]
        if len(positives) == 0:
            raise ValueError(
                f"X has no positive event: its largest value is {data.values.max():g}, with positive_from={positive_from!r}"
            )
        return positives

    def _recode(self, X: Any, y: ArrayLike | None = None, *, name: str = "X") -> Interactions:
        """X in the model's codes, for a test; warns of a matrix whose rows may be meant as the training users."""
        check_is_fitted(self)
        data = self.frame_.recode(X, y, name=name)
        shape = self.n_users_, self.n_items_
        if is_of_shape(X, shape) and may_be_of_known_users(data, self.events_, first_user=self.n_users_):
            warn_of_training_shape(name, shape)
        if self._compares_times:
            check_same_unit(self.events_, data, name)
        return data

    def predict(self, X: Any) -> NDArray[np.float32]:
        """Scores: of events, or of all items for new users.

        Parameters
        ----------
        X : DataFrame of events or Interactions, or a users x items matrix
            Events: each gets the score of its item for its user; of a DataFrame only the columns ``user`` and ``item`` are
            read. A matrix: each row is the history of a new user.

        Returns
        -------
        float32 array of shape (n_events,), or (n_rows, n_items_) for a matrix
            For a model of ratings these are ratings, from means and what is known where the user or the item is new. Other
            models give unknown users the popularity of the item, and unknown items minus infinity.

        Raises
        ------
        ValueError
            If the answer for a matrix would take more than 1 GiB; `recommend_iter` takes any number of rows.
        """
        check_is_fitted(self)
        if not is_matrix(X):
            data = self._recode(check_pairs(X))
            return self._score_pairs(data.users, data.items)
        histories, _ = self.frame_.histories(X, name="X")
        self._check_order_of_histories(X, histories, "X")
        if 4 * histories.n_users * self.n_items_ > LARGEST_ANSWER:
            raise ValueError(
                f"the scores of {histories.n_users} rows x {self.n_items_} items would take "
                f"{4 * histories.n_users * self.n_items_ / 2**30:.1f} GiB; use recommend_iter, which keeps the best k"
            )
        blocks = [scores for _, scores in self._score_blocks(histories, exclude_seen=False)]
        return np.concatenate(blocks)

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """How well held-out data are predicted: R² for a model of ratings, NDCG@10 (full ranking) for all others."""
        if self._predicts_ratings:
            return get_scorer("r2")(self, X, y)
        return get_scorer("ndcg@10", positive_from=getattr(self, "positive_from", None))(self, X, y)

    def explain(self, user: Any, item: Any, *, k: int = 5) -> Any:
        """What in a user's past speaks for an item; models whose score is a sum over that past can say it."""
        raise NotImplementedError(
            f"the score of {type(self).__name__} is not a sum over the user's past items, so it has no exact explanation; "
            "similar_items(item, candidates=past_items) names the nearest of them"
        )

    def _query(self, users: Any, *, name: str = "users") -> tuple[Query, NDArray]:
        """The codes of ids, -1 for those not known, or the histories of new users; and the labels of the users."""
        check_is_fitted(self)
        query, labels = self.frame_.query(users, name=name)
        if isinstance(query, Interactions):  # a list of ids is read as an array, too
            self._check_order_of_histories(users, query, name)
            if self._compares_times:
                check_same_unit(self.events_, query, name)
        return query, labels

    def _top(
        self, query: Query, k: int, *, exclude_seen: bool = True, allowed: Allowed = EVERYTHING
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Codes and scores (n, k) of the best items, padded with -1 and NaN."""
        if not isinstance(query, Interactions) and (query < 0).any():
            return self._top_of_some_unknown(query, k, exclude_seen=exclude_seen, allowed=allowed)
        width = min(k, self.n_items_)
        codes, scores = np.full((size(query), k), -1), np.full((size(query), k), np.nan, np.float32)
        for users in row_blocks(size(query), self.n_items_):
            part = take(query, users)
            codes[users, :width], scores[users, :width] = top_k_of_columns(
                self._scorer(part, allowed=allowed.of(users)),
                size(part),
                self.n_items_,
                width,
                hidden=self._seen(part) if exclude_seen else None,
            )
        scores[scores == _LAST] = -np.inf
        return codes, scores

    def _score_blocks(self, query: Query, *, exclude_seen: bool = True) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Scores of all items for blocks of users; minus infinity for items seen, or without training events."""
        everything = slice(0, self.n_items_)
        for users in whole_row_blocks(size(query), self.n_items_):
            part = take(query, users)
            scores = as_tensor(self._scorer(part, ranking=not self._predicts_ratings)(everything))
            if exclude_seen:
                hide(scores, self._seen(part), everything)
            block = as_array(scores)
            block[block == _LAST] = -np.inf
            yield users, block

    def _top_of_some_unknown(
        self, users: NDArray[np.int64], k: int, *, exclude_seen: bool, allowed: Allowed
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """`_top` where a code of -1 stands for a user who is not known, who gets what a new user without events gets."""
        codes, scores = np.full((len(users), k), -1), np.full((len(users), k), np.nan, np.float32)
        known, unknown = np.flatnonzero(users >= 0), np.flatnonzero(users < 0)
        # they differ in nothing but their candidates
        newcomers = unknown if allowed.to_each is not None else unknown[:1]
        for query, rows in ((users[known], known), (self.frame_.without_events(len(newcomers)), newcomers)):
            codes[rows], scores[rows] = self._top(query, k, exclude_seen=exclude_seen, allowed=allowed.of(rows))
        if allowed.to_each is None:
            codes[unknown], scores[unknown] = codes[newcomers], scores[newcomers]
        return codes, scores

    def _scorer(self, query: Query, *, allowed: Allowed = EVERYTHING, ranking: bool = True) -> Callable[[slice], Any]:
        """The scores of some users as a function of a slice of items.

        For a ranking, users without events get the popular items, and items without events come last, unless the model knows
        them by their features.
        """
        state = self._new_state(query) if isinstance(query, Interactions) else self._known_state(query)
        strangers, unfamiliar = np.flatnonzero(~self._familiar_users(query)), ~self._familiar_items

        def score_block(items: slice):
            scores = as_tensor(self._score(state, items))
            if isinstance(query, Interactions) and not scores.amax() < np.inf:  # NaN is not below it either
                raise overflow(query, "the model's scores must be numbers, but some are NaN or infinite")
            if ranking and len(strangers):
                scores[strangers] = as_tensor(self.popularity_[items]).to(scores)
            if ranking:
                scores[:, np.flatnonzero(unfamiliar[items])] = _LAST
            allowed.close(scores, items)
            return scores

        return score_block

    def _seen(self, query: Query) -> Any:
        return query.to_csr(duplicates="any") if isinstance(query, Interactions) else self.seen_[query]

    def _score_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores of pairs of codes; users from ``n_users_`` and items of -1 are unknown."""
        scores = np.full(len(users), -np.inf, np.float32)
        asked = items >= 0
        known = asked & (users < self.n_users_)
        by_strangers = items[asked & ~known]
        scores[asked & ~known] = np.where(self._familiar_items[by_strangers], self.popularity_[by_strangers], -np.inf)
        scores[known] = self._score_known_pairs(users[known], items[known])
        if not self._predicts_ratings:
            by_newcomers = np.flatnonzero(known)[~self._familiar_users(users[known])]
            scores[by_newcomers] = self.popularity_[items[by_newcomers]]
            scores[asked] = np.where(self._familiar_items[items[asked]], scores[asked], -np.inf)
        return scores

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray:
        """The model's own scores of pairs of known users and items, by their codes.

        This scores all items for each of the users. A model that can score single pairs overrides it.
        """
        who, rows = np.unique(users, return_inverse=True)
        order = np.argsort(rows, kind="stable")
        in_order, scores = rows[order], np.empty(len(rows), np.float32)
        for block in whole_row_blocks(len(who), self.n_items_):
            here = order[slice(*np.searchsorted(in_order, [block.start, block.stop]))]
            block_scores = as_array(self._score(self._known_state(who[block]), slice(0, self.n_items_)))
            scores[here] = block_scores[rows[here] - block.start, items[here]]
        return scores
