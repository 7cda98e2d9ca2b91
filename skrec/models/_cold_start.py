"""Vectors of items without events, predicted from their features.

Other parameters are documented in `BaseRecommender`.
"""

import copy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skrec._checks import check_number
from skrec.base import EmbeddingRecommender
from skrec.base._onnx import exported_states
from skrec.base._pairs import dense_products
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.export._states import States
from skrec.persistence import Array, Kind, Nested
from skrec.topk import Products, as_array

_SAMPLE = 50


class RegressionKind(Kind):
    """The regression of vectors on features, or None."""

    def write(self, value: Any, writer: Any) -> Any:
        """Write penalty, coefficients and intercepts."""
        if value is None:
            return None
        return {
            "alpha": writer.value(value.alpha),
            "coef": writer.array(value.coef_),
            "intercept": writer.array(value.intercept_),
        }

    def read(self, node: Any, reader: Any) -> Any:
        """Make a fitted regression."""
        if node is None:
            return None
        ridge = Ridge(alpha=reader.value(node["alpha"]))
        ridge.coef_, ridge.intercept_ = reader.array(node["coef"]), reader.array(node["intercept"])
        ridge.n_features_in_ = ridge.coef_.shape[1]
        return ridge


class ColdStartRecommender(EmbeddingRecommender):
    """A factor model for items without events: ridge regression predicts their vectors from their features.

    The regression is fitted to the items that have both features and events. Each is weighted by the square root of its number
    of users, since the vectors of rare items are noisy. Items with events are ranked as by the factor model.

    Parameters
    ----------
    estimator : recommender, default=None
        Its scores must be dot products of ``user_embeddings_`` and ``item_embeddings_``, plus ``item_biases_`` if it has any:
        `ALSRecommender`, `BPRRecommender`, `MFRecommender`, `LightGCNRecommender`, or a sequence model such as
        `SASRecRecommender`. If None, ``MFRecommender(random_state=0)``.
    regularization : float, default=1.0
        L2 penalty of the regression. With larger values, new items are closer to the mean item.

    Attributes
    ----------
    estimator_ : recommender
        Fitted clone of ``estimator``.
    regression_ : Ridge, or None if the data have no ``item_features``
        Fitted regression of item vectors and biases on item features.
    user_embeddings_ : float32 array of shape (n_users_, d)
        User vectors of ``estimator_``.
    item_embeddings_ : float32 array of shape (n_items_, d)
        Item vectors of ``estimator_``. Those of items without events are predicted.
    item_biases_ : float32 array of shape (n_items_,)
        Item biases of ``estimator_``, zeros if it has none. Those of items without events are predicted.

    Notes
    -----
    New items are added with a row of features and no events, in the data of `fit` or by
    ``partial_fit(Interactions.from_features(item_features=...))``. Without ``item_features``, no vectors are predicted. Items
    with events keep the vector of the factor model, even if none of their events is positive. The regression takes ``n_items *
    n_features**2`` multiplications.

    References
    ----------
    Gantner, Drumond, Freudenthaler, Rendle, Schmidt-Thieme, "Learning Attribute-to-Feature Mappings for Cold-Start
    Recommendations", ICDM 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec import ALSRecommender, ColdStartRecommender, Interactions
    >>> users, items = np.nonzero(np.kron(np.eye(2), np.ones((4, 4))))  # two groups
    >>> genres = np.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1, 0, 1]]  # the last two films are new
    >>> plays = Interactions.from_arrays(users, items, n_items=10, item_features=genres)
    >>> als = ALSRecommender(n_factors=2, random_state=0)
    >>> ColdStartRecommender(estimator=als, regularization=0.1).fit(plays).recommend([0, 5], k=1).items.tolist()
    [[8], [9]]
    """

    estimator: Any = None
    regularization: float = 1.0

    _needs: ClassVar[dict[str, Needs]] = {
        "regularization": Needs(lambda model: model.events_.item_features is not None, "item_features in X"),
    }
    _stored: ClassVar[dict[str, Kind]] = {
        "estimator_": Nested("estimator", "_factor_model"),
        "item_embeddings_": Array("float32", "items", "factors"),
        "item_biases_": Array("float32", "items"),
        "regression_": RegressionKind(),
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number(self.regularization, "regularization", at_least=0)

    def _fit(self, data: Interactions) -> None:
        self._fit_validated(data, None)

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        options = {} if validation is None else {"validation": validation.data, "metrics": validation.metrics or None}
        self.estimator_ = clone(self._factor_model).fit(data, **options)
        self._predict_item_vectors(data)

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        trained = copy.copy(before.estimator_).set_params(**self._factor_model.get_params(deep=False))
        self.estimator_ = trained.partial_fit(events[len(before.events_) :])
        self._predict_item_vectors(events)

    def _store_events(self) -> None:
        super()._store_events()
        self.seen_ = self.estimator_.seen_
        if not self.keep_events:
            self.estimator_._drop_events()
        elif self.estimator_.keep_events:
            self.events_ = self.estimator_.events_

    def anonymized(self) -> Self:
        """Return a copy without labels of users and without training events, as `BaseRecommender.anonymized`.

        Returns
        -------
        ColdStartRecommender
            The copy, which makes the same recommendations.
        """
        twin = super().anonymized()
        twin.estimator_ = self.estimator_.anonymized()
        return twin

    def _predict_item_vectors(self, data: Interactions) -> None:
        """Fit the regression and replace the vectors of items without events by its predictions."""
        self._check_products()
        vectors, biases = self.estimator_.item_embeddings_, _biases(self.estimator_)
        self.item_embeddings_, self.item_biases_, self.regression_ = vectors, biases, None
        if data.item_features is None:
            return
        known, counts = self.estimator_._familiar_items, self.estimator_._item_counts
        targets = np.column_stack([vectors, biases])
        self.regression_ = Ridge(alpha=self.regularization).fit(
            data.item_features[known], targets[known], np.sqrt(counts[known])
        )
        if not known.all():
            targets[~known] = self.regression_.predict(data.item_features[~known])
        self.item_embeddings_, self.item_biases_ = np.ascontiguousarray(targets[:, :-1]), targets[:, -1].copy()

    def _check_products(self) -> None:
        """Raise ValueError if scores are not dot products of vectors plus biases."""
        trained = self.estimator_
        users, items = np.flatnonzero(trained.has_past_)[:_SAMPLE], slice(0, min(_SAMPLE, trained.n_items_))
        state = trained._known_state(users)
        scores = as_array(trained._score(state, items))
        products = trained._state_vectors(state) @ trained.item_embeddings_[items].T + _biases(trained)[items]
        if products.shape != scores.shape or not np.allclose(products, scores, rtol=1e-3, atol=1e-3 * np.abs(scores).max()):
            raise ValueError(
                f"estimator must score by products of user_embeddings_ and item_embeddings_, as ALSRecommender does; "
                f"{trained!r} does not"
            )

    def _check_weights(self, data: Interactions) -> None:
        """Done by the estimator."""

    def _check_order(self, X: Any) -> None:
        """Done by the estimator."""

    def _checked(self) -> Any:
        if not isinstance(self._factor_model, EmbeddingRecommender):
            raise TypeError(
                f"estimator must be a recommender with embeddings, such as ALSRecommender(), got {self.estimator!r}"
            )
        return self._factor_model

    @property
    def _factor_model(self) -> Any:
        """Resolved value of ``estimator``."""
        if self.estimator is not None:
            return self.estimator
        from skrec.models._mf import MFRecommender  # loads torch

        return MFRecommender(random_state=0)

    def _informative(self, data: Interactions) -> NDArray[np.bool_]:
        estimator = copy.copy(self._checked())
        estimator.positive_from_ = self.positive_from_
        return estimator._informative(data)

    @property
    def _predicts_ratings(self) -> bool:  # type: ignore[override]
        return getattr(self._factor_model, "_predicts_ratings", False)

    @property
    def _ordered(self) -> bool:  # type: ignore[override]
        return getattr(self._factor_model, "_ordered", False)

    @property
    def positive_from(self) -> float | None:
        """``positive_from`` of the estimator, None if it has no such parameter."""
        return getattr(self._factor_model, "positive_from", None)

    @property
    def _familiar_items(self) -> NDArray[np.bool_]:
        return self.estimator_._familiar_items | self._described_items

    @property
    def _described_items(self) -> NDArray[np.bool_]:
        """Items with predicted vectors."""
        return ~self.estimator_._familiar_items & (self.regression_ is not None)

    def _familiar_users(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self.estimator_._familiar_users(users)

    def _familiar_histories(self, histories: Interactions) -> NDArray[np.bool_]:
        return self.estimator_._familiar_histories(histories)

    def _known_state(self, users: NDArray[np.int64]) -> Any:
        return self.estimator_._known_state(users)

    def _new_state(self, histories: Interactions) -> Any:
        return self.estimator_._new_state(histories)

    def _score(self, state: Any, items: slice) -> NDArray[np.float32]:
        scores = as_array(self.estimator_._score(state, items))
        cold = np.flatnonzero(~self.estimator_._familiar_items[items])
        if len(cold) and self.regression_ is not None:
            codes = cold + items.start
            scores[:, cold] = self._state_vectors(state) @ self.item_embeddings_[codes].T + self.item_biases_[codes]
        return scores

    def _formula(self) -> Products:
        return Products(self.item_embeddings_, self.estimator_._state_vectors, self.item_biases_)

    def _exported_state(self) -> States:
        return exported_states(self.estimator_)

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        scores = self.estimator_._score_pairs(users, items)
        cold = np.flatnonzero(~self.estimator_._familiar_items[items])
        if len(cold) and self.regression_ is not None:
            who, rows = np.unique(users[cold], return_inverse=True)
            vectors = self._state_vectors(self._known_state(who))
            scores[cold] = dense_products(vectors, self.item_embeddings_, rows, items[cold]) + self.item_biases_[items[cold]]
        return scores

    def _state_vectors(self, state: Any) -> NDArray[np.float32]:
        return self.estimator_._state_vectors(state)

    @property
    def user_embeddings_(self) -> NDArray[np.float32]:
        """User vectors of ``estimator_``."""
        return self.estimator_.user_embeddings_


def _biases(model: Any) -> NDArray[np.float32]:
    return getattr(model, "item_biases_", np.zeros(model.n_items_, np.float32))
