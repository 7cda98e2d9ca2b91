"""The network of two towers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec.engine.networks._network import State
from skrec.engine.networks._products import Factors, ProductNetwork
from skrec.engine.networks._tower import Tower

_UNAVAILABLE_LOGIT = -3e4  # float16 ends at -65,504


class TwoTower(ProductNetwork):
    """score(u, i) = t_u . t_i, where t are the vectors of two towers.

    Parameters
    ----------
    users, items : Tower
        Towers of users and items.
    temperature : float or None
        If not None, scores are cosines divided by the temperature.
    """

    item_biases = None

    def __init__(self, users: Tower, items: Tower, *, temperature: float | None):
        super().__init__()
        self.users, self.items, self.temperature = users, items, temperature
        # added to all users' vectors: its product with an item's vector models the item's popularity
        self.common = nn.Parameter(torch.full((users.table.embedding_dim,), users.table.embedding_dim**-0.5))
        for name in ("final_users", "final_items"):
            self.register_buffer(name, None, persistent=False)

    @property
    def states_are_vectors(self) -> bool:
        return self.temperature is None

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.users.table]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.items.table]

    @property
    def result_shapes(self) -> dict[str, tuple[int, ...]]:
        vectors = {"final_users": self.users.table.weight.shape, "final_items": self.items.table.weight.shape}
        return super().result_shapes | vectors

    def prepare(self) -> None:
        self.final_users, self.final_items = self.users.all_vectors() + self.common, self.items.all_vectors()

    def factors(self, users: Tensor, items: Tensor) -> Factors:
        factors = super().factors(users, items)
        if not self.training:
            return factors
        # items without events are excluded from the softmax
        return factors._replace(biases=(self.items.has_events[items][..., 0] == 0) * _UNAVAILABLE_LOGIT)

    def encode(self, users: Tensor) -> State:
        return (self.users(users) + self.common if self.training else self.final_users[users],)

    def user_vectors(self, state: State) -> Tensor:
        return state[0] if self.temperature is None else F.normalize(state[0], dim=-1) / self.temperature

    def all_item_vectors(self, n_items: int) -> Tensor:
        return self.final_items if self.temperature is None else super().all_item_vectors(n_items)

    def item_vectors(self, items: Tensor) -> Tensor:
        vectors = self.items(items) if self.training else self.final_items[items]
        return vectors if self.temperature is None else F.normalize(vectors, dim=-1)

    @torch.no_grad()
    def initialize_users(self, users: Tensor, state: State) -> None:
        """Set the embeddings of new users to the part of their states that features do not explain."""
        self.users.table.weight[users] = state[0] - self.users.feature_vectors(users) - self.common

    @torch.no_grad()
    def initialize_items(self, items: Tensor, known: Tensor) -> None:
        """Set the embeddings of new items to 0 if there are features, else to the mean item."""
        if self.items.feature_mlp is None:
            super().initialize_items(items, known)
        else:
            self.items.table.weight[items] = 0
