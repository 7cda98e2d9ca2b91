"""One file for each idea."""

from skrec.base import BaseRecommender
from skrec.models._als import ALSRecommender
from skrec.models._bpr import BPRRecommender
from skrec.models._ease import EASERecommender
from skrec.models._mf import MFRecommender
from skrec.models._neumf import NeuMFRecommender
from skrec.models._popularity import PopularityRecommender
from skrec.models._random import RandomRecommender

__all__ = [
    "ALSRecommender",
    "BPRRecommender",
    "EASERecommender",
    "MFRecommender",
    "NeuMFRecommender",
    "PopularityRecommender",
    "RandomRecommender",
    "all_estimators",
]


def all_estimators() -> list[type[BaseRecommender]]:
    """Every public estimator, in alphabetical order."""
    return [globals()[name] for name in __all__ if name != "all_estimators"]
