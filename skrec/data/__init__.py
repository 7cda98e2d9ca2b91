"""Events and their labels."""

from skrec.data._canonical import check_interactions, is_matrix
from skrec.data._encoding import IdEncoder
from skrec.data._interactions import Interactions
from skrec.data._positives import check_positive_from, is_positive, positive_mask

__all__ = [
    "IdEncoder",
    "Interactions",
    "check_interactions",
    "check_positive_from",
    "is_matrix",
    "is_positive",
    "positive_mask",
]
