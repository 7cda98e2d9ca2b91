"""Recommenders as scikit-learn estimators, trained by PyTorch Lightning.

Names are loaded on first use, so ``import skrec`` loads neither torch nor Lightning.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from skrec._lazy import lazy_names

import_module("skrec._process")  # registers hooks for forks

__version__ = "0.1.0"

if TYPE_CHECKING:
    from skrec.base import BaseRecommender as BaseRecommender
    from skrec.base import EmbeddingRecommender as EmbeddingRecommender
    from skrec.base import HistoryRecommender as HistoryRecommender
    from skrec.base import Recommendations as Recommendations
    from skrec.benchmark import compare as compare
    from skrec.data import IdEncoder as IdEncoder
    from skrec.data import Interactions as Interactions
    from skrec.data import UnknownItemError as UnknownItemError
    from skrec.data import UnknownUserError as UnknownUserError
    from skrec.engine import ALS as ALS
    from skrec.engine import CosineContrastiveLoss as CosineContrastiveLoss
    from skrec.engine import CosineRestarts as CosineRestarts
    from skrec.engine import EarlyStopping as EarlyStopping
    from skrec.engine import PairRecommender as PairRecommender
    from skrec.engine import TorchRecommender as TorchRecommender
    from skrec.engine import TrainingLog as TrainingLog
    from skrec.engine.training._pruning import OptunaPruningCallback as OptunaPruningCallback
    from skrec.features import FeatureEncoder as FeatureEncoder
    from skrec.features import text_vectors as text_vectors
    from skrec.metrics import get_scorer as get_scorer
    from skrec.metrics import make_multi_scorer as make_multi_scorer
    from skrec.metrics import make_ranking_scorer as make_ranking_scorer
    from skrec.models import ALSRecommender as ALSRecommender
    from skrec.models import AutoRecRecommender as AutoRecRecommender
    from skrec.models import BPRRecommender as BPRRecommender
    from skrec.models import CaserRecommender as CaserRecommender
    from skrec.models import ColdStartRecommender as ColdStartRecommender
    from skrec.models import EASERecommender as EASERecommender
    from skrec.models import GRU4RecRecommender as GRU4RecRecommender
    from skrec.models import ItemKNNRecommender as ItemKNNRecommender
    from skrec.models import LightGCNRecommender as LightGCNRecommender
    from skrec.models import MarkovRecommender as MarkovRecommender
    from skrec.models import MFRecommender as MFRecommender
    from skrec.models import MLPRecommender as MLPRecommender
    from skrec.models import MultVAERecommender as MultVAERecommender
    from skrec.models import NeuMFRecommender as NeuMFRecommender
    from skrec.models import NewsRecommender as NewsRecommender
    from skrec.models import PopularityRecommender as PopularityRecommender
    from skrec.models import RandomRecommender as RandomRecommender
    from skrec.models import SASRecRecommender as SASRecRecommender
    from skrec.models import SLIMRecommender as SLIMRecommender
    from skrec.models import TwoTowerRecommender as TwoTowerRecommender
    from skrec.models import UserKNNRecommender as UserKNNRecommender
    from skrec.models import all_estimators as all_estimators
    from skrec.persistence import ModelFormatError as ModelFormatError
    from skrec.persistence import load as load
    from skrec.tuning import RecommenderSearchCV as RecommenderSearchCV
    from skrec.tuning import search_space as search_space
    from skrec.tuning import suggest_params as suggest_params
    from skrec.tuning import tune as tune

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "skrec.base": ["BaseRecommender", "EmbeddingRecommender", "HistoryRecommender", "Recommendations"],
        "skrec.benchmark": ["compare"],
        "skrec.data": ["IdEncoder", "Interactions", "UnknownItemError", "UnknownUserError"],
        "skrec.engine": [
            "ALS",
            "CosineContrastiveLoss",
            "CosineRestarts",
            "EarlyStopping",
            "PairRecommender",
            "TorchRecommender",
            "TrainingLog",
        ],
        "skrec.engine.training._pruning": ["OptunaPruningCallback"],
        "skrec.features": ["FeatureEncoder", "text_vectors"],
        "skrec.metrics": ["get_scorer", "make_multi_scorer", "make_ranking_scorer"],
        "skrec.models": [
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
        ],
        "skrec.persistence": ["ModelFormatError", "load"],
        "skrec.tuning": ["RecommenderSearchCV", "search_space", "suggest_params", "tune"],
    },
)
