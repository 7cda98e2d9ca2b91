"""The contract that every estimator keeps."""

from skrec.base import _scikit_learn  # before all modules that import scikit-learn
from skrec.base._embeddings import EmbeddingRecommender
from skrec.base._history import HistoryRecommender
from skrec.base._item_weights import ItemWeightsRecommender
from skrec.base._parameters import Needs
from skrec.base._recommendations import Audience, Ranking, Recommendations, SimilarItems, SimilarUsers
from skrec.base._recommender import BaseRecommender
from skrec.base._tags import RecommenderTags

__all__ = [
    "Audience",
    "BaseRecommender",
    "EmbeddingRecommender",
    "HistoryRecommender",
    "ItemWeightsRecommender",
    "Needs",
    "Ranking",
    "Recommendations",
    "RecommenderTags",
    "SimilarItems",
    "SimilarUsers",
]
