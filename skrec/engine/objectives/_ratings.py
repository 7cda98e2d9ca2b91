"""Objectives that predict ratings."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from skrec.data import Interactions
from skrec.data._callers import depth_of_caller
from skrec.engine.batches._batches import Batches, ColumnBatches, PairBatches, RatingRows
from skrec.engine.fold_in import Catalog, FrozenNetwork, Likelihood, Prior, State, event_weights, ratings, solve_ridge
from skrec.engine.networks._network import EmbeddingNetwork
from skrec.engine.networks._products import DotProduct
from skrec.engine.objectives._objective import Objective, counts
from skrec.engine.objectives._rating_penalties import penalize_rows


@dataclass(frozen=True, eq=False)
class Ratings(Objective):
    """Values of events as targets. If a user rated an item several times, only the last rating is used.

    Parameters
    ----------
    losses, half_life, batch_size
        As for `Objective`.
    y_range : (float, float) or None
        Bounds of the predicted ratings. If None, they are not bounded.
    """

    y_range: tuple[float, float] | None

    predicts_ratings: ClassVar[bool] = True

    def training_mask(self, data: Interactions) -> NDArray[np.bool_]:
        return np.ones(len(data), bool)

    def check(self, data: Interactions, n_pairs: int) -> None:
        n_left_out = len(data) - n_pairs
        if n_left_out:
            warnings.warn(
                f"{n_left_out} earlier ratings of the same user and item are left out",
                UserWarning,
                stacklevel=depth_of_caller(),
            )

    def initialize(self, network: Any, examples: Interactions) -> None:
        if isinstance(network, EmbeddingNetwork):
            network.expect_ratings(examples.values, self.y_range)
        if isinstance(network, DotProduct):
            penalize_rows(network, examples, self.y_range)

    def rows(self, events: Interactions) -> sp.csr_array:
        return events.to_csr()

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        return PairBatches(events, batch_size=self.batch_size, negatives=None)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalog: Catalog) -> Likelihood:
        return ratings(network, catalog.events(histories), noise=catalog.noise)

    def has_closed_form(self, network: Any) -> bool:
        return network.has_factors and network.y_range is None

    def closed_form(self, network: Any, prior: Prior, histories: Interactions, catalog: Catalog) -> State:
        items = catalog.tensor(histories.items)
        features = network.item_vectors(items)
        if len(prior.widths) == 2:  # a user bias is one more factor
            features = torch.cat([features, torch.ones_like(features[:, :1])], 1)
        targets = catalog.tensor(histories.values) - network.mean
        if network.item_biases is not None:
            targets = targets - network.item_biases(items)[:, 0]
        certainty = catalog.tensor(event_weights(histories)).sqrt()
        users = catalog.tensor(histories.users)
        return solve_ridge(
            prior, features * certainty[:, None], targets * certainty, users, histories.n_users, noise=catalog.noise
        )


@dataclass(frozen=True, eq=False)
class RatingsByUser(Ratings):
    """All ratings of a user as one example.

    Parameters
    ----------
    losses, half_life, batch_size, y_range
        As for `Ratings`. ``batch_size`` is the number of users in a minibatch.
    """

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        return RatingRows(self.rows(events), counts(events), batch_size=self.batch_size)


@dataclass(frozen=True, eq=False)
class RatingsByItem(Ratings):
    """All ratings of an item as one example.

    Parameters
    ----------
    losses, half_life, batch_size, y_range
        As for `Ratings`. ``batch_size`` is the number of items in a minibatch.
    """

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        columns = RatingRows(self.rows(events).T.tocsr(), counts(events).T.tocsr(), batch_size=self.batch_size)
        return ColumnBatches(columns, None)
