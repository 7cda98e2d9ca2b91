"""Objective that predicts the next item of a sequence."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._splitting import hold_out_last_of_some
from skrec.engine.batches._batches import Batches
from skrec.engine.batches._candidates import (
    AllCandidates,
    CandidateMaker,
    DrawnCandidates,
    InBatchCandidates,
    SharedCandidates,
)
from skrec.engine.batches._negatives import PopularNegatives, UniformNegatives, log_popularity
from skrec.engine.batches._sequences import SequenceBatches, followed_by
from skrec.engine.objectives._rankings import Ranking


@dataclass(frozen=True, eq=False)
class NextItem(Ranking):
    """Each positive event of a user, predicted from the events before it. Repeated events are kept.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`. ``batch_size`` is the average number of sequences in a minibatch.
    candidates : {"shared", "uniform", "popularity", "in_batch", "all"}
        Items that the next item is compared with.
    n_negatives : int
        Number of these items, if they are drawn.
    max_length : int
        Maximum number of items before each predicted item.
    """

    candidates: str
    n_negatives: int
    max_length: int

    @property
    def draws_negatives(self) -> bool:  # type: ignore[override]
        return self.candidates in ("shared", "uniform", "popularity")

    def example_rows(self, data: Interactions) -> NDArray[np.int64]:
        return np.flatnonzero(self.training_mask(data))

    def check(self, data: Interactions, n_pairs: int) -> None:
        if not self.has_signal(data[self.training_mask(data)]):
            raise ValueError(
                f"there is no next item to predict in X: no user has two positive events (n_features = {data.n_items})"
            )

    def has_signal(self, examples: Interactions) -> bool:
        return bool((np.bincount(examples.users) > 1).any())

    def groups(self, examples: Interactions) -> NDArray[np.int64]:
        return examples.users

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        positive, held_out = self.example_rows(data), np.zeros(len(data), bool)
        held_out[positive] = hold_out_last_of_some(data[positive], fraction, rng)
        return held_out

    def history(self, histories: Interactions) -> Interactions:
        return histories[self.training_mask(histories)]

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        return self._batches(events, known, is_target=None)

    def held_out_batches(self, events: Interactions, known: Interactions) -> Batches:
        """Make minibatches in which the events are predicted from all known events before them."""
        together = followed_by(known, events)
        return self._batches(together, known, is_target=np.arange(len(together)) >= len(known))

    def _batches(self, events: Interactions, known: Interactions, *, is_target: NDArray[np.bool_] | None) -> SequenceBatches:
        return SequenceBatches(
            events,
            max_length=self.max_length,
            batch_size=self.batch_size,
            candidates=self._candidates(known),
            negatives=UniformNegatives(known),
            is_target=is_target,
        )

    def _candidates(self, known: Interactions) -> CandidateMaker:
        make: dict[str, Callable[[], CandidateMaker]] = {
            "shared": lambda: SharedCandidates(known.n_items, self.n_negatives),
            "uniform": lambda: DrawnCandidates(UniformNegatives(known), self.n_negatives),
            "popularity": lambda: DrawnCandidates(PopularNegatives(known), self.n_negatives),
            "in_batch": lambda: InBatchCandidates(log_popularity(known), self.never_negative(known)),
            "all": lambda: AllCandidates(known.n_items),
        }
        return make[self.candidates]()
