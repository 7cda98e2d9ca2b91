"""Search of parameters: the space of each estimator, and searches that stop early."""

from skrec.tuning._optuna import suggest_params
from skrec.tuning._search import RecommenderSearchCV, tune
from skrec.tuning._spaces import Sizes, search_space

__all__ = ["RecommenderSearchCV", "Sizes", "search_space", "suggest_params", "tune"]
