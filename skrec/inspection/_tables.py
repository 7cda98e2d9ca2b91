"""What displays show, as labeled tables."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_choice, check_int
from skrec.base import Recommendations
from skrec.data import Interactions, check_interactions
from skrec.data._encoding import as_index
from skrec.data._vocabulary import decode
from skrec.metrics._unwrapping import unwrap

Side = Literal["item", "user"]


def embedding_table(estimator: Any, *, side: Side = "item") -> pd.DataFrame:
    """Embeddings of items or users, indexed by their labels.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender with ``item_embeddings_`` and ``user_embeddings_``, or a fitted search or Pipeline that ends in
        one.
    side : {"item", "user"}, default="item"
        Whether the rows are items or users.

    Returns
    -------
    DataFrame of shape (n, n_factors)
        The columns are numbers from 0. The rows are in the order of the codes.

    Raises
    ------
    TypeError
        If the model has no embeddings.

    Examples
    --------
    >>> from skrec import ALSRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import embedding_table
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = ALSRecommender(n_factors=4, positive_from=4, n_jobs=1, random_state=0).fit(films)
    >>> embedding_table(model).shape
    (20, 4)
    """
    model = fitted(estimator)
    vectors = attribute_of(model, f"{side_name(side)}_embeddings_", "embeddings")
    return pd.DataFrame(vectors, index=labels_of(model, side))


def bias_table(estimator: Any, *, side: Side = "item", min_count: int = 0) -> pd.DataFrame:
    """Biases of items or users, with the number of their training events, from the lowest to the highest bias.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender with ``item_biases_`` or ``user_biases_``, or a fitted search or Pipeline that ends in one.
    side : {"item", "user"}, default="item"
        Whether the rows are items or users.
    min_count : int, default=0
        Minimum number of training users of an item, or of training items of a user. The biases of rare items are noisy.

    Returns
    -------
    DataFrame
        Columns ``bias`` and ``count``, indexed by label.

    Raises
    ------
    TypeError
        If the model has no biases.

    Examples
    --------
    >>> from skrec import MFRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import bias_table
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = MFRecommender(loss="mse", n_factors=4, max_epochs=2, random_state=0).fit(films)
    >>> bias_table(model, min_count=10).columns.tolist()
    ['bias', 'count']
    """
    model = fitted(estimator)
    check_int(min_count, "min_count", at_least=0)
    biases = attribute_of(model, f"{side_name(side)}_biases_", f"{side} biases")
    if not np.any(biases):
        raise TypeError(f"{type(model).__name__} has no {side} biases: all of them are 0")
    table = pd.DataFrame({"bias": biases, "count": counts_of(model, side)}, index=labels_of(model, side))
    return table[table["count"] >= min_count].sort_values("bias", kind="stable")


def rating_table(
    X: Any, y: ArrayLike | None = None, *, estimator: Any = None, n_users: int = 15, n_items: int = 15
) -> pd.DataFrame:
    """Ratings of the users with most ratings and the items with most ratings, or the predictions for the same table.

    Parameters
    ----------
    X : Interactions, DataFrame of events, or users x items matrix
        Ratings. The last one of a repeated pair counts.
    y : array-like of shape (n_events,), optional
        Values of the events, if X is a table of events.
    estimator : estimator, optional
        A fitted recommender that knows these users and items, or a fitted search or Pipeline that ends in one. If None, the
        table has the ratings, and NaN for pairs without one. Otherwise it has the predictions for all pairs.
    n_users, n_items : int, default=15
        Number of rows and columns.

    Returns
    -------
    DataFrame of shape (n_users, n_items)
        Indexed by user label, with item labels as columns, those with most ratings first.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.inspection import rating_table
    >>> ratings = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": ["Alien", "Big", "Big"], "rating": [5, 3, 4]})
    >>> rating_table(ratings)
    item  Big  Alien
    user
    ann   3.0    5.0
    bob   4.0    NaN
    """
    events = check_interactions(X, y)
    if len(events) == 0:
        raise ValueError("X has no events, so there is no user with most ratings")
    events = events[events.last_of_each_pair()]
    users, items = (
        np.argsort(-np.bincount(codes, minlength=size), kind="stable")[: check_int(n, name, at_least=1)]
        for codes, size, n, name in (
            (events.users, events.n_users, n_users, "n_users"),
            (events.items, events.n_items, n_items, "n_items"),
        )
    )
    index = as_index(decode(users, events.user_ids)).rename("user")
    columns = as_index(decode(items, events.item_ids)).rename("item")
    if estimator is not None:
        return pd.DataFrame(_predictions(fitted(estimator), events, users, items), index=index, columns=columns)
    values = np.full((len(users), len(items)), np.nan, np.float32)
    rows, places = (np.full(size, -1) for size in (events.n_users, events.n_items))
    rows[users], places[items] = np.arange(len(users)), np.arange(len(items))
    inside = (rows[events.users] >= 0) & (places[events.items] >= 0)
    values[rows[events.users[inside]], places[events.items[inside]]] = events.values[inside]
    return pd.DataFrame(values, index=index, columns=columns)


def _predictions(model: Any, events: Interactions, users: NDArray, items: NDArray) -> NDArray[np.float32]:
    pairs = np.repeat(users, len(items)), np.tile(items, len(users))
    asked = Interactions.from_arrays(*pairs, n_users=events.n_users, n_items=events.n_items)
    asked = asked._replace(user_ids=events.user_ids, item_ids=events.item_ids)
    return model.predict(asked).reshape(len(users), len(items))


def popularity_table(recommendations: Recommendations, estimator: Any) -> pd.DataFrame:
    """How popular each item is, and how often it is recommended.

    Parameters
    ----------
    recommendations : Recommendations
        Lists of the model, such as ``model.recommend(k=10)`` for all its users.
    estimator : estimator
        The fitted recommender, or a fitted search or Pipeline that ends in it.

    Returns
    -------
    DataFrame of shape (n_items, 2)
        Columns ``popularity``, the number of training users, and ``recommended``, the number of lists with the item, indexed by
        item label.

    Examples
    --------
    >>> from skrec import PopularityRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import popularity_table
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = PopularityRecommender(positive_from=4).fit(films)
    >>> popularity_table(model.recommend(k=5), model)["recommended"].sum().item()
    300
    """
    if not isinstance(recommendations, Recommendations):
        raise TypeError(
            f"recommendations must be Recommendations, as recommend() returns them, got {type(recommendations).__name__}"
        )
    model = fitted(estimator)
    codes = recommendations.codes[recommendations.codes >= 0]
    if codes.max(initial=-1) >= model.n_items_:
        raise ValueError(f"recommendations must be of the estimator, which has {model.n_items_} items, got code {codes.max()}")
    counts = np.bincount(codes, minlength=model.n_items_)
    columns = {"popularity": counts_of(model, "item"), "recommended": counts}
    return pd.DataFrame(columns, index=labels_of(model, "item"))


def fitted(estimator: Any) -> Any:
    """The fitted recommender inside a search or Pipeline."""
    model = unwrap(estimator).recommender
    check_is_fitted(model)
    return model


def side_name(side: Any) -> str:
    """Check the argument ``side``."""
    check_choice(side, "side", ("item", "user"))
    return side


def labels_of(model: Any, side: str) -> pd.Index:
    """Labels of a model's items or users in the order of the codes."""
    n, ids = (model.n_items_, model.item_ids_) if side == "item" else (model.n_users_, model.user_ids_)
    return as_index(decode(np.arange(n), ids)).rename(side)


def counts_of(model: Any, side: str) -> NDArray[np.int64]:
    """Training users of each item, or training items of each user."""
    return np.asarray(model.item_counts_ if side == "item" else np.diff(model.seen_.indptr), np.int64)


def attribute_of(model: Any, name: str, words: str) -> NDArray:
    """A fitted attribute. Raises TypeError if the model does not have it."""
    if not hasattr(model, name):
        raise TypeError(f"{type(model).__name__} has no {words}: it has no attribute {name!r}")
    return getattr(model, name)
