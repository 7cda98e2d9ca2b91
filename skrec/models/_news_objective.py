"""What news are learned from: clicks, each by what its reader had clicked before."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from skrec.data import Interactions, event_times
from skrec.data._splitting import hold_out_events, hold_out_latest_impressions
from skrec.engine import (
    Asked,
    AskedBatches,
    Batches,
    Clock,
    NegativesAsOf,
    PairBatches,
    PastTable,
    Ranking,
    SampledRanking,
    SlateBatches,
    Slates,
    numbered,
)


@dataclass(frozen=True)
class Readers:
    """Readers at some times, known by their last clicks before.

    Parameters
    ----------
    n_users : int
        The code of all readers without any click.
    max_length : int
        How many clicks are looked at, the latest ones.
    clock : Clock
    """

    n_users: int
    max_length: int
    clock: Clock

    def past(self, clicks: Interactions) -> PastTable:
        """The clicks of all readers, in order of time."""
        return PastTable(clicks, self.max_length)

    def at_times(self, past: PastTable, events: Interactions) -> Asked:
        """The readers of some events, each as of the time of the event."""
        device, times = past.keys.device, event_times(events)
        users = torch.tensor(np.minimum(events.users, self.n_users), device=device)
        hours = torch.tensor(self.clock.hours(times), device=device)
        return Asked(users, past.stops(users, torch.tensor(times, device=device)), hours)

    def of(self, events: Interactions, clicks: Interactions) -> Asked:
        """The same by some clicks; events without times are later than all of these."""
        past = self.past(clicks)
        return past.at_the_end(torch.tensor(events.users)) if events.timestamps is None else self.at_times(past, events)


@dataclass(frozen=True, eq=False)
class ShownClicks(Slates):
    """Each click among what was shown beside it.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`.
    readers : Readers
    """

    readers: Readers

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        return hold_out_latest(self.readers, data, fraction, rng)

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        slates = SlateBatches(numbered(events), batch_size=self.batch_size, positive_from=self.positive_from)
        return AskedBatches(slates, self.readers.of(events, known[self.training_mask(known)]))

    def history(self, histories: Interactions) -> Interactions:
        return clicks_of(self, histories)


@dataclass(frozen=True, eq=False)
class DrawnClicks(SampledRanking):
    """Each click among articles that are drawn.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from, sampling, n_negatives
        As for `SampledRanking`.
    readers : Readers
    appeared : float32 array of shape (n_items,), or None
        The hour at which each article appeared. Before, it is not drawn. If None, all were there before the first click.
    """

    readers: Readers
    appeared: NDArray[np.float32] | None

    def example_rows(self, data: Interactions) -> NDArray[np.int64]:
        return np.flatnonzero(self.training_mask(data))

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        return hold_out_latest(self.readers, data, fraction, rng)

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        clicks = known[self.training_mask(known)]
        asked, appeared = self.readers.of(events, clicks), None if self.appeared is None else torch.tensor(self.appeared)
        negatives = NegativesAsOf(self.sampler(clicks), asked, appeared)
        pairs = PairBatches(numbered(events), batch_size=self.batch_size, negatives=negatives, n_negatives=self.n_negatives)
        return AskedBatches(pairs, asked)

    def history(self, histories: Interactions) -> Interactions:
        return clicks_of(self, histories)


def clicks_of(objective: Ranking, histories: Interactions) -> Interactions:
    """The clicks in some histories, repeated ones too."""
    return histories[objective.training_mask(histories)]


def hold_out_latest(readers: Readers, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The latest impressions; random events where there are neither times nor impressions, as in a matrix."""
    if readers.clock.latest is None and data.impressions is None:
        return hold_out_events(data, fraction, rng)
    return hold_out_latest_impressions(data, fraction)
