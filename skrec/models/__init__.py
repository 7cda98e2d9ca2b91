"""Recommender models, one in each file."""

from skrec.base import BaseRecommender
from skrec.models._als import ALSRecommender
from skrec.models._autorec import AutoRecRecommender
from skrec.models._bpr import BPRRecommender
from skrec.models._caser import CaserRecommender
from skrec.models._cold_start import ColdStartRecommender
from skrec.models._ease import EASERecommender
from skrec.models._gru4rec import GRU4RecRecommender
from skrec.models._item_knn import ItemKNNRecommender
from skrec.models._lightgcn import LightGCNRecommender
from skrec.models._markov import MarkovRecommender
from skrec.models._mf import MFRecommender
from skrec.models._mlp import MLPRecommender
from skrec.models._multvae import MultVAERecommender
from skrec.models._neumf import NeuMFRecommender
from skrec.models._news import NewsRecommender
from skrec.models._popularity import PopularityRecommender
from skrec.models._random import RandomRecommender
from skrec.models._sasrec import SASRecRecommender
from skrec.models._slim import SLIMRecommender
from skrec.models._two_tower import TwoTowerRecommender
from skrec.models._user_knn import UserKNNRecommender

__all__ = [
    "ALSRecommender",
    "AutoRecRecommender",
    "BPRRecommender",
    "CaserRecommender",
    "ColdStartRecommender",
    "EASERecommender",
    "GRU4RecRecommender",
    "ItemKNNRecommender",
    "LightGCNRecommender",
    "MFRecommender",
    "MLPRecommender",
    "MarkovRecommender",
    "MultVAERecommender",
    "NeuMFRecommender",
    "NewsRecommender",
    "PopularityRecommender",
    "RandomRecommender",
    "SASRecRecommender",
    "SLIMRecommender",
    "TwoTowerRecommender",
    "UserKNNRecommender",
    "all_estimators",
]


def all_estimators() -> list[type[BaseRecommender]]:
    """All public estimators, in alphabetical order.

    Returns
    -------
    list of classes
        Estimator classes.

    Examples
    --------
    >>> from skrec.models import all_estimators
    >>> all_estimators()[0].__name__
    'ALSRecommender'
    """
    return [globals()[name] for name in __all__ if name != "all_estimators"]
