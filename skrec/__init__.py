"""Recommenders as scikit-learn estimators, trained by PyTorch Lightning.

Names are loaded on first use, so ``import skrec`` loads neither torch nor Lightning.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import_module("skrec._process")  # registers hooks for forks

__version__ = "0.1.0"

if TYPE_CHECKING:
    from skrec.base import BaseRecommender, EmbeddingRecommender, HistoryRecommender, Recommendations
    from skrec.benchmark import compare
    from skrec.data import IdEncoder, Interactions
    from skrec.engine import ALS, CosineContrastiveLoss, CosineRestarts, EarlyStopping, PairRecommender, TorchRecommender
    from skrec.features import FeatureEncoder, text_vectors
    from skrec.metrics import get_scorer, make_multi_scorer, make_ranking_scorer
    from skrec.models import (
        ALSRecommender,
        AutoRecRecommender,
        BPRRecommender,
        CaserRecommender,
        ColdStartRecommender,
        EASERecommender,
        GRU4RecRecommender,
        ItemKNNRecommender,
        LightGCNRecommender,
        MarkovRecommender,
        MFRecommender,
        MLPRecommender,
        MultVAERecommender,
        NeuMFRecommender,
        NewsRecommender,
        PopularityRecommender,
        RandomRecommender,
        SASRecRecommender,
        SLIMRecommender,
        TwoTowerRecommender,
        UserKNNRecommender,
        all_estimators,
    )

_MODULES = {
    "skrec.base": ["BaseRecommender", "EmbeddingRecommender", "HistoryRecommender", "Recommendations"],
    "skrec.benchmark": ["compare"],
    "skrec.data": ["IdEncoder", "Interactions"],
    "skrec.engine": ["ALS", "CosineContrastiveLoss", "CosineRestarts", "EarlyStopping", "PairRecommender", "TorchRecommender"],
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
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'skrec' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
