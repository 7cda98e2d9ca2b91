"""The base class of all recommenders."""

import os
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_flag, check_int, read_path
from skrec.base import _knowledge as knowledge
from skrec.base import _scoring as scoring
from skrec.base import _training_data as training
from skrec.base._allowed import Unknown, read_items
from skrec.base._audience import find_audience
from skrec.base._copying import deep_copy, shallow_copy
from skrec.base._lists import read_list_request
from skrec.base._parameters import DeclaredParameters, Needs
from skrec.base._parquet import write_parquet
from skrec.base._recommendations import Audience, Recommendations, SimilarItems, SimilarUsers
from skrec.base._similarity import Metric, find_similar_items, find_similar_users
from skrec.base._tags import RecommenderTags, with_recommender_tags
from skrec.data import Interactions, check_pairs, is_matrix
from skrec.metrics import get_scorer


class BaseRecommender(DeclaredParameters):
    """Base of all recommenders.

    A model declares its parameters as annotated class attributes and writes four methods:

    * ``_fit(data)`` learns from `Interactions`,
    * ``_known_state(users)`` returns the states of training users, given their codes,
    * ``_new_state(histories)`` returns the states of new users, given their events (fold-in),
    * ``_score(state, items)`` returns the scores (n_users, n_items) of a slice of items, an array or tensor.

    Parameters
    ----------
    keep_events : bool, default=True
        Whether the fitted model keeps the training events, from which `partial_fit` goes on.

    Attributes
    ----------
    user_ids_, item_ids_ : arrays of labels, or None if the data have none
    n_users_, n_items_, n_features_in_ : int
        Number of users and items; ``n_features_in_`` is the number of items.
    events_ : Interactions
        The training data: 12 bytes an event, 20 with times. Without events if ``keep_events`` is False.
    seen_ : bool CSR of shape (n_users_, n_items_)
        True at the pairs of the training data.
    has_past_ : bool array of shape (n_users_,)
        Users with an event that the model learns from. Others get the most popular items.
    known_items_ : bool array of shape (n_items_,)
        Items with training events, or known by their features. Others come last in rankings.
    item_counts_ : int64 array of shape (n_items_,)
        Users of each item in the training data.
    popularity_ : float64 array of shape (n_items_,)
        Users of each item, among the events that the model learns from.
    """

    keep_events: bool = True

    _needs: ClassVar[dict[str, Needs]] = {
        "keep_events": Needs(lambda model: not model._answers_from_events, "a model that does not answer from its events"),
    }
    _answers_from_events: ClassVar[bool] = False  # not only `partial_fit` needs them
    _ordered: ClassVar[bool] = False  # whether the order of a user's events matters
    _reads_weights: ClassVar[bool] = False

    def _check_parameters(self) -> None:
        """Check the values of parameters; called by `fit` and `partial_fit` when the data are known."""

    def _fit(self, data: Interactions) -> None:
        raise NotImplementedError(f"{type(self).__name__} must implement _fit")

    def _known_state(self, users: NDArray[np.int64]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must implement _known_state")

    def _new_state(self, histories: Interactions) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must implement _new_state")

    def _score(self, state: Any, items: slice) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must implement _score")

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        self._recode(validation, name="validation")  # it is not used, but it is checked
        self._fit(data)

    def _partial_fit(self, events: Interactions, before: Self) -> None:
        """Learn from ``events``, which begin with those that the model ``before`` was fitted on."""
        self._fit(events)

    # functions of a model, which it may override
    _learn_vocabulary, _store_events = training.learn_vocabulary, training.store_events
    _count = training.store_counts
    _check_weights, _check_order = training.check_weights, training.check_order
    _positives = staticmethod(training.positive_events)
    _recode, _query = training.encode_test_data, training.read_query
    _informative, _allowed = knowledge.all_events, knowledge.allowed_items
    _familiar_users, _familiar_histories = knowledge.familiar_users, knowledge.familiar_histories
    _item_vectors = _user_vectors = knowledge.no_vectors
    _score_pairs, _score_known_pairs = scoring.score_pairs, scoring.score_pairs_by_rows
    _formula = scoring.no_formula
    __copy__, __deepcopy__ = shallow_copy, deep_copy

    _predicts_ratings = property(lambda self: False)
    _compares_times = property(knowledge.compares_times)
    _item_counts = property(lambda self: self.item_counts_)
    _described_items = property(knowledge.described_items)
    _familiar_items = property(knowledge.familiar_items)
    _learned_items = property(knowledge.learned_items)
    known_items_ = property(lambda self: self._familiar_items)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return with_recommender_tags(tags, RecommenderTags(bool(self._ordered), bool(self._predicts_ratings)))

    def fit(self, X: Any, y: ArrayLike | None = None, *, validation: Any = None) -> Self:
        """Learn from interactions. If this fails, an estimator that was fitted before stays as it was.

        Parameters
        ----------
        X : Interactions, DataFrame of events, or users x items matrix (sparse or dense)
            The columns of a DataFrame are ``user``, ``item`` and optionally ``rating``, ``timestamp``, ``weight``,
            ``impression``.
        y : array-like of shape (n_events,), optional
            The values of the events, such as ratings, if X is a table of events; a matrix holds them itself.
        validation : like X, optional
            Held-out data. A model that is trained in epochs writes their loss into ``history_`` after each epoch, and with
            ``early_stopping`` chooses the epoch by them. Other models only check that they can be read.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If data cannot be read or a parameter is out of range.
        """
        self.__dict__ = training.fitted_copy(self, X, y, validation).__dict__
        return self

    def partial_fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Learn from more interactions. A model that is not fitted is fitted. If this fails, the estimator stays as it was.

        New users and items get the next codes. Models that learn step by step fold the new users in and then make
        ``max_epochs`` passes over the new events and as many of the old ones, at a tenth of the learning rate. ALS solves for
        the users and items of the new events. All other models have a closed form and learn again from all events, as ``fit``.

        Parameters
        ----------
        X, y
            As for `fit`. The rows of a matrix, which must have as many columns as the training data, are new users.
            Interactions without labels go by their codes, which may lie beyond the known ones.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If data cannot be read; if only one of the two data sets has labels, timestamps or impressions; if a parameter that
            shapes the model has changed since `fit`; if ``early_stopping`` is set, since no data are held out.
        """
        if not hasattr(self, "vocabulary_"):
            return self.fit(X, y)
        self.__dict__ = training.further_fitted_copy(self, X, y).__dict__
        return self

    def anonymized(self) -> Self:
        """A copy without the labels of users and without the training events, to be saved or given away.

        It answers as before, but knows users by their codes alone: user i is ``user_ids_[i]`` of the original. Features of
        users, which items they have seen, and what was learned is kept. `partial_fit` of the copy is an error.

        Returns
        -------
        estimator
            ValueError if the model answers from its training events, as `NewsRecommender` does.
        """
        return training.without_identities(self)

    def predict(self, X: Any) -> NDArray[np.float32]:
        """Scores of events, or of all items for new users.

        Parameters
        ----------
        X : DataFrame of events or Interactions, or a users x items matrix
            Each event gets the score of its item for its user; of a DataFrame only the columns ``user`` and ``item`` are read.
            Each row of a matrix is the history of a new user, for whom all items are scored, as by `score_items`.

        Returns
        -------
        float32 array of shape (n_events,), or (n_rows, n_items_) for a matrix
            Models of ratings give ratings, by means and whatever else is known if the user or the item is new. Other models
            give unknown users the popularity of the item, and unknown items minus infinity.
        """
        check_is_fitted(self)
        if not is_matrix(X):
            data = self._recode(check_pairs(X))
            return self._score_pairs(data.users, data.items)
        return scoring.all_scores(self, training.read_new_users(self, X, name="X"), exclude_seen=False)

    def score_items(self, users: Any = None, *, exclude_seen: bool = False) -> NDArray[np.float32]:
        """Scores of all items for each user.

        Parameters
        ----------
        users : ids of known users, or interactions of new ones, default=None
            As for `recommend`.
        exclude_seen : bool, default=False
            Give items that the user has interacted with minus infinity.

        Returns
        -------
        float32 array of shape (n_users, n_items_)
            The columns are in the order of ``item_ids_``. Items that are not in ``known_items_`` have minus infinity, unless
            scores are ratings. ValueError if the array would take more than 1 GiB.
        """
        check_flag(exclude_seen, "exclude_seen")
        query = self._query(users)
        query.check_known(self.vocabulary_, name="users")
        return scoring.all_scores(self, query, exclude_seen=exclude_seen)

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """How well held-out data are predicted: R² for a model of ratings, NDCG@10 (full ranking) for all others.

        Parameters
        ----------
        X, y
            As for `fit`.

        Returns
        -------
        float
        """
        name = "r2" if self._predicts_ratings else "ndcg@10"
        return get_scorer(name, positive_from=getattr(self, "positive_from", None))(self, X, y)

    def recommend(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
    ) -> Recommendations:
        """Recommend the k best items to each user; ``items, scores = model.recommend(...)``.

        Parameters
        ----------
        users : ids of known users, or interactions of new ones, default=None
            If None, all known users. The rows of a matrix and the users of a DataFrame or of Interactions are new users, even
            if their label is known: they are folded in by the events passed here. Users without an event that the model learns
            from get the most popular items. The users of Interactions are those with events; all users if
            `Interactions.from_csr` made them from a matrix, or if they have ``user_features`` or no event at all. A matrix of
            exactly the shape of the training data causes a UserWarning.
        k : int, default=10
            Length of the lists.
        exclude_seen : bool, default=True
            Leave out items that the user has interacted with.
        exclude : array-like of item labels, optional
            Items that must not be recommended. Unknown labels are ignored.
        candidates : array-like of item labels, mapping of users to item labels, or DataFrame, optional
            The only items that may be recommended. A mapping, or a DataFrame with the columns ``user`` and ``item``, gives each
            user their own candidates, by the label in ``.users``, such as the items of an impression. A user who is not in it
            gets an empty list; users in it who are not in the query are ignored.
        unknown : {"raise", "popular"}, default="raise"
            What to do with unknown ids. With "raise" they are an error. With "popular" an unknown user gets the most popular
            items, as a new user without events does, and an unknown candidate is left out.

        Returns
        -------
        Recommendations
            ``.items`` and ``.scores`` of shape (n_users, k), best first, equal scores in the order of the vocabulary;
            ``.codes``, ``.users``, ``.to_frame()``. Lists are padded if fewer than k items are left. Items that are not in
            ``known_items_`` come last, with a score of minus infinity.

        Raises
        ------
        ValueError, TypeError
            If an id is unknown, or no id is of the kind of the known ones; if k is below 1.
        """
        request = read_list_request(self, users, k, exclude_seen, exclude, candidates, unknown)
        return request.answer(self, slice(0, len(request.query)))

    def recommend_iter(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
        batch_size: int = 10_000,
    ) -> Iterator[Recommendations]:
        """As `recommend`, in batches of ``batch_size`` users. Errors in arguments are raised at once.

        Parameters
        ----------
        users, k, exclude_seen, exclude, candidates, unknown
            As for `recommend`.
        batch_size : int, default=10000
            Number of users in a batch.

        Returns
        -------
        iterator of Recommendations
        """
        return read_list_request(self, users, k, exclude_seen, exclude, candidates, unknown, batch_size).answers(self)

    def recommend_to_parquet(
        self,
        path: str | os.PathLike,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
        batch_size: int = 10_000,
    ) -> None:
        """As `recommend`, into a Parquet file with the columns user, item, score and rank; needs pyarrow.

        Parameters
        ----------
        path : str or os.PathLike
            A file in an existing folder; "~" is the user's home. An existing file is replaced when the new one is complete.
        users, k, exclude_seen, exclude, candidates, unknown, batch_size
            As for `recommend_iter`.

        Raises
        ------
        OSError, ImportError
            If the file cannot be written, in which case an existing one stays as it was; if pyarrow is not installed.
        """
        target = read_path(path, "path")
        request = read_list_request(self, users, k, exclude_seen, exclude, candidates, unknown, batch_size)
        write_parquet(target, request.answers(self))

    def recommend_users(self, items: Any, *, k: int = 10, exclude_seen: bool = True) -> Audience:
        """Find the k known users with the highest scores for each item; ``users, scores = model.recommend_users(...)``.

        A ranking loss teaches the order of items within a user, so scores of different users may not be comparable.

        Parameters
        ----------
        items : label or array-like of labels
            Known items.
        k : int, default=10
            Length of the lists.
        exclude_seen : bool, default=True
            Leave out users who have interacted with the item.

        Returns
        -------
        Audience
            Without users, and empty for items, without an event that the model learns from, unless it knows their features.
        """
        check_is_fitted(self)
        check_flag(exclude_seen, "exclude_seen")
        return find_audience(self, items, k, exclude_seen=exclude_seen)

    def similar_items(
        self,
        items: Any,
        *,
        k: int = 10,
        metric: Metric = "cosine",
        include_self: bool = False,
        exclude: Any = None,
        candidates: Any = None,
        min_count: int = 0,
    ) -> SimilarItems:
        """Find the k items nearest to each of some items; ``labels, scores = model.similar_items(...)``.

        Parameters
        ----------
        items : label or array-like of labels
            Known items.
        k : int, default=10
            Length of the lists.
        metric : {"cosine", "dot", "l2"}, default="cosine"
            How vectors of items are compared. Scores are higher for nearer items, so "l2" gives negative distances.
        include_self : bool, default=False
            Whether an item may be in its own list.
        exclude, candidates : array-like of labels, optional
            Items that must not be in the lists, and the only items that may be. Unknown excluded labels are ignored.
        min_count : int, default=0
            Leave items with fewer users, among the events that the model learns from, out of the lists, since the vectors of
            rare items are mostly noise.

        Returns
        -------
        SimilarItems
            Empty for items without an event that the model learns from, which are in no other list either, unless the model
            knows them by their features.
        """
        check_is_fitted(self)
        check_int(min_count, "min_count", at_least=0)
        allowed = (self.learned_counts_ >= min_count) & read_items(self.vocabulary_, exclude, candidates)
        return find_similar_items(self, items, allowed, k=k, metric=metric, include_self=include_self)

    def similar_users(self, users: Any, *, k: int = 10, metric: Metric = "cosine", include_self: bool = False) -> SimilarUsers:
        """Find the k known users nearest to each of some known users.

        Parameters
        ----------
        users : label or array-like of labels
            Known users.
        k, metric, include_self
            As for `similar_items`.

        Returns
        -------
        SimilarUsers
        """
        check_is_fitted(self)
        return find_similar_users(self, users, k=k, metric=metric, include_self=include_self)

    def explain(self, user: Any, item: Any, *, k: int = 5) -> pd.DataFrame:
        """The k items of a known user's past that add most to the score of an item, if the score is a sum over these.

        Parameters
        ----------
        user, item : label
            A user and an item of the training data.
        k : int, default=5
            Number of items.

        Returns
        -------
        DataFrame
            Columns item and contribution, largest first.
        """
        raise knowledge.no_explanation(self)
