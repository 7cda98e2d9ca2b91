"""The objective of alternating least squares for implicit feedback."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from skrec.data import Interactions, apply_half_life, is_positive
from skrec.engine.batches._batches import Batches, PairBatches
from skrec.engine.batches._least_squares import LeastSquares, gram
from skrec.engine.fold_in import Catalog, Prior, State, event_weights, solve_in_axes
from skrec.engine.losses._losses import Losses, mse
from skrec.engine.networks._network import EmbeddingNetwork
from skrec.engine.objectives._objective import counts
from skrec.engine.objectives._rankings import Ranking

# found with the first half of the data sets of benchmarks/collection.py
_DEFAULT_UNOBSERVED_SHARE, _DEFAULT_REGULARIZATION = 15.0, 0.3
_HELD_OUT_BATCH_SIZE = 2**16


@dataclass(frozen=True, eq=False)
class ImplicitSquares(Ranking):
    """Squared errors of positive pairs, whose target is 1, and squared scores of all pairs.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`. The loss is the squared error.
    unobserved_weight : float
        Weight of the squared score of each pair.
    regularization : float
        Strength of the L2 penalty.
    regularization_exponent : float
        Power of the number of terms by which the penalty of a vector is multiplied.
    """

    unobserved_weight: float
    regularization: float
    regularization_exponent: float

    solver: ClassVar[str] = "als"
    forgets: ClassVar[bool] = False
    aligns_prior: ClassVar[bool] = False

    def penalties(self, sums: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """Penalty of the squared length of vectors, given the sums of the weights of their positive pairs.

        Parameters
        ----------
        sums : float64 array of shape (n_vectors,)
        n : int
            Number of pairs of each vector, positive or not.
        """
        return self.regularization * (sums + self.unobserved_weight * n) ** self.regularization_exponent

    def batches(self, events: Interactions, known: Interactions) -> Any:
        """Return the least squares problems of the users and items of some events."""
        return LeastSquares(counts(known), events, self.penalties)

    @torch.no_grad()
    def initialize(self, network: EmbeddingNetwork, examples: Interactions) -> None:
        # With entries of both signs the vectors of the users of an item cancel out, and the first epochs learn this noise.
        for tables, codes in ((network.user_tables, examples.users), (network.item_tables, examples.items)):
            for table in tables:
                table.weight.abs_()
                has_events = np.bincount(codes, minlength=table.num_embeddings) > 0
                table.weight[torch.as_tensor(~has_events)] = 0  # the least squares solution

    def held_out_batches(self, events: Interactions, known: Interactions) -> Batches:
        ones = events._replace(values=np.ones(len(events), np.float32))
        return PairBatches(ones, batch_size=self.batch_size, negatives=None)

    @torch.no_grad()
    def held_out_loss(self, network: Any, batches: Batches, known: Interactions, generator: torch.Generator) -> float:
        """Return the mean squared error of held-out events, and the squared scores of all pairs per training event."""
        users, items = (gram(table.weight) for tables in (network.user_tables, network.item_tables) for table in tables)
        of_all_pairs = self.unobserved_weight * float((users * items).sum()) / float(event_weights(known).sum(dtype=float))
        return super().held_out_loss(network, batches, known, generator) + of_all_pairs

    def prior(self, network: Any, users: object) -> Prior:
        """Return the penalty of a user's scores of all items, as curvatures of a prior along its axes."""
        (table,) = network.item_tables
        values, axes = torch.linalg.eigh(self.unobserved_weight * gram(table.weight))
        dtype, widths = table.weight.dtype, (len(values),)
        return Prior(torch.zeros_like(values, dtype=dtype), axes.to(dtype), widths, values.clamp(min=0).to(dtype))

    def has_closed_form(self, network: Any) -> bool:
        return True

    def closed_form(self, network: Any, prior: Prior, histories: Interactions, catalog: Catalog) -> State:
        weights = event_weights(histories)
        sums = np.bincount(histories.users, weights=weights, minlength=histories.n_users).astype(np.float64)
        penalties = catalog.tensor(self.penalties(sums, len(catalog.popularity)))
        certainty = catalog.tensor(weights).double().sqrt()
        return solve_in_axes(
            prior,
            network.item_vectors(catalog.tensor(histories.items)).double() * certainty[:, None],
            certainty,
            catalog.tensor(histories.users),
            penalties=penalties,
        )


def implicit_squares(model: Any, solver: Any) -> ImplicitSquares:
    """Return the objective for the parameters of a model and of its solver.

    Parameters
    ----------
    model : MFRecommender
    solver : ALS
    """
    total, n_pairs = _weight_of_positives(model), model.n_users_ * model.n_items_
    unobserved_weight = solver.unobserved_weight
    if unobserved_weight is None:
        unobserved_weight = _DEFAULT_UNOBSERVED_SHARE * total / n_pairs
    regularization = model.regularization
    if total == 0:  # the fit raises an error afterwards
        regularization = 0.0
    elif regularization is None:  # the same penalty of an average row for each exponent, proportional to the weights
        of_row = (total + unobserved_weight * n_pairs) / n_pairs**0.5
        mean_weight = total / float(model.popularity_.sum())
        regularization = _DEFAULT_REGULARIZATION * mean_weight**0.5 * of_row ** (0.5 - solver.regularization_exponent)
    return ImplicitSquares(
        losses=Losses(mse, mse),
        half_life=model.half_life,
        batch_size=_HELD_OUT_BATCH_SIZE,
        positive_from=model.positive_from,
        unobserved_weight=unobserved_weight,
        regularization=regularization,
        regularization_exponent=solver.regularization_exponent,
    )


def _weight_of_positives(model: Any) -> float:
    """Sum of the weights of the positive pairs of the training data."""
    data = model.events_
    if data.weights is None and model.half_life is None:
        return float(model.popularity_.sum())  # the pairs have been counted
    positives = data[is_positive(data.values, model.positive_from)]
    positives = apply_half_life(positives[positives.last_of_each_pair()], model.half_life)
    return float(event_weights(positives).sum(dtype=float))
