"""What a model takes from its training data, and checks of test data and histories against them."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_flag
from skrec.base._copying import shallow_copy, without_learned_attributes
from skrec.base._counts import count_events, stored_events
from skrec.base._queries import NewUsers, Query, known_users
from skrec.base._validation import Validation
from skrec.data import Interactions, check_interactions, is_matrix, is_positive, positive_mask
from skrec.data._appending import check_same_unit
from skrec.data._callers import depth_of_caller
from skrec.data._ordering import warn_about_item_order
from skrec.data._pairs import remembering_pairs
from skrec.data._training_shape import is_of_shape, may_hold_known_users, warn_about_training_shape
from skrec.data._vocabulary import Vocabulary, are_labels


def check_methods(model: Any) -> None:
    """Raise NotImplementedError if a model lacks methods that its base classes use."""
    names = [name for base in reversed(type(model).__mro__) for name in vars(base).get("_methods_of_models", ())]
    missing = [name for name in names if not callable(getattr(type(model), name, None))]
    if missing:
        raise NotImplementedError(f"{type(model).__name__} must implement {', '.join(missing)}")


def fitted_copy(model: Any, X: Any, y: ArrayLike | None, validation: Validation | None) -> Any:
    """A copy of an estimator that has learned from X alone."""
    data = remembering_pairs(check_interactions(X, y))
    if len(data) == 0:
        raise ValueError("X has no events: at least one stored (sparse) or non-zero (dense) entry is required to fit")
    check_methods(model)
    fresh = without_learned_attributes(model)
    fresh._learn_vocabulary(data)
    fresh._check_parameters()
    fresh._warn_of_parameters_without_effect()
    fresh._check_order(X)
    if validation is None:
        fresh._fit(data)
    else:
        fresh._fit_validated(data, validation)
    fresh._store_events()
    return fresh


def further_fitted_copy(model: Any, X: Any, y: ArrayLike | None) -> Any:
    """Return a copy of a fitted model that has also learned from X."""
    if len(model.events_) == 0:
        raise ValueError(
            f"partial_fit requires the training events, which this {type(model).__name__} did not keep: fit with "
            "keep_events=True, and save with include_events=True"
        )
    events = remembering_pairs(model.vocabulary_.extend(model.events_, X, y, name="X"))
    fresh = shallow_copy(model)
    fresh._learn_vocabulary(events)
    fresh._check_parameters()
    fresh._check_order(X)
    fresh._partial_fit(events, model)
    fresh._store_events()
    return fresh


def store_events(model: Any) -> None:
    """Store the training events in little memory, or none of them."""
    model.events_ = stored_events(model.events_, model.seen_)
    if not model.keep_events:
        model._drop_events()


def drop_events(model: Any) -> None:
    """Leave only the labels and features of the users and items of the training events."""
    model.events_ = model.events_[:0]


def without_identities(model: Any) -> Any:
    """A copy of a fitted model without labels of users and without training events."""
    check_is_fitted(model)
    if model._answers_from_events:
        raise ValueError(f"{type(model).__name__} needs its training events to recommend, so it cannot be anonymized")
    twin = shallow_copy(model)
    twin.user_ids_, twin.vocabulary_ = None, replace(model.vocabulary_, user_ids=None)
    twin._drop_events()
    twin.events_ = twin.events_._replace(user_ids=None, impression_ids=None)
    return twin


def learn_vocabulary(model: Any, data: Interactions) -> None:
    """Store events, labels, sizes and counts in a model."""
    check_flag(model.keep_events, "keep_events")
    model.positive_from_ = getattr(model, "positive_from", None)
    model._check_weights(data)
    model.events_ = data
    model.vocabulary_ = Vocabulary(data.n_users, data.n_items, data.user_ids, data.item_ids, type(model).__name__)
    model.user_ids_, model.item_ids_ = data.user_ids, data.item_ids
    model.n_users_, model.n_items_ = data.n_users, data.n_items
    model.n_features_in_ = data.n_items
    model._count(data)


def store_counts(model: Any, data: Interactions) -> None:
    """Store in a model what users have seen, and how popular items are, in some events."""
    counts = count_events(data, model._informative(data))
    model.seen_, model.item_counts_, model.has_past_ = counts.seen, counts.item_counts, counts.has_past
    model.learned_counts_, model.popularity_ = counts.learned_counts, counts.learned_counts.astype(np.float64)


def informative_events(model: Any, data: Interactions) -> NDArray[np.bool_]:
    """Which events (n_events,) the model learns from: the positive ones, or all for a model of ratings."""
    return np.ones(len(data), bool) if model._predicts_ratings else is_positive(data.values, model.positive_from_)


def informative_part(model: Any, histories: Interactions) -> Interactions:
    """The events that the model learns from."""
    mask = model._informative(histories)
    return histories if mask.all() else histories[mask]


def check_weights(model: Any, data: Interactions) -> None:
    """Warn about weights that the model does not use, and refuse weights that are all 0."""
    if data.weights is None:
        return
    if not model._reads_weights:
        warnings.warn(
            f"X has weights of events, which {type(model).__name__} does not use: all events have the same weight",
            UserWarning,
            stacklevel=depth_of_caller(),
        )
    elif not (data.weights[model._informative(data)] > 0).any():
        raise ValueError("the weights in X must not all be 0: no event that the model learns from has one above 0")


def check_order(model: Any, X: Any) -> None:
    """Warn if a model reads order, there are no times, and the order of the training data X cannot be that of time."""
    if model._ordered:
        warn_about_item_order(model.events_, from_matrix=is_matrix(X), model=type(model).__name__)


def positive_events(data: Interactions, positive_from: float | None) -> Interactions:
    """The positive events. Raises ValueError if there are none."""
    is_positive = positive_mask(data, positive_from)
    if not is_positive.any():
        raise ValueError(
            f"X has no positive event: its largest value is {data.values.max():g}, with positive_from={positive_from!r}"
        )
    return data if is_positive.all() else data[is_positive]


def check_fitted(model: Any) -> None:
    """Raise NotFittedError if a model is not fitted."""
    if not hasattr(model, "vocabulary_"):
        check_is_fitted(model)


def encode_test_data(model: Any, X: Any, y: ArrayLike | None = None, *, name: str = "X") -> Interactions:
    """Test data in the model's codes. Warns if the rows of a matrix may be meant as the training users."""
    check_fitted(model)
    data, shape = model.vocabulary_.recode(X, y, name=name), (model.n_users_, model.n_items_)
    if is_of_shape(X, shape) and may_hold_known_users(data, model.seen_, first_user=model.n_users_):
        warn_about_training_shape(name, shape)
    if model._compares_times:
        check_same_unit(model.events_, data, name)
    return data


def read_query(model: Any, users: Any, *, name: str = "users") -> Query:
    """Known users by their labels, all if None, or new ones by their interactions."""
    check_fitted(model)
    if users is None or are_labels(users):
        return known_users(model.vocabulary_, users, name=name)
    return read_new_users(model, users, name=name)


def read_new_users(model: Any, X: Any, *, name: str) -> NewUsers:
    """New users by their interactions. Warns if the columns of a matrix would be taken for an order in time."""
    histories, labels = model.vocabulary_.histories(X, name=name)
    histories = remembering_pairs(histories)  # they are read for the state and for the seen items
    if model._ordered:
        warn_about_item_order(histories, from_matrix=is_matrix(X), model=type(model).__name__, name=name)
    if model._compares_times:
        check_same_unit(model.events_, histories, name)
    return NewUsers(histories, labels)
