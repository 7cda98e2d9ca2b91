"""The contract that every estimator keeps."""

from skrec.base._embeddings import EmbeddingMixin
from skrec.base._history import HistoryRecommender
from skrec.base._item_weights import ItemWeightsRecommender
from skrec.base._parameters import Needs
from skrec.base._recommendations import Audience, Ranking, Recommendations, SimilarItems, SimilarUsers
from skrec.base._recommender import BaseRecommender

__all__ = [
    "Audience",
    "BaseRecommender",
    "EmbeddingMixin",
    "HistoryRecommender",
    "ItemWeightsRecommender",
    "Needs",
    "Ranking",
    "Recommendations",
    "SimilarItems",
    "SimilarUsers",
]
