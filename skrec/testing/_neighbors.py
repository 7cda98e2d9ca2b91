"""Checks of `similar_items` and `similar_users`."""

from collections.abc import Callable
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from skrec.base import BaseRecommender, Ranking
from skrec.testing._data import labeled, likes
from skrec.testing._fitting import assert_raises, fitted

METRICS = ("cosine", "dot", "l2")


def check_similar_items(estimator: BaseRecommender) -> None:
    """Similar items are ranked by similarity, without the item itself and items without events.

    Similarities are symmetric, for all metrics.
    """
    model = fitted(estimator, likes)
    _check_neighbors(_implemented(model.similar_items), n=24, inactive=[3, 13, 23])


def check_similar_users(estimator: BaseRecommender) -> None:
    """Similar users are ranked by similarity, without the user and users without events."""
    model = fitted(estimator, likes)
    _check_neighbors(_implemented(model.similar_users), n=45, inactive=[5, 40])


def check_similar_items_of_candidates(estimator: BaseRecommender) -> None:
    """`exclude` and `candidates` filter the similar items, not the queries. Labels are taken and returned."""
    ask, ids = _implemented(fitted(estimator, labeled).similar_items), labeled().item_ids
    ranked = ask(ids[[0, 8]], k=24).codes

    def kept(allowed: set[int]) -> list[list[int]]:
        lists = [[code for code in codes if code in allowed] for codes in ranked.tolist()]
        return [codes + [-1] * (24 - len(codes)) for codes in lists]

    answer = ask(ids[[0, 8]], k=24, candidates=ids[[0, 1, 2, 3]], exclude=ids[[2]])
    assert answer.codes.tolist() == kept({0, 1, 3})
    assert ask(ids[[0, 8]], k=24, exclude=ids[[2]]).codes.tolist() == kept(set(range(24)) - {2})
    assert answer.queries.tolist() == ids[[0, 8]].tolist()
    there = answer.codes >= 0
    assert (answer.labels[there] == ids[answer.codes[there]]).all()
    assert all(label is None for label in answer.labels[~there])
    assert ask(ids[[0, 8]], k=24, exclude=[-1]).codes.tolist() == ranked.tolist()
    assert_raises(ValueError, lambda: ask([-1]), "items", "-1")
    assert_raises(TypeError, lambda: ask(["nothing"]), "items", "nothing")


def check_similarity_metrics_agree(estimator: BaseRecommender) -> None:
    """Dot products, cosines and distances are those of the same vectors."""
    model = fitted(estimator, likes)
    for ask, n, inactive in ((model.similar_items, 24, [3, 13, 23]), (model.similar_users, 45, [5, 40])):
        active = np.setdiff1d(np.arange(n), inactive)
        dot, cosine, l2 = (_similarities(_implemented(ask), active, metric) for metric in ("dot", "cosine", "l2"))
        squares = np.diag(dot)
        rounding = 1e-3 * squares.max()
        lengths = np.sqrt(np.outer(squares, squares))
        np.testing.assert_allclose(cosine * lengths, dot, atol=rounding, err_msg="cosines are not those of the products")
        np.testing.assert_allclose(
            l2**2, squares[:, None] + squares - 2 * dot, atol=4 * rounding, err_msg="distances are not those of the products"
        )


def _similarities(ask: Callable[..., Ranking], codes: NDArray[np.int64], metric: str) -> NDArray[np.float32]:
    """Similarities between some items or users, of shape (n, n)."""
    answer = ask(codes, k=len(codes), metric=metric, include_self=True)
    places = np.searchsorted(codes, answer.codes)
    return np.take_along_axis(answer.scores, np.argsort(places, axis=1), axis=1)


def _check_neighbors(ask: Callable[..., Ranking], n: int, inactive: list[int]) -> None:
    active = np.setdiff1d(np.arange(n), inactive)
    for metric in METRICS:
        answer = ask(np.arange(n), k=n, metric=metric)
        assert answer.labels.shape == answer.scores.shape == (n, n) and answer.scores.dtype == np.float32
        for query, codes in enumerate(answer.codes):
            found = codes[codes >= 0].tolist()
            others = [] if query in inactive else [code for code in active if code != query]
            assert sorted(found) == others, f"{metric}: the neighbors of {query} are not all others with events, once"
        _check_scores(answer, metric)
        first = ask(active, k=1, metric=metric, include_self=True)
        assert first.codes[:, 0].tolist() == active.tolist(), f"{metric}: itself is not first"
        if metric != "dot":
            expected = 1 if metric == "cosine" else 0
            np.testing.assert_allclose(first.scores[:, 0], expected, atol=2e-3, err_msg=f"{metric}: its own score is wrong")
    assert ask(0, k=3).codes.tolist() == ask([0], k=n).codes[:, :3].tolist(), "k changes more than the length"
    assert_raises(ValueError, lambda: ask([0], metric="euclid"), "metric", "euclid")
    assert_raises((ValueError, TypeError), lambda: ask([0], k=0), "k must be")


def _check_scores(answer: Ranking, metric: str) -> None:
    matrix = np.full(answer.codes.shape, np.nan, np.float32)
    rows, ranks = np.nonzero(answer.codes >= 0)
    matrix[rows, answer.codes[rows, ranks]] = answer.scores[rows, ranks]
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-3, atol=1e-3, err_msg=f"{metric} is not symmetric")
    with np.errstate(invalid="ignore"):
        assert not (np.diff(answer.scores, axis=1) > 0).any(), f"{metric}: not best first"
    if metric == "cosine":
        assert np.nanmax(np.abs(matrix)) <= 1 + 1e-5, "a cosine lies beyond 1"
    if metric == "l2":
        assert np.nanmax(matrix) <= 0, "a negative distance is above 0"


def _implemented(method: Callable[..., Ranking]) -> Callable[..., Ranking]:
    try:
        method([], k=1)
    except NotImplementedError as error:
        raise SkipTest(str(error)) from None
    return method
