"""The base class of all recommenders."""

from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_flag
from skrec.base import _knowledge as knowledge
from skrec.base import _scoring as scoring
from skrec.base import _training_data as training
from skrec.base._allowed import Unknown
from skrec.base._audience import recommend_users
from skrec.base._copying import deep_copy, shallow_copy
from skrec.base._explanation import explain, no_contributions
from skrec.base._item_index import ItemIndex, build_index
from skrec.base._lists import read_list_request
from skrec.base._onnx import to_onnx
from skrec.base._parameters import DeclaredParameters
from skrec.base._parquet import recommend_to_parquet
from skrec.base._prepared import forget
from skrec.base._prompt import applicable_names, diagram_block, fitted_attributes_table
from skrec.base._recommendations import Recommendations
from skrec.base._similarity import similar_items, similar_users
from skrec.base._tags import RecommenderTags, with_recommender_tags
from skrec.base._validation import Validation, read_validation
from skrec.data import Interactions, check_pairs, is_matrix
from skrec.metrics import get_scorer
from skrec.persistence import Array, Events, Kind, Matrix, Value, save


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
        Whether the fitted model keeps the training events, which `partial_fit` requires.

    Attributes
    ----------
    user_ids_, item_ids_ : arrays of labels, or None if the data have none
    n_users_, n_items_, n_features_in_ : int
        Number of users and items. ``n_features_in_`` is the number of items.
    positive_from_ : float or None
        The value of ``positive_from`` at the last fit. None for models without this parameter.
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

    _answers_from_events: ClassVar[bool] = False  # not only `partial_fit` needs them
    _ordered: ClassVar[bool] = False  # whether the order of a user's events matters
    _predicts_ratings: ClassVar[bool] = False
    _reads_weights: ClassVar[bool] = False
    _answers_from_histories: ClassVar[bool] = False  # the lists of all users need those of known users

    # how the attributes of a fitted model are saved; a class declares its own ones
    _stored: ClassVar[dict[str, Kind]] = {
        "events_": Events(),
        "positive_from_": Value(Real, type(None)),
        "seen_": Matrix("bool", "users", "items", is_history=True),
        "item_counts_": Array("int64", "items"),
        "learned_counts_": Array("int64", "items"),
        "popularity_": Array("float64", "items"),
        "has_past_": Array("bool", "users"),
    }

    # the methods that a model writes; `fit` raises an error that names those that are missing
    _methods_of_models: ClassVar[tuple[str, ...]] = ("_fit", "_known_state", "_new_state", "_score")
    _fit: ClassVar[Callable[..., None]]
    _known_state: ClassVar[Callable[..., Any]]
    _new_state: ClassVar[Callable[..., Any]]
    _score: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        scoring.forget_formula_of_other_scores(cls)

    def _check_parameters(self) -> None:
        """Check the values of parameters. `fit` and `partial_fit` call it when the data are known."""

    def _fit_validated(self, data: Interactions, validation: Validation) -> None:
        if validation.metrics:
            raise ValueError(f"metrics must be None for {type(self).__name__}, which is not trained in epochs")
        self._recode(validation.data, name="validation")  # it is not used, but it is checked
        self._fit(data)

    def _partial_fit(self, events: Interactions, before: Self) -> None:
        """Learn from ``events``, which begin with those that the model ``before`` was fitted on."""
        self._fit(events)

    # functions of a model, which it may override
    _learn_vocabulary, _drop_events = training.learn_vocabulary, training.drop_events
    _store_events = training.store_events
    _count, _informative = training.store_counts, training.informative_events
    _check_weights, _check_order = training.check_weights, training.check_order
    _positives = staticmethod(training.positive_events)
    _recode, _query, _allowed = training.encode_test_data, training.read_query, knowledge.allowed_items
    _familiar_users, _familiar_histories = knowledge.familiar_users, knowledge.familiar_histories
    _contributions, _formula = no_contributions, scoring.no_formula
    _score_pairs, _score_known_pairs = scoring.score_pairs, scoring.score_pairs_by_rows
    __copy__, __deepcopy__ = shallow_copy, deep_copy
    _compares_times, _described_items = property(knowledge.compares_times), property(knowledge.described_items)
    _item_counts = property(lambda self: self.item_counts_)
    _familiar_items, _learned_items = property(knowledge.familiar_items), property(knowledge.learned_items)
    known_items_ = property(lambda self: self._familiar_items)
    __dir__, _sk_visual_block_, _get_fitted_attr_html = applicable_names, diagram_block, fitted_attributes_table

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return with_recommender_tags(tags, RecommenderTags(bool(self._ordered), bool(self._predicts_ratings)))

    def fit(self, X: Any, y: ArrayLike | None = None, *, validation: Any = None, metrics: Any = None) -> Self:
        """Learn from interactions. If this fails, a fitted estimator stays unchanged.

        Parameters
        ----------
        X : Interactions, DataFrame of events, or users x items matrix (sparse or dense)
            The columns of a DataFrame are ``user``, ``item`` and optionally ``rating``, ``timestamp``, ``weight``,
            ``impression``.
        y : array-like of shape (n_events,), optional
            Values of the events, such as ratings, if X is a table of events.
        validation : like X, optional
            Held-out data. Models that are trained in epochs store the loss on these data in ``history_`` after each epoch. They
            choose the epoch by them only if ``early_stopping`` is set. Other models only check that the data can be read.
        metrics : str, list of str or dict of str to int, optional
            Names of scorers, such as ``["ndcg@10", "recall@20"]``, that are evaluated on the held-out data and stored in
            ``history_``. A dict has the number of epochs between two evaluations, such as ``{"ndcg@10": 5}``. The last epoch is
            always evaluated. Requires ``validation`` or ``early_stopping``. Models that are not trained in epochs accept only
            None.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If data cannot be read or a parameter is out of range.
        """
        self.__dict__ = training.fitted_copy(self, X, y, read_validation(validation, metrics)).__dict__
        forget(self)
        return self

    def partial_fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Learn from more interactions, or `fit` an unfitted model. If this fails, the estimator stays unchanged.

        New users and items get the next codes. Models that are trained in epochs fold in the new users. They then make
        ``max_epochs`` passes over the new events and as many of the old ones, at a tenth of the learning rate. ALS solves for
        the users and items of the new events. All other models have a closed form and learn again from all events.

        Parameters
        ----------
        X, y
            As for `fit`. The rows of a matrix are new users. It must have as many columns as the training data. Users and items
            of Interactions without labels are identified by their codes, and codes beyond the known ones are new.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If the data cannot be read, or only one of the two data sets has labels, timestamps or impressions. If a parameter
            of the model's architecture has changed since `fit`. If ``early_stopping`` is set, since no data are held out.
        """
        if not hasattr(self, "vocabulary_"):
            return self.fit(X, y)
        self.__dict__ = training.further_fitted_copy(self, X, y).__dict__
        forget(self)
        return self

    def anonymized(self) -> Self:
        """Return a copy without labels of users and without training events, for storage or sharing.

        The copy gives the same answers. Users are identified by their codes. User i is ``user_ids_[i]`` of the original.
        Everything else is kept, including features of users and the items that they have seen. The copy has no `partial_fit`.

        Returns
        -------
        estimator
            A ValueError is raised if the model needs its training events to recommend, as `NewsRecommender` does.
        """
        return training.without_identities(self)

    def predict(self, X: Any) -> NDArray[np.float32]:
        """Predict the scores of events, or of all items for new users.

        Parameters
        ----------
        X : DataFrame of events or Interactions, or a users x items matrix
            Each event gets the score of its item for its user. Only the columns ``user`` and ``item`` of a DataFrame are read.
            Each row of a matrix is the history of a new user, and all items are scored for this user.

        Returns
        -------
        float32 array of shape (n_events,), or (n_rows, n_items_) for a matrix
            Ratings, if the model predicts ratings. Those of unknown users or items are means. For other models, the score of an
            unknown user is the popularity of the item, and the score of an unknown item is minus infinity.
        """
        training.check_fitted(self)
        if not is_matrix(X):
            data = self._recode(check_pairs(X))
            return self._score_pairs(data.users, data.items)
        return scoring.all_scores(self, training.read_new_users(self, X, name="X"), exclude_seen=False)

    def score_items(self, users: Any = None, *, exclude_seen: bool = False) -> NDArray[np.float32]:
        """Compute the scores of all items for each user.

        Parameters
        ----------
        users : ids of known users, or interactions of new ones, default=None
            As for `recommend`.
        exclude_seen : bool, default=False
            Whether items that the user has interacted with get minus infinity.

        Returns
        -------
        float32 array of shape (n_users, n_items_)
            The columns are in the order of ``item_ids_``. Items that are not in ``known_items_`` have minus infinity, unless
            scores are ratings. A ValueError is raised if the array would take more than 1 GiB.
        """
        check_flag(exclude_seen, "exclude_seen")
        query = self._query(users)
        query.check_known(self.vocabulary_, name="users")
        return scoring.all_scores(self, query, exclude_seen=exclude_seen)

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """Compute R² of a model of ratings, or NDCG@10 of the full rankings of any other model, on held-out data.

        Parameters
        ----------
        X, y
            As for `fit`.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        name = "r2" if self._predicts_ratings else "ndcg@10"
        return get_scorer(name, positive_from=self.positive_from_)(self, X, y)

    def recommend(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
        index: ItemIndex | None = None,
    ) -> Recommendations:
        """Recommend the k best items to each user: ``items, scores = model.recommend(...)``.

        Parameters
        ----------
        users : ids of known users, or interactions of new ones, default=None
            If None, all known users. The rows of a matrix and the users of a DataFrame or of Interactions are new users, even
            if their label is known. They are folded in by the given events. Users without an event that the model learns from
            get the most popular items. Users of Interactions without events get a list only if the Interactions were made by
            `Interactions.from_csr`, have ``user_features``, or have no event at all. A matrix of the shape of the training data
            causes a UserWarning.
        k : int, default=10
            Length of the lists.
        exclude_seen : bool, default=True
            Whether items that the user has interacted with are left out.
        exclude : array-like of item labels, optional
            Items that must not be recommended. Unknown labels are ignored.
        candidates : array-like of item labels, mapping of users to item labels, or DataFrame, optional
            The only items that may be recommended. A mapping, or a DataFrame with the columns ``user`` and ``item``, has
            candidates for each user, such as the items of an impression. Users are identified by their label in ``.users``.
            A user without candidates gets an empty list. Other users in the mapping are ignored.
        unknown : {"raise", "popular"}, default="raise"
            Treatment of unknown ids. With "raise" they are an error. With "popular" an unknown user gets the most popular
            items, and unknown candidates are left out.
        index : ItemIndex, default=None
            What `build_index` returned for this fit. Its search replaces that among all items. ``candidates`` must be None.
            Among items that an approximate index finds, those with equal scores are in the order of the vocabulary.

        Returns
        -------
        Recommendations
            ``.items`` and ``.scores`` have shape (n_users, k), best first. Items with equal scores are in the order of the
            vocabulary. Lists are padded if fewer than k items are left. Items that are not in ``known_items_`` come last, with
            a score of minus infinity.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If a user or a candidate is unknown and ``unknown`` is "raise". ``error.labels`` has the unknown labels. Both are
            subclasses of ValueError and KeyError.
        ValueError, TypeError
            If an id is of another kind than the known ids, or k is below 1.
        """
        request = read_list_request(self, users, k, exclude_seen, exclude, candidates, unknown, index)
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
        index: ItemIndex | None = None,
        batch_size: int = 10_000,
    ) -> Iterator[Recommendations]:
        """Recommend in batches of users, as `recommend` does. Errors in arguments are raised at once.

        Parameters
        ----------
        users, k, exclude_seen, exclude, candidates, unknown, index
            As for `recommend`.
        batch_size : int, default=10000
            Number of users in a batch.

        Returns
        -------
        iterator of Recommendations
        """
        return read_list_request(self, users, k, exclude_seen, exclude, candidates, unknown, index, batch_size).answers(self)

    # answers that are written in their own modules
    recommend_to_parquet, recommend_users, save, build_index = recommend_to_parquet, recommend_users, save, build_index
    similar_items, similar_users, explain, to_onnx = similar_items, similar_users, explain, to_onnx
    user_codes, item_codes = knowledge.user_codes, knowledge.item_codes
