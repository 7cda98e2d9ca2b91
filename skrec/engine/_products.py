"""Scores of networks as products of vectors."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skrec._threads import torch_threads_in_step
from skrec.engine.networks._network import EmbeddingNetwork, State
from skrec.engine.networks._products import Factors, ProductNetwork
from skrec.topk import Products


@torch.no_grad()
def products_of(model: Any) -> Products | None:
    """The vectors whose products are the scores of a fitted `TorchRecommender`, None if they are no products.

    Also None on a GPU, where all products are computed.
    """
    network = model.module_
    if not network.has_factors or model.device_ != "cpu":
        return None
    biases = network.all_item_biases()
    return Products(
        items=network.all_item_vectors(model.n_items_).detach().numpy(),
        users=partial(_vectors, network),
        biases=None if biases is None else biases.detach().numpy(),
        constants=partial(_constants, network, float(network.mean)),
        rating=None if network.y_range is None else RatingRange(network),
    )


@torch.no_grad()
def _vectors(network: ProductNetwork, state: State) -> NDArray[np.float32]:
    return network.user_vectors(state).numpy()


@torch.no_grad()
def _constants(network: ProductNetwork, mean: float, state: State) -> NDArray[np.float32] | None:
    """Biases of users, plus what is added to all scores."""
    biases = network.with_users(Factors(state[0], state[0]), state).user_biases
    if mean != 0:
        biases = network.mean + (torch.zeros(len(state[0])) if biases is None else biases)
    return None if biases is None else biases.numpy()


@dataclass(frozen=True, eq=False)
class RatingRange:
    """The sigmoid that maps the scores of a network into the range of its ratings."""

    network: EmbeddingNetwork

    @torch.no_grad()
    @torch_threads_in_step(0)
    def __call__(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert scores, which include the mean, to ratings."""
        return self.network.bounded(torch.from_numpy(scores)).numpy()

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest rating."""
        low, high = self.network.y_range.tolist()
        return low, high
