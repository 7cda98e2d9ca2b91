"""Base class of all objectives."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from skrec.data import HalfLife, Interactions, apply_half_life, weights_as_values
from skrec.data._pairs import remembering_pairs
from skrec.data._splitting import hold_out_events
from skrec.engine.batches._batches import Batches
from skrec.engine.fold_in import Catalog, FrozenNetwork, Likelihood, Prior, State, prior_of
from skrec.engine.losses._losses import Losses, loss_weight, total_loss


@dataclass(frozen=True, eq=False)
class Objective:
    """Base of training objectives.

    An objective selects training examples, makes minibatches of them, and defines the loss and the likelihood of a new user's
    history. It does not depend on the estimator.

    Parameters
    ----------
    losses : Losses
    half_life : float, timedelta, str or None
        The age at which an event weighs half, as `skrec.data.read_half_life` reads it. If None, all events weigh the same.
    batch_size : int
        Number of examples in a minibatch.

    Attributes
    ----------
    predicts_ratings : bool
        Whether scores are ratings.
    draws_negatives : bool
        Whether negatives are drawn.
    solver : {"gradient", "als"}
        Algorithm that minimizes the loss.
    forgets : bool
        Whether training on new examples alone makes the model worse for the known ones, so that `partial_fit` repeats some.
    aligns_prior : bool
        Whether fold-in is iterative and converges faster after a change of the coordinates of the prior.
    keeps_penalty : bool
        Whether the likelihood of a history compares items as training does, so that new users can have the same penalty, see
        `prior_of_training`.
    n_used_rows : int or None
        Maximum number of rows of the embeddings that a minibatch uses, if negatives are drawn. Else None.
    """

    losses: Losses
    half_life: HalfLife | None
    batch_size: int

    predicts_ratings: ClassVar[bool] = False
    draws_negatives: ClassVar[bool] = False
    solver: ClassVar[str] = "gradient"
    forgets: ClassVar[bool] = True
    aligns_prior: ClassVar[bool] = True
    keeps_penalty = property(lambda self: False)
    n_used_rows = property(lambda self: None)

    def training_mask(self, data: Interactions) -> NDArray[np.bool_]:
        """Which events contain information about preferences."""
        raise NotImplementedError(f"{type(self).__name__} must implement training_mask")

    def example_mask(self, data: Interactions) -> NDArray[np.bool_]:
        """Which events take part in training and validation."""
        return self.training_mask(data)

    def example_rows(self, data: Interactions) -> NDArray[np.int64]:
        """Ascending positions of the `examples`: the last event of each pair of user and item."""
        return data.last_of_each_pair(self.example_mask(data))

    def examples(self, data: Interactions) -> Interactions:
        """Return the training examples, weighted by age."""
        rows = self.example_rows(data)
        return self.weighted(data if len(rows) == len(data) else remembering_pairs(data[rows]))

    def weighted(self, events: Interactions) -> Interactions:
        """Multiply the weights of events by their weights by age."""
        return apply_half_life(events, self.half_life)

    def check(self, data: Interactions, n_pairs: int) -> None:
        """Raise ValueError if the training data cannot be learned from. Warn if some events are left out.

        ``n_pairs`` is the number of distinct pairs of a user and an item in the data, which is already known.
        """

    def has_signal(self, examples: Interactions) -> bool:
        """Whether the examples can be learned from."""
        return True

    def groups(self, examples: Interactions) -> NDArray[np.int64]:
        """Group of each example. The loss uses all examples of a group together."""
        return np.arange(len(examples))

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Choose the events that are held out for early stopping."""
        return hold_out_events(data, fraction, rng)

    def initialize(self, network: Any, examples: Interactions) -> None:
        """Initialize a network for the examples before training."""

    def rows(self, events: Interactions) -> sp.csr_array:
        """Convert events to the rows of users that networks encode."""
        raise NotImplementedError(f"{type(self).__name__} must implement rows")

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        """Make minibatches of examples. Pairs of ``known`` are not drawn as negatives."""
        raise NotImplementedError(f"{type(self).__name__} must implement batches")

    def held_out_batches(self, events: Interactions, known: Interactions) -> Batches:
        """Make the minibatches for the loss on held-out events."""
        return self.batches(events, known)

    @torch.no_grad()
    def held_out_loss(self, network: Any, batches: Batches, known: Interactions, generator: torch.Generator) -> float:
        """Return the mean loss of held-out minibatches, given the training examples ``known``."""
        total, n = torch.zeros((), device=generator.device), torch.zeros((), device=generator.device)
        for batch in batches.epoch(generator):
            total += total_loss(network, self.losses.training, batch)
            n += loss_weight(self.losses.training, batch)
        return float(total) / (float(n) or 1.0)

    def prior(self, network: Any, users: Iterable[torch.Tensor]) -> Prior:
        """Return the distribution of the states of new users, given blocks of the codes of trained users."""
        return prior_of(network, users)

    def history(self, histories: Interactions) -> Interactions:
        """Select the informative events of new users' histories, weighted by age if there are timestamps."""
        histories = histories[self.training_mask(histories)]
        histories = histories[histories.last_of_each_pair()]
        return histories if histories.timestamps is None else self.weighted(histories)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalog: Catalog) -> Likelihood:
        """Return the negative log-likelihoods of new users' histories."""
        raise NotImplementedError(f"{type(self).__name__} has no likelihood of histories, so users cannot be folded in")

    def has_closed_form(self, network: Any) -> bool:
        """Whether the states of new users have a closed form."""
        return False

    def closed_form(self, network: Any, prior: Prior, histories: Interactions, catalog: Catalog) -> State:
        """Return the states of new users by their closed form."""
        raise NotImplementedError(f"{type(self).__name__} has no closed form of states")


def counts(events: Interactions) -> sp.csr_array:
    """Return the weight of each pair: 1, or the sum of the weights of its events."""
    return events.to_csr(duplicates="any") if events.weights is None else weights_as_values(events).to_csr()
