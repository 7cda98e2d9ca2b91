"""Recommender models, one in each file. Names are loaded on first use, so that a model without a network loads no torch."""

from typing import TYPE_CHECKING

from skrec._lazy import lazy_names
from skrec.base import BaseRecommender

if TYPE_CHECKING:
    from skrec.models._als import ALSRecommender as ALSRecommender
    from skrec.models._autorec import AutoRecRecommender as AutoRecRecommender
    from skrec.models._bpr import BPRRecommender as BPRRecommender
    from skrec.models._caser import CaserRecommender as CaserRecommender
    from skrec.models._cold_start import ColdStartRecommender as ColdStartRecommender
    from skrec.models._ease import EASERecommender as EASERecommender
    from skrec.models._gru4rec import GRU4RecRecommender as GRU4RecRecommender
    from skrec.models._item_knn import ItemKNNRecommender as ItemKNNRecommender
    from skrec.models._lightgcn import LightGCNRecommender as LightGCNRecommender
    from skrec.models._markov import MarkovRecommender as MarkovRecommender
    from skrec.models._mf import MFRecommender as MFRecommender
    from skrec.models._mlp import MLPRecommender as MLPRecommender
    from skrec.models._multvae import MultVAERecommender as MultVAERecommender
    from skrec.models._neumf import NeuMFRecommender as NeuMFRecommender
    from skrec.models._news import NewsRecommender as NewsRecommender
    from skrec.models._popularity import PopularityRecommender as PopularityRecommender
    from skrec.models._random import RandomRecommender as RandomRecommender
    from skrec.models._sasrec import SASRecRecommender as SASRecRecommender
    from skrec.models._slim import SLIMRecommender as SLIMRecommender
    from skrec.models._two_tower import TwoTowerRecommender as TwoTowerRecommender
    from skrec.models._user_knn import UserKNNRecommender as UserKNNRecommender

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "skrec.models._als": ["ALSRecommender"],
        "skrec.models._autorec": ["AutoRecRecommender"],
        "skrec.models._bpr": ["BPRRecommender"],
        "skrec.models._caser": ["CaserRecommender"],
        "skrec.models._cold_start": ["ColdStartRecommender"],
        "skrec.models._ease": ["EASERecommender"],
        "skrec.models._gru4rec": ["GRU4RecRecommender"],
        "skrec.models._item_knn": ["ItemKNNRecommender"],
        "skrec.models._lightgcn": ["LightGCNRecommender"],
        "skrec.models._markov": ["MarkovRecommender"],
        "skrec.models._mf": ["MFRecommender"],
        "skrec.models._mlp": ["MLPRecommender"],
        "skrec.models._multvae": ["MultVAERecommender"],
        "skrec.models._neumf": ["NeuMFRecommender"],
        "skrec.models._news": ["NewsRecommender"],
        "skrec.models._popularity": ["PopularityRecommender"],
        "skrec.models._random": ["RandomRecommender"],
        "skrec.models._sasrec": ["SASRecRecommender"],
        "skrec.models._slim": ["SLIMRecommender"],
        "skrec.models._two_tower": ["TwoTowerRecommender"],
        "skrec.models._user_knn": ["UserKNNRecommender"],
    },
)
__all__ += ["all_estimators"]


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
    return [__getattr__(name) for name in __all__ if name != "all_estimators"]
