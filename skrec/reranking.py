"""Re-rankers: a shorter list of recommended items that is more diverse, or closer to a user's interests."""

from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_int, check_number
from skrec.base import Recommendations
from skrec.base._manual import link_parameters, link_template
from skrec.base._parameters import DeclaredParameters
from skrec.data import IdEncoder, Interactions, check_interactions
from skrec.metrics._beyond_accuracy import unit_rows
from skrec.metrics._item_features import ItemFeatures


class MMRReranker(DeclaredParameters):
    """Re-rank lists by maximal marginal relevance: each place gets an item that is relevant and unlike the items before it.

    The next item has the largest ``(1 - weight) * relevance - weight * similarity``. The relevance is the score of the item,
    scaled so that the candidates of a user have 0 to 1. The similarity is the largest cosine of the features of the item and
    those of an item before it.

    Parameters
    ----------
    item_features : DataFrame, array or sparse matrix
        Features of items, such as genres or embeddings: a numeric table indexed by item label, or one row for each item code.
    weight : float, default=0.3
        Weight of diversity, in [0, 1]. 0 keeps the order of the candidates. It is ``1 - lambda`` of the paper.

    Notes
    -----
    A list of k items from n candidates takes O(n**2 * n_features + k * n) time. Items with a score of minus infinity stay
    behind all others.

    References
    ----------
    Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries", SIGIR
    1998.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import PopularityRecommender
    >>> from skrec.reranking import MMRReranker
    >>> model = PopularityRecommender().fit(csr_array(np.tri(4)))
    >>> candidates = model.recommend([0], k=3, exclude_seen=False)
    >>> candidates.items.tolist()
    [[0, 1, 2]]
    >>> MMRReranker(item_features=np.array([[1, 0], [1, 0], [0, 1], [0, 1]]), weight=0.5).rerank(candidates, k=2).items.tolist()
    [[0, 2]]
    """

    item_features: Any
    weight: float = 0.3

    def rerank(self, recommendations: Recommendations, histories: Any = None, *, k: int = 10) -> Recommendations:
        """Choose and order k of the recommended items for each user.

        Parameters
        ----------
        recommendations : Recommendations
            Candidates of each user, more than k, such as ``model.recommend(users, k=100)``.
        histories : ignored
            Not used, present for API consistency.
        k : int, default=10
            Length of the lists.

        Returns
        -------
        Recommendations
            The chosen items with the scores that they had. The scores are not in descending order.

        Raises
        ------
        ValueError, TypeError
            If ``item_features`` lacks an item or has other entries than finite numbers, or an argument is out of range.
        """
        weight = check_number(self.weight, "weight", at_least=0, at_most=1)
        rows, unit = _feature_rows(recommendations, ItemFeatures.of(self.item_features))
        unit, _ = unit_rows(unit)

        def order(candidates: NDArray[np.int64], relevance: NDArray[np.float64], _: int, n: int) -> list[int]:
            vectors = unit[candidates].toarray()
            similarities = vectors @ vectors.T
            nearest = np.zeros(len(candidates))
            chosen: list[int] = []
            for _ in range(n):
                gain = (1 - weight) * relevance - weight * nearest
                gain[chosen] = -np.inf
                best = int(np.argmax(gain))
                nearest = np.maximum(nearest, similarities[best]) if chosen else similarities[best]
                chosen.append(best)
            return chosen

        return _reranked(recommendations, rows, order, k)


class CalibratedReranker(DeclaredParameters):
    """Re-rank lists so that the shares of genres, or of other features, are those of the user's history.

    The list is built item by item. The next item gives the largest ``(1 - weight) * relevance - weight * divergence`` of the
    list so far. The relevance is the sum of the scores of its items, scaled so that the candidates of a user have 0 to 1. The
    divergence is the Kullback-Leibler divergence of the shares in the list from those in the history.

    Parameters
    ----------
    item_features : DataFrame, array or sparse matrix
        Features of items, none below 0, such as genres: a numeric table indexed by item label, or one row for each item code.
        The shares of an item are its features divided by their sum.
    weight : float, default=0.3
        Weight of calibration, in [0, 1]. 0 keeps the order of the candidates. It is the paper's lambda.
    smoothing : float, default=0.01
        Share of the history in the shares of the list, between 0 and 1, exclusive. It keeps the divergence finite if a genre of
        the history is not in the list. It is the paper's alpha.

    Notes
    -----
    A list of k items from n candidates takes O(k * n * n_features) time. Lists of users without a history, or with one that has
    no features, keep their order. Items with a score of minus infinity stay behind all others.

    References
    ----------
    Steck, "Calibrated Recommendations", RecSys 2018.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec import PopularityRecommender
    >>> from skrec.reranking import CalibratedReranker
    >>> watched = pd.DataFrame({"user": list("aaabbc"), "item": ["Alien", "Big", "Carrie", "Dave", "Emma", "Dave"]})
    >>> genres = pd.DataFrame({"horror": [1, 0, 1, 0, 0], "comedy": [0, 1, 0, 1, 1]}, index=sorted(set(watched["item"])))
    >>> candidates = PopularityRecommender().fit(watched).recommend(["c"], k=4)
    >>> candidates.items.tolist()
    [['Alien', 'Big', 'Carrie', 'Emma']]
    >>> CalibratedReranker(item_features=genres, weight=0.5).rerank(candidates, watched, k=2).items.tolist()
    [['Big', 'Emma']]
    """

    item_features: Any
    weight: float = 0.3
    smoothing: float = 0.01

    def rerank(self, recommendations: Recommendations, histories: Any, *, k: int = 10) -> Recommendations:
        """Choose and order k of the recommended items for each user.

        Parameters
        ----------
        recommendations : Recommendations
            Candidates of each user, more than k, such as ``model.recommend(users, k=100)``.
        histories : Interactions or DataFrame of events
            Events that show the interests of the users, such as the positive training events. Each item of a user counts once.
        k : int, default=10
            Length of the lists.

        Returns
        -------
        Recommendations
            The chosen items with the scores that they had. The scores are not in descending order.

        Raises
        ------
        ValueError, TypeError
            If ``item_features`` lacks an item or has other entries than finite numbers of at least 0, or an argument is out of
            range.
        """
        weight = check_number(self.weight, "weight", at_least=0, at_most=1)
        smoothing = check_number(self.smoothing, "smoothing", above=0, below=1)
        features = ItemFeatures.of(self.item_features)
        if features.rows.data.min(initial=0) < 0:
            raise ValueError(f"item_features must not be negative, got {features.rows.data.min():g}")
        rows, table = _feature_rows(recommendations, features)
        shares = _shares(table)
        wanted = _shares(_histories(histories, recommendations, features) @ _shares(features.rows)).toarray()

        def order(candidates: NDArray[np.int64], relevance: NDArray[np.float64], user: int, n: int) -> list[int]:
            target = wanted[user]
            present = target > 0
            if not present.any():
                return list(range(n))
            of_items, goal = shares[candidates].toarray(), target[present]
            total = np.zeros(len(target))
            chosen: list[int] = []
            for _ in range(n):
                sums = total + of_items
                mass = sums.sum(axis=1, keepdims=True)
                listed = sums[:, present] / np.where(mass > 0, mass, 1)
                divergence = (goal * np.log(goal / ((1 - smoothing) * listed + smoothing * goal))).sum(axis=1)
                gain = (1 - weight) * relevance - weight * divergence
                gain[chosen] = -np.inf
                best = int(np.argmax(gain))
                total = sums[best]
                chosen.append(best)
            return chosen

        return _reranked(recommendations, rows, order, k)


class RerankedRecommender(MetaEstimatorMixin, BaseEstimator):
    """A recommender with lists that are re-ranked, for scorers, searches and `compare`.

    It has the methods ``fit`` and ``recommend``. To save it, save ``estimator_`` and make the re-ranker again.

    Parameters
    ----------
    estimator : BaseRecommender
        Recommender of the candidates. A clone is fitted.
    reranker : MMRReranker, CalibratedReranker, or an object with the same method ``rerank``
        The re-ranker. The histories are the events that the recommender learns from.
    n_candidates : int, default=100
        Number of candidates of each user.

    Attributes
    ----------
    estimator_ : BaseRecommender
        The fitted recommender.
    histories_ : Interactions
        The training events that the recommender learns from.
    n_users_, n_items_, user_ids_, item_ids_, seen_, known_items_
        As of ``estimator_``.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec import EASERecommender, get_scorer
    >>> from skrec.datasets import make_interactions
    >>> from skrec.reranking import MMRReranker, RerankedRecommender
    >>> data = make_interactions(60, 30, density=0.3, random_state=0).interactions
    >>> features = np.random.default_rng(0).random((30, 3))
    >>> diverse = RerankedRecommender(EASERecommender(positive_from=4), MMRReranker(item_features=features)).fit(data)
    >>> diverse.recommend([data.user_ids[0]], k=3).items.shape
    (1, 3)
    """

    _doc_link_module = "skrec"
    _doc_link_template, _doc_link_url_param_generator = property(link_template), link_parameters

    _of_estimator: ClassVar[tuple[str, ...]] = ("n_users_", "n_items_", "user_ids_", "item_ids_", "seen_", "known_items_")

    def __init__(self, estimator: Any, reranker: Any, *, n_candidates: int = 100):
        self.estimator = estimator
        self.reranker = reranker
        self.n_candidates = n_candidates

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of the recommender."""
        return get_tags(self.estimator)

    def __getattr__(self, name: str) -> Any:
        """Return a fitted attribute of the recommender."""
        if name in type(self)._of_estimator and "estimator_" in vars(self):
            return getattr(self.estimator_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def positive_from(self) -> float | None:
        """Smallest value of a positive event, of the recommender."""
        return getattr(self.estimator, "positive_from", None)

    def fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Fit the recommender.

        Parameters
        ----------
        X, y
            As for the ``fit`` of the recommender.

        Returns
        -------
        self
        """
        check_int(self.n_candidates, "n_candidates", at_least=1)
        self.estimator_ = clone(self.estimator).fit(X, y)
        events = check_interactions(X, y)
        self.histories_ = events[self.estimator_._informative(events)]
        return self

    def recommend(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Literal["raise", "popular"] = "raise",
    ) -> Recommendations:
        """Recommend k items to each user.

        Parameters
        ----------
        users, k, exclude_seen, exclude, candidates, unknown
            As for the ``recommend`` of the recommender.

        Returns
        -------
        Recommendations
        """
        check_is_fitted(self)
        model, k = self.estimator_, check_int(k, "k", at_least=1)
        n = min(max(self.n_candidates, k), model.n_items_)
        found = model.recommend(users, k=n, exclude_seen=exclude_seen, exclude=exclude, candidates=candidates, unknown=unknown)
        query = model._query(users)
        new = getattr(query, "histories", None)
        if new is None:
            return self.reranker.rerank(found, self.histories_, k=k)
        return self.reranker.rerank(found, new[model._informative(new)]._replace(user_ids=query.labels), k=k)


def _reranked(recommendations: Recommendations, rows: NDArray[np.int64], order: Any, k: int) -> Recommendations:
    """The items that ``order(candidates, relevance, user, n)`` chooses by their places, for each user."""
    n_lists, n_places = recommendations.codes.shape
    places = np.empty((n_lists, min(check_int(k, "k", at_least=1), n_places)), np.int64)
    for user, scores in enumerate(recommendations.scores.astype(np.float64)):
        is_candidate = np.isfinite(scores)  # padding and items that the model does not know follow in their order
        candidates = np.flatnonzero(is_candidate)
        n = min(places.shape[1], len(candidates))
        chosen = order(rows[user, candidates], _relevance(scores[candidates]), user, n)
        places[user] = np.append(candidates[chosen], np.flatnonzero(~is_candidate))[: places.shape[1]]
    labels, scores, codes = (
        np.take_along_axis(part, places, axis=1)
        for part in (recommendations.labels, recommendations.scores, recommendations.codes)
    )
    return replace(recommendations, labels=labels, scores=scores, codes=codes)


def _relevance(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores from 0 to 1."""
    shifted = scores - scores.min(initial=np.inf)
    return shifted / (shifted.max(initial=0) or 1)


def _feature_rows(recommendations: Recommendations, features: ItemFeatures) -> tuple[NDArray[np.int64], sp.csr_array]:
    """For each candidate its row in a table of features, and that table. Padding has row 0."""
    codes = recommendations.codes
    listed = codes >= 0
    rows = np.zeros(codes.shape, np.int64)
    rows[listed] = features.places(recommendations.labels[listed], codes[listed], name="recommendations")
    return rows, features.rows


def _histories(histories: Any, recommendations: Recommendations, features: ItemFeatures) -> sp.csr_array:
    """Ones at the items of each user of the recommendations, (n_lists, n_rows of the features)."""
    if histories is None:
        raise ValueError("histories must be events of the users of the recommendations, got None")
    events: Interactions = check_interactions(histories, name="histories")
    pattern = events.to_csr(duplicates="any").astype(np.float64)
    if events.user_ids is None:
        users = np.where(np.isin(recommendations.queries, np.arange(events.n_users)), recommendations.queries, -1)
    else:
        users = IdEncoder(events.user_ids).encode_same_kind(recommendations.queries, name="the users of the recommendations")
    of_lists = sp.csr_array(pattern[np.maximum(users, 0)])
    of_lists = sp.csr_array(sp.diags_array((users >= 0).astype(np.float64)) @ of_lists)
    codes = np.arange(events.n_items)
    labels = codes if events.item_ids is None else events.item_ids
    used = np.unique(of_lists.indices)
    places = features.places(labels[used], codes[used], name="histories")
    of_rows = sp.csr_array((np.ones(len(used)), (used, places)), shape=(events.n_items, features.rows.shape[0]))
    return of_lists @ of_rows


def _shares(rows: sp.csr_array) -> sp.csr_array:
    """Rows of numbers of at least 0, scaled to a sum of 1. Rows of zeros stay."""
    rows = sp.csr_array(rows, dtype=np.float64)
    sums = rows.sum(axis=1)
    return sp.csr_array(sp.diags_array(1 / np.where(sums > 0, sums, 1)) @ rows)
