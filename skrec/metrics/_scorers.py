"""Scorers: callables ``(estimator, X, y=None) -> float`` for the parameter ``scoring`` of scikit-learn and for direct use."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from skrec._checks import check_choice, check_int, check_number
from skrec.metrics._full_ranking import LIST_METRICS, Scored
from skrec.metrics._item_features import ItemFeatures
from skrec.metrics._list_scores import LIST_SCORES
from skrec.metrics._prediction import RATING_METRICS
from skrec.metrics._ranking import Gains
from skrec.metrics._scorer_objects import ImpressionScorer, MultiScorer, RankingScorer, RatingScorer, Scorer
from skrec.metrics._shown import WHOLE_IMPRESSIONS

_GAINS, _USERS = ("binary", "linear", "exponential"), ("all", "known", "new")


def make_ranking_scorer(
    metric: str = "ndcg",
    *,
    k: int = 10,
    positive_from: float | None = None,
    item_features: Any = None,
    gains: Gains = "binary",
    users: Scored = "all",
) -> RankingScorer:
    """Make a scorer that ranks all items for each user and averages a metric over users.

    Matrices, DataFrames and Interactions are evaluated by the same rules:

    * Users with training events are known. All their events in X are hidden. Events that repeat a training pair are left out.
      Only if all events in X repeat training pairs, as in scikit-learn's train scores, they are evaluated, and seen items stay
      in the lists.
    * All other users are new, including all rows of a matrix. Of new users with at least two items, a part of the events is
      hidden (see `cut_histories`), and the rest is folded in.
    * A relevant item that the model does not know is a miss.

    The estimator may also be a fitted search or Pipeline that ends in a recommender. X then passes through the steps before it.

    Parameters
    ----------
    metric : {"ndcg", "recall", "recall_capped", "precision", "map", "mrr", "hit_rate", "auc", "coverage", "neg_gini", \
            "novelty", "diversity", "serendipity", "neg_popularity_lift"}, default="ndcg"
        Name of the metric. The functions in `skrec.metrics` have the definitions. "recall_capped" divides by ``min(k, |rel|)``.
        The last six describe the lists of the same users beside their accuracy, see `get_scorer`.
    k : int, default=10
        Length of the lists. Ignored by "auc".
    positive_from : float, optional
        Smallest value of a relevant event. If None, events with a value above 0 are relevant, with a warning if the values look
        like ratings or the estimator has another ``positive_from``.
    item_features : DataFrame, array or sparse matrix, optional
        Features by which "diversity" compares items: a numeric table indexed by item label, or one row for each item code. If
        None, items are compared by the users who have a training event with them. Only "diversity" accepts it.
    gains : {"binary", "linear", "exponential"}, default="binary"
        Gain of a relevant event with value v in "ndcg": 1, v, or ``2**v - 1``. Other metrics accept only "binary".
    users : {"all", "known", "new"}, default="all"
        Users who are scored: all, those with training events, or new ones, who are folded in. With "all", the score is a mean
        over both kinds. `Evaluation.n_new_users` and the ``protocol`` tell how many are new.

    Returns
    -------
    RankingScorer
        A scorer. Call it with ``(estimator, X, y=None)`` for the mean over users, or call its method ``evaluate`` for an
        `Evaluation`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range. The scorer raises them if the estimator is not a recommender, or if nothing can be
        scored. It raises `sklearn.exceptions.NotFittedError` if the estimator is not fitted.

    Warns
    -----
    UserWarning
        By the scorer, if less than half of the users can be scored or less than half of their relevant items are known, if at
        least half of the relevant events repeat pairs that the model was shown, or if X is a matrix of the training shape whose
        rows may be meant as the training users.

    Examples
    --------
    >>> make_ranking_scorer("recall", k=20, positive_from=4)
    get_scorer('recall@20', positive_from=4.0)
    """
    check_choice(metric, "metric", (*LIST_METRICS, *LIST_SCORES, "auc"))
    threshold = check_number(positive_from, "positive_from", or_none=True)
    k = check_int(k, "k", at_least=2 if metric == "diversity" else 1)
    if item_features is not None and metric != "diversity":
        raise ValueError(f"item_features must be None for {metric!r}, since only 'diversity' compares items by features")
    check_choice(gains, "gains", _GAINS)
    if gains != "binary" and metric != "ndcg":
        raise ValueError(f"gains must be 'binary' for {metric!r}, since only 'ndcg' has gains, got {gains!r}")
    check_choice(users, "users", _USERS)
    features = None if item_features is None else ItemFeatures.of(item_features)
    return RankingScorer(metric, None if metric == "auc" else k, threshold, features, gains, users)


def get_scorer(
    name: str,
    *,
    positive_from: float | None = None,
    item_features: Any = None,
    gains: Gains = "binary",
    users: Scored = "all",
) -> Scorer:
    """Get a scorer by name.

    Parameters
    ----------
    name : str
        Name of the scorer, with a number for k:

        * "ndcg@k", "recall@k", "recall_capped@k", "precision@k", "map@k", "mrr@k", "hit_rate@k", "auc": ranking of all items,
          see `make_ranking_scorer`.
        * "coverage@k", "neg_gini@k", "novelty@k", "diversity@k", "serendipity@k", "neg_popularity_lift@k": the same lists of
          the same users, beside their accuracy. The popularity of an item is its share of the training users. An item without
          training events counts as having one user. The expected lists of "serendipity" are the k most popular items outside
          the user's history. The histories of "neg_popularity_lift" are the events that the model was shown. "coverage" and
          "neg_gini" are values of all lists together, so there is no value of each user and no interval.
        * "neg_rmse", "neg_mae", "r2": comparison of ``predict(X)`` with y, or with the values in X. As in scikit-learn, errors
          are **negative**, so that greater is better. For a matrix, a part of each row is hidden (see `cut_histories`) and
          predicted from the rest.
        * "impression_auc", "impression_mrr", "impression_ndcg@k": order of the items of an impression by ``predict``. X needs
          an "impression" column. The mean is over impressions with both clicked and unclicked items.
    positive_from : float, optional
        Smallest value of a relevant or clicked event, as in `make_ranking_scorer`. Not used by "neg_rmse", "neg_mae" and "r2".
    item_features : DataFrame, array or sparse matrix, optional
        Features by which "diversity@k" compares items, as in `make_ranking_scorer`. No other scorer accepts them.
    gains, users
        As for `make_ranking_scorer`. Scorers of ratings and of impressions accept only the defaults.

    Returns
    -------
    RankingScorer, RatingScorer or ImpressionScorer
        A scorer. Call it with ``(estimator, X, y=None)`` for the score, or call its method ``evaluate`` for an `Evaluation`.

    Raises
    ------
    ValueError, TypeError
        If there is no such scorer, or ``positive_from`` is not a finite number.

    Examples
    --------
    >>> get_scorer("ndcg@10", positive_from=4)
    get_scorer('ndcg@10', positive_from=4.0)
    >>> get_scorer("neg_rmse")
    get_scorer('neg_rmse')
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string such as 'ndcg@10', got {name!r}")
    threshold = check_number(positive_from, "positive_from", or_none=True)
    metric, at, digits = name.partition("@")
    if item_features is not None and metric != "diversity":
        raise ValueError(f"item_features must be None for {name!r}, since only 'diversity@k' compares items by features")
    if metric == "auc" and not at:
        return make_ranking_scorer("auc", positive_from=threshold, gains=gains, users=users)
    if name in RATING_METRICS or metric in WHOLE_IMPRESSIONS or metric == "impression_ndcg":
        _check_no_lists(name, gains, users)
    if name in RATING_METRICS:
        return RatingScorer(name)
    if metric in WHOLE_IMPRESSIONS and not at:
        return ImpressionScorer(metric, None, threshold)
    with_k = [*LIST_METRICS, *LIST_SCORES, "impression_ndcg"]
    if metric not in with_k or re.fullmatch("[0-9]+", digits) is None:
        names = ", ".join(f"{metric}@k" for metric in with_k)
        others = ", ".join([*WHOLE_IMPRESSIONS, "auc", *RATING_METRICS])
        raise ValueError(f"name must be one of {names} with a number for k, {others}, got {name!r}")
    if metric == "impression_ndcg":
        return ImpressionScorer(metric, check_int(int(digits), "k", at_least=1), threshold)
    return make_ranking_scorer(
        metric, k=int(digits), positive_from=threshold, item_features=item_features, gains=gains, users=users
    )


def _check_no_lists(name: str, gains: Any, users: Any) -> None:
    if gains != "binary" or users != "all":
        raise ValueError(f"gains and users must have their defaults for {name!r}, which does not rank all items")


def make_multi_scorer(
    names: Sequence[str],
    *,
    positive_from: float | None = None,
    item_features: Any = None,
    gains: Gains = "binary",
    users: Scored = "all",
) -> MultiScorer:
    """Make a scorer that returns a dict of several scores, for multi-metric searches of scikit-learn.

    Lists and predictions are computed once for all metrics.

    Parameters
    ----------
    names : list of str
        Distinct names of scorers, as in `get_scorer`.
    positive_from : float, optional
        Smallest value of a relevant or clicked event, as in `make_ranking_scorer`.
    item_features : DataFrame, array or sparse matrix, optional
        Features by which "diversity@k" compares items, as in `make_ranking_scorer`.
    gains : {"binary", "linear", "exponential"}, default="binary"
        Gains of the names "ndcg@k", as in `make_ranking_scorer`.
    users : {"all", "known", "new"}, default="all"
        Users who are scored by rankings of all items, as in `make_ranking_scorer`.

    Returns
    -------
    MultiScorer
        A scorer. Call it with ``(estimator, X, y=None)`` for a dict with the given names as keys.

    Raises
    ------
    ValueError, TypeError
        If ``names`` is empty, or a name is repeated or unknown. If ``item_features`` is given and no name is "diversity@k".

    Examples
    --------
    >>> make_multi_scorer(["ndcg@10", "recall@20"])
    make_multi_scorer(['ndcg@10', 'recall@20'])
    """
    if not isinstance(names, Iterable) or isinstance(names, str | bytes):
        raise TypeError(f"names must be a list of names, got {names!r}")
    names = list(names)
    threshold = check_number(positive_from, "positive_from", or_none=True)
    if item_features is not None and not any(str(name).startswith("diversity@") for name in names):
        raise ValueError(f"item_features must be None without a name such as 'diversity@10', got names={names!r}")
    options = {"item_features": item_features, "gains": gains, "users": users}
    scorers = tuple(
        get_scorer(name, positive_from=threshold, **{option: options[option] for option in _options_of(name)}) for name in names
    )
    if not names or len(set(names)) < len(names):
        raise ValueError(f"names must be one or more distinct names, got {names!r}")
    return MultiScorer(tuple(names), scorers, threshold)


def _options_of(name: Any) -> list[str]:
    """Names of the options of `get_scorer` that a scorer reads."""
    metric = str(name).partition("@")[0]
    read = {
        "item_features": metric == "diversity",
        "gains": metric == "ndcg",
        "users": metric in (*LIST_METRICS, *LIST_SCORES, "auc"),
    }
    return [option for option, is_read in read.items() if is_read]
