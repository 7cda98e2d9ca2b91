"""The objectives of `NewsRecommender`: clicks, each predicted from what its user had clicked before."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._splitting import hold_out_events, hold_out_latest_impressions
from skrec.engine import (
    Batches,
    NegativesAtTimes,
    PairBatches,
    SampledRanking,
    SlateBatches,
    Slates,
    TimedBatches,
    one_user_per_event,
)
from skrec.models._news_times import Readers


@dataclass(frozen=True, eq=False)
class ShownClicks(Slates):
    """Each click among the articles of its impression.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`.
    readers : Readers
    """

    readers: Readers

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        return _hold_out_latest(data, fraction, rng, has_times=self.readers.clock.latest is not None)

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        slates = SlateBatches(one_user_per_event(events), batch_size=self.batch_size, positive_from=self.positive_from)
        past = self.readers.past(known[self.training_mask(known)])
        return TimedBatches(slates, self.readers.of_events(past, events))

    def history(self, histories: Interactions) -> Interactions:
        return histories[self.training_mask(histories)]  # with repetitions


@dataclass(frozen=True, eq=False)
class DrawnClicks(SampledRanking):
    """Each click among articles drawn at random.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from, sampling, n_negatives
        As for `SampledRanking`.
    readers : Readers
    appeared : float32 array of shape (n_items,), or None
        The times at which articles appeared, counted by the clock of ``readers``. An article is not drawn for earlier clicks.
        If None, all articles are drawn for all clicks.
    """

    readers: Readers
    appeared: NDArray[np.float32] | None

    def example_rows(self, data: Interactions) -> NDArray[np.int64]:
        return np.flatnonzero(self.training_mask(data))

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        return _hold_out_latest(data, fraction, rng, has_times=self.readers.clock.latest is not None)

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        clicks = known[self.training_mask(known)]
        users = self.readers.of_events(self.readers.past(clicks), events)
        appeared = None if self.appeared is None else torch.tensor(self.appeared)
        negatives = NegativesAtTimes(self.sampler(clicks), users, appeared)
        pairs = PairBatches(
            one_user_per_event(events), batch_size=self.batch_size, negatives=negatives, n_negatives=self.n_negatives
        )
        return TimedBatches(pairs, users)

    def history(self, histories: Interactions) -> Interactions:
        return histories[self.training_mask(histories)]  # with repetitions


def _hold_out_latest(data: Interactions, fraction: float, rng: np.random.Generator, *, has_times: bool) -> NDArray[np.bool_]:
    """The latest impressions. Random events if there are neither times nor impressions, as in a matrix."""
    if not has_times and data.impressions is None:
        return hold_out_events(data, fraction, rng)
    return hold_out_latest_impressions(data, fraction)
