"""Tables and pictures of fitted recommenders. The pictures need matplotlib: ``pip install skrec[plot]``."""

from skrec.inspection._biases import BiasDisplay
from skrec.inspection._comparison import ComparisonDisplay, comparison_table
from skrec.inspection._embeddings import EmbeddingDisplay
from skrec.inspection._factors import factor_table, varimax
from skrec.inspection._learning_curve import LearningCurveDisplay
from skrec.inspection._popularity import PopularityDisplay
from skrec.inspection._projector import to_projector
from skrec.inspection._rating_table import RatingTableDisplay
from skrec.inspection._search import SearchDisplay
from skrec.inspection._tables import bias_table, embedding_table, popularity_table, rating_table

__all__ = [
    "BiasDisplay",
    "ComparisonDisplay",
    "EmbeddingDisplay",
    "LearningCurveDisplay",
    "PopularityDisplay",
    "RatingTableDisplay",
    "SearchDisplay",
    "bias_table",
    "comparison_table",
    "embedding_table",
    "factor_table",
    "popularity_table",
    "rating_table",
    "to_projector",
    "varimax",
]
