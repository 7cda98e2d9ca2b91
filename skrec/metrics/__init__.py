"""Metrics as functions of arrays, and scorers for scikit-learn."""

from skrec.metrics._beyond_accuracy import coverage, diversity, gini, novelty, popularity_lift, serendipity
from skrec.metrics._evaluation import Evaluation
from skrec.metrics._holdout import CoverageWarning, cut_histories
from skrec.metrics._impressions import impression_auc, impression_mrr, impression_ndcg
from skrec.metrics._intervals import bootstrap_interval
from skrec.metrics._ranking import auc, average_precision, hit_rate, ndcg, precision, recall, reciprocal_rank
from skrec.metrics._rating import mae, rmse
from skrec.metrics._sampled import sampled_leave_one_out
from skrec.metrics._scorers import get_scorer, make_multi_scorer, make_ranking_scorer

__all__ = [
    "CoverageWarning",
    "Evaluation",
    "auc",
    "average_precision",
    "bootstrap_interval",
    "coverage",
    "cut_histories",
    "diversity",
    "get_scorer",
    "gini",
    "hit_rate",
    "impression_auc",
    "impression_mrr",
    "impression_ndcg",
    "mae",
    "make_multi_scorer",
    "make_ranking_scorer",
    "ndcg",
    "novelty",
    "popularity_lift",
    "precision",
    "recall",
    "reciprocal_rank",
    "rmse",
    "sampled_leave_one_out",
    "serendipity",
]
