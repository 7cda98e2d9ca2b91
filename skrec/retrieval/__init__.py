"""Search for the vectors with the largest inner products with a query: exactly, or among the most promising of them.

An index is any object with the methods of `VectorIndex`. `BaseRecommender.build_index` makes one of the items of a model.
"""

from skrec.retrieval._exact import ExactIndex
from skrec.retrieval._ivf import IVFIndex
from skrec.retrieval._recall import RecallReport
from skrec.retrieval._vectors import VectorIndex

__all__ = ["ExactIndex", "IVFIndex", "RecallReport", "VectorIndex"]
