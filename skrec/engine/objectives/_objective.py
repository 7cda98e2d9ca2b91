"""What all objectives have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data import HalfLife, Interactions, by_weight, fade
from skrec.data._splitting import hold_out_events
from skrec.engine.batches._batches import Batches
from skrec.engine.fold_in import Catalogue, FrozenNetwork, Likelihood
from skrec.engine.losses._losses import Losses


@dataclass(frozen=True, eq=False)
class Objective:
    """What a model learns from.

    An objective selects training examples, makes minibatches of them, and knows the loss and the likelihood of a new user's
    history. It is complete without the estimator.

    Parameters
    ----------
    losses : Losses
    half_life : float, timedelta, str or None
        The age at which an event weighs half, as `skrec.data.read_half_life` reads it. If None, all events weigh the same.
    batch_size : int
        Examples in a minibatch.
    """

    losses: Losses
    half_life: HalfLife | None
    batch_size: int

    predicts_ratings: ClassVar[bool] = False
    draws_negatives: ClassVar[bool] = False

    def training_mask(self, data: Interactions) -> NDArray[np.bool_]:
        """Which events say what a user likes, or how much."""
        raise NotImplementedError(f"{type(self).__name__} must write training_mask")

    def example_mask(self, data: Interactions) -> NDArray[np.bool_]:
        """Which events take part in training and validation."""
        return self.training_mask(data)

    def example_rows(self, data: Interactions) -> NDArray[np.int64]:
        """Positions, ascending, of the `examples`: one for each pair of user and item, the last one."""
        rows = np.flatnonzero(self.example_mask(data))
        return rows[data[rows].last_of_each_pair()]

    def examples(self, data: Interactions) -> Interactions:
        """The events to learn from, weighted by their age."""
        return fade(data[self.example_rows(data)], self.half_life)

    def check(self, data: Interactions) -> None:
        """Raise ValueError if nothing can be learned from the training data; warn if some of them are left out."""

    def has_signal(self, examples: Interactions) -> bool:
        """Whether something can be learned from some examples."""
        return True

    def groups(self, examples: Interactions) -> NDArray[np.int64]:
        """A number for each example, the same for those that the loss looks at together."""
        return np.arange(len(examples))

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which events to choose the best epoch by."""
        return hold_out_events(data, fraction, rng)

    def initialize(self, network: Any, examples: Interactions) -> None:
        """Set up a network for these examples before training."""

    def rows(self, events: Interactions) -> sp.csr_array:
        """The users' rows as networks read them."""
        raise NotImplementedError(f"{type(self).__name__} must write rows")

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        """Minibatches of some examples. What is known of the users is never drawn as a negative."""
        raise NotImplementedError(f"{type(self).__name__} must write batches")

    def held_out_batches(self, events: Interactions, known: Interactions) -> Batches:
        """Minibatches by which the loss on held-out events is measured."""
        return self.batches(events, known)

    def history(self, histories: Interactions) -> Interactions:
        """What counts of the histories of new users, with weights by age if there are times."""
        histories = histories[self.training_mask(histories)]
        histories = histories[histories.last_of_each_pair()]
        return histories if histories.timestamps is None else fade(histories, self.half_life)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalogue: Catalogue) -> Likelihood:
        """Minus the log-likelihoods of the histories of new users."""
        raise NotImplementedError(f"{type(self).__name__} has no likelihood of histories, so that it folds in no users")


def counts(events: Interactions) -> sp.csr_array:
    """How much each pair counts: 1, or the weights of its events."""
    return events.to_csr(duplicates="any") if events.weights is None else by_weight(events).to_csr()
