"""What all networks have in common that know users and items by the rows of tables."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

State = tuple[Tensor, ...]


def squared_lengths(table: nn.Embedding, rows: Tensor) -> Tensor:
    """The sum of the squared lengths of some rows of a table, each as often as it is among them."""
    if table.sparse or rows.numel() < table.num_embeddings:
        return table(rows).square().sum()
    # more are looked up than there are: a pass over the table takes less than copies of its rows, there and back
    counts = torch.bincount(rows.flatten(), minlength=table.num_embeddings)
    return counts.to(table.weight.dtype) @ table.weight.square().sum(1)


class EmbeddingNetwork(nn.Module):
    """Base of networks over tables of users and of items.

    A network writes ``user_tables`` and ``item_tables``, lists of `nn.Embedding`, and ``score(state, items)``; a user's state
    is their row of each table. What it computes passes through ``rating``, which is the identity unless ratings are learned.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("y_range", None)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        raise NotImplementedError(f"{type(self).__name__} must write user_tables")

    @property
    def item_tables(self) -> list[nn.Embedding]:
        raise NotImplementedError(f"{type(self).__name__} must write item_tables")

    def score(self, state: State, items: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must write score")

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.score(self.encode(users), items)

    def encode(self, users: Tensor) -> State:
        return tuple(table(users) for table in self.user_tables)

    def expect_ratings(self, values: NDArray[np.float32], y_range: tuple[float, float] | None) -> None:
        """Predict around the mean of some ratings, or within a range."""
        if y_range is None:
            self.mean.fill_(float(values.mean(dtype=np.float64)))
        else:
            self.y_range = torch.tensor(y_range)

    def rating(self, scores: Tensor) -> Tensor:
        """Scores moved by the mean of the ratings, squeezed into their range."""
        if self.y_range is None:
            return scores + self.mean
        low, high = self.y_range
        return low + (high - low) * scores.sigmoid()

    def prepare(self) -> None:
        """Compute once what all scores have in common; called after training and before scores are asked for."""

    def penalty(self, users: Tensor, items: Tensor, item_share: float) -> Tensor:
        """Squared lengths of the rows that a minibatch touches, for each of its users and by its share of the items."""
        of_users = sum(squared_lengths(table, users) for table in self.user_tables) / len(users)
        return of_users + sum(squared_lengths(table, items) for table in self.item_tables) * item_share

    @torch.no_grad()
    def adopt_rows(self, trained: "EmbeddingNetwork") -> None:
        """Take over the weights of a smaller network of the same kind; rows beyond its tables stay as they are.

        Raises
        ------
        ValueError
            If the two networks differ in more than the number of users and items.
        """
        own, learned = self.state_dict(), trained.state_dict()
        is_alike = type(self) is type(trained) and own.keys() == learned.keys()
        if not is_alike or any(own[name].shape[1:] != weight.shape[1:] for name, weight in learned.items()):
            raise ValueError(
                "partial_fit goes on from the network that fit has trained: parameters that shape it, such as n_factors or "
                "loss, must stay as they were"
            )
        for name, weight in learned.items():
            rows = own[name]
            (rows[: len(weight)] if weight.ndim else rows).copy_(weight)

    @torch.no_grad()
    def place_users(self, users: Tensor, state: State) -> None:
        """Give users the rows that a state has for them."""
        for table, rows in zip(self.user_tables, state, strict=True):
            table.weight[users] = rows

    @torch.no_grad()
    def place_items(self, items: Tensor, known: Tensor) -> None:
        """Give items the mean row of those that are known."""
        for table in self.item_tables:
            table.weight[items] = table.weight[known].mean(0)
