"""Events and their labels."""

from skrec.data._appending import append_events
from skrec.data._canonical import check_interactions, check_pairs, is_matrix
from skrec.data._encoding import IdEncoder
from skrec.data._impressions import at_moments, each_by_itself, in_impressions, moments, read_impressions
from skrec.data._interactions import Interactions
from skrec.data._positives import is_positive, positive_mask
from skrec.data._weighting import HalfLife, by_weight, fade, read_half_life

__all__ = [
    "HalfLife",
    "IdEncoder",
    "Interactions",
    "append_events",
    "at_moments",
    "by_weight",
    "check_interactions",
    "check_pairs",
    "each_by_itself",
    "fade",
    "in_impressions",
    "is_matrix",
    "is_positive",
    "moments",
    "positive_mask",
    "read_half_life",
    "read_impressions",
]
