"""Events and their labels."""

from skrec.data._appending import append_events
from skrec.data._canonical import check_interactions, check_pairs, is_matrix
from skrec.data._encoding import IdEncoder
from skrec.data._impressions import event_times, fill_missing_impressions, read_impressions, shown_events, with_event_times
from skrec.data._interactions import Interactions
from skrec.data._positives import is_positive, positive_mask
from skrec.data._unknown import UnknownItemError, UnknownUserError
from skrec.data._weighting import HalfLife, apply_half_life, read_half_life, weights_as_values

__all__ = [
    "HalfLife",
    "IdEncoder",
    "Interactions",
    "UnknownItemError",
    "UnknownUserError",
    "append_events",
    "apply_half_life",
    "check_interactions",
    "check_pairs",
    "event_times",
    "fill_missing_impressions",
    "is_matrix",
    "is_positive",
    "positive_mask",
    "read_half_life",
    "read_impressions",
    "shown_events",
    "weights_as_values",
    "with_event_times",
]
