"""Factors of embeddings, rotated so that they can be interpreted."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skrec._checks import check_flag, check_int
from skrec.inspection._tables import counts_of, embedding_table, fitted

_MAX_STEPS, _TOLERANCE = 500, 1e-7


def varimax(vectors: ArrayLike) -> NDArray[np.float64]:
    """Compute the rotation of vectors for which few coordinates of each factor are large.

    Dot products do not change if the vectors of users and of items are multiplied by the same rotation. The coordinates of a
    trained model have no meaning, because each rotation of them has the same scores. After this rotation a factor is large for
    some items and small for the others.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        Vectors such as ``item_embeddings_``.

    Returns
    -------
    float64 array of shape (d, d)
        Orthogonal matrix. ``vectors @ rotation`` are the rotated vectors. Factors are in the order of their variance, and
        signed so that the skewness is positive: the largest coordinates of a factor are mostly positive.

    References
    ----------
    Kaiser, "The varimax criterion for analytic rotation in factor analysis", Psychometrika 23, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec.inspection import varimax
    >>> axes = np.array([[3.0, 0], [2, 0], [0, 2], [0, 1]])
    >>> turned = axes @ np.array([[0.6, -0.8], [0.8, 0.6]])
    >>> np.round(turned @ varimax(turned), 6) + 0.0
    array([[3., 0.],
           [2., 0.],
           [0., 2.],
           [0., 1.]])
    """
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(f"vectors must be finite numbers in an array of two dimensions, got shape {vectors.shape}")
    # columns that are not principal axes may be a saddle point, such as axes turned by 45 degrees
    rotation = (
        np.linalg.svd(vectors, full_matrices=False)[2].T if len(vectors) >= vectors.shape[1] else np.eye(vectors.shape[1])
    )
    previous = 0.0
    for _ in range(_MAX_STEPS):
        rotated = vectors @ rotation
        left, values, right = np.linalg.svd(vectors.T @ (rotated**3 - rotated * (rotated**2).mean(0)))
        rotation, criterion = left @ right, float(values.sum())
        if criterion <= previous * (1 + _TOLERANCE):
            break
        previous = criterion
    rotated = vectors @ rotation
    signs = np.where((rotated**3).sum(0) < 0, -1, 1)
    return (rotation * signs)[:, np.argsort(-(rotated**2).sum(0), kind="stable")]


def factor_table(estimator: Any, *, k: int = 5, rotate: bool = True, min_count: int = 0) -> pd.DataFrame:
    """List the items with the highest and the lowest coordinates of each factor.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender with ``item_embeddings_``, or a fitted search or Pipeline that ends in one.
    k : int, default=5
        Number of items at each end of a factor.
    rotate : bool, default=True
        Whether the embeddings are rotated by `varimax`. If False, the coordinates are those of ``item_embeddings_``.
    min_count : int, default=0
        Minimum number of training users of an item. The vectors of rare items are noisy.

    Returns
    -------
    DataFrame
        Columns ``factor``, from 0, ``end``, "high" or "low", ``place``, from 1, ``item``, ``value``, and ``share``, the
        fraction of the squared lengths of all vectors that is due to the factor.

    Raises
    ------
    TypeError
        If the model has no embeddings.
    ValueError
        If fewer than k items have ``min_count`` users.

    Examples
    --------
    >>> from skrec import ALSRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import factor_table
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = ALSRecommender(n_factors=4, positive_from=4, n_jobs=1, random_state=0).fit(films)
    >>> factor_table(model, k=2).groupby(["factor", "end"], sort=False).item.apply(list).shape
    (8,)
    """
    model = fitted(estimator)
    check_int(k, "k", at_least=1)
    check_flag(rotate, "rotate")
    frequent = counts_of(model, "item") >= check_int(min_count, "min_count", at_least=0)
    if k > frequent.sum():
        raise ValueError(f"k must be at most the number of items with at least {min_count} users, {frequent.sum()}, got {k}")
    table = embedding_table(model)[frequent]
    vectors = table.to_numpy(np.float64)
    vectors = vectors @ varimax(vectors) if rotate else vectors
    shares = (vectors**2).sum(0) / max(float((vectors**2).sum()), np.finfo(float).tiny)
    parts = []
    for factor, values in enumerate(vectors.T):
        order = np.argsort(-values, kind="stable")
        for end, chosen in (("high", order[:k]), ("low", order[::-1][:k])):
            columns = {"factor": factor, "end": end, "place": np.arange(1, k + 1), "item": table.index[chosen]}
            parts.append(pd.DataFrame(columns | {"value": values[chosen], "share": shares[factor]}))
    return pd.concat(parts, ignore_index=True)
