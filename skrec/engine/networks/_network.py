"""Base classes of all networks."""

from math import log
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec.engine.batches._sparse_rows import RowTable
from skrec.engine.networks._layers import row_penalties

State = tuple[Tensor, ...]

_LEAST_SHARE = 0.01  # nearer to the ends of its range a sigmoid has almost no slope


class RecommenderNetwork(nn.Module):
    """Base of networks, which encode users as states and score items for a state.

    A network implements ``encode(users)``, which returns a tuple of tensors with one row per user, and ``score(state, items)``.
    The items have shape (B,), one for each user, (B, C), candidates of each user, or (1, C), candidates that all users share.

    Attributes
    ----------
    floats_per_score : int, default=1
        Number of floats held at once in the computation of one score. It determines the size of blocks of scores.
    has_factors : bool, default=False
        Whether all scores are dot products of the ``factors`` of a `ProductNetwork`.
    reads_histories : bool, default=False
        Whether the network computes the states of new users from their histories, by default with ``encode_rows``. If False,
        new users are folded in.
    shrinks_users : bool, default=False
        Whether training keeps the states of users near 0, so that new users have the same penalty.
    temperature : float or None, default=None
        If not None, scores do not depend on the lengths of users' vectors.
    encodes_histories : bool, default=False
        Whether ``encode`` reads the histories of known users from ``history_tables``.
    history_tables : tuple of str, default=()
        Names of the modules with the histories of the training users.
    """

    encodes_histories: ClassVar[bool] = False
    history_tables: ClassVar[tuple[str, ...]] = ()
    floats_per_score: int = 1
    has_factors: bool = False
    reads_histories: bool = False
    shrinks_users: bool = False
    temperature: float | None = None

    def encode(self, users: Tensor) -> State:
        raise NotImplementedError(f"{type(self).__name__} must implement encode")

    def score(self, state: State, items: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must implement score")

    def forward(self, users: Tensor, items: Tensor) -> Any:
        return self.score(self.encode(users), items)

    def encode_rows(self, rows: Any) -> State:
        """Return the states of users from their `Rows`."""
        raise NotImplementedError(f"{type(self).__name__} must implement encode_rows")

    @torch.no_grad()
    def states_of_rows(self, rows: sp.csr_array) -> State:
        """Return the states of new users from CSR rows (n_users, n_items)."""
        device = next(self.parameters()).device
        return self.encode_rows(RowTable(rows).to(device)(torch.arange(rows.shape[0], device=device)))

    def prepare(self) -> None:
        """Compute what all scores have in common. Called after training, before scores are computed."""

    @property
    def result_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the buffers that are None until training or `prepare` sets them."""
        return {}

    def penalty(self, users: Tensor, items: Tensor, item_share: float) -> Tensor | float:
        """L2 penalty of a minibatch. 0 if the network does not define one."""
        return 0.0

    def all_item_biases(self) -> Tensor | None:
        """Biases (n_items,) that are added to scores, or None."""
        return None

    def user_vectors(self, state: State) -> Tensor:
        """Embeddings (n_users, d) of the users of a state."""
        raise NotImplementedError(f"{type(self).__name__} has no embeddings of users")

    def item_vectors(self, items: Tensor) -> Tensor:
        """Embeddings (..., d) of items."""
        raise NotImplementedError(f"{type(self).__name__} has no embeddings of items")


class EmbeddingNetwork(RecommenderNetwork):
    """Base of networks over tables of users and of items.

    A network implements ``user_tables`` and ``item_tables``, lists of `nn.Embedding`, and ``score(state, items)``. The state of
    a user consists of the user's row of each table. Scores are transformed by ``rating``, which is the identity for rankings.

    Attributes
    ----------
    mean : float32 Tensor of shape ()
        Added to scores: the mean rating, or the logit of its place in ``y_range``. 0 for rankings.
    y_range : Tensor of shape (2,), or None
        Bounds of the ratings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("y_range", None)

    @property
    def result_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"y_range": (2,)}

    @property
    def user_tables(self) -> list[nn.Embedding]:
        raise NotImplementedError(f"{type(self).__name__} must implement user_tables")

    @property
    def item_tables(self) -> list[nn.Embedding]:
        raise NotImplementedError(f"{type(self).__name__} must implement item_tables")

    def encode(self, users: Tensor) -> State:
        return tuple(table(users) for table in self.user_tables)

    def user_vectors(self, state: State) -> Tensor:
        return torch.cat(state, 1)

    def item_vectors(self, items: Tensor) -> Tensor:
        return torch.cat([table(items) for table in self.item_tables], -1)

    def expect_ratings(
        self, values: NDArray[np.float32], y_range: tuple[float, float] | None, *, centered: bool = True
    ) -> None:
        """Center predictions on the mean of ratings, and bound them by ``y_range`` if it is not None."""
        if y_range is not None:
            self.y_range = torch.tensor(y_range)
        if centered:
            mean = float(values.mean(dtype=np.float64))
            share = None if y_range is None else place_in_range(mean, y_range)
            self.mean.fill_(mean if share is None else log(share / (1 - share)))

    def rating(self, scores: Tensor) -> Tensor:
        """Add ``mean`` to scores, and map the sums into ``y_range`` by a sigmoid if there is one."""
        return self.bounded(scores + self.mean)

    def bounded(self, scores: Tensor) -> Tensor:
        """Map scores into ``y_range`` by a sigmoid, if there is one."""
        if self.y_range is None:
            return scores
        low, high = self.y_range
        return low + (high - low) * scores.sigmoid()

    def penalty(self, users: Tensor, items: Tensor, item_share: float) -> Tensor:
        """Mean squared length of the users' rows in a minibatch, plus ``item_share`` times the sum over its items."""
        of_users = sum(squared_lengths(table, users) for table in self.user_tables) / len(users)
        return of_users + sum(squared_lengths(table, items) for table in self.item_tables) * item_share

    @torch.no_grad()
    def copy_rows(self, trained: "EmbeddingNetwork") -> None:
        """Copy the weights of a smaller network of the same kind. Further rows of the tables do not change.

        Raises
        ------
        ValueError
            If the networks differ in more than the number of users and items.
        """
        own, learned = self.state_dict(), trained.state_dict()
        is_alike = type(self) is type(trained) and own.keys() == learned.keys()
        if not is_alike or any(own[name].shape[1:] != weight.shape[1:] for name, weight in learned.items()):
            raise ValueError(
                "partial_fit continues with the trained network: parameters that determine its architecture, such as n_factors "
                "or loss, must not change"
            )
        for name, weight in learned.items():
            rows = own[name]
            (rows[: len(weight)] if weight.ndim else rows).copy_(weight)

    @torch.no_grad()
    def initialize_users(self, users: Tensor, state: State) -> None:
        """Set the rows of new users from their states."""
        for table, rows in zip(self.user_tables, state, strict=True):
            table.weight[users] = rows

    @torch.no_grad()
    def initialize_items(self, items: Tensor, known: Tensor) -> None:
        """Set the rows of new items to the mean row of the known items."""
        for table in self.item_tables:
            table.weight[items] = table.weight[known].mean(0)


def place_in_range(rating: float, y_range: tuple[float, float]) -> float:
    """Return the share of the range that is below a rating, kept off 0 and 1."""
    low, high = y_range
    return min(max((rating - low) / (high - low), _LEAST_SHARE), 1 - _LEAST_SHARE)


@torch.no_grad()
def prepare(network: RecommenderNetwork) -> None:
    """Put a network into evaluation mode and prepare it for scores.

    Parameters
    ----------
    network : RecommenderNetwork
    """
    network.eval()
    network.prepare()


def squared_lengths(table: nn.Embedding, rows: Tensor) -> Tensor:
    """Sum of the squared lengths of rows of a table times their factors. Repeated rows are counted repeatedly."""
    factors = row_penalties(table)
    if table.sparse or rows.numel() < table.num_embeddings:
        squares = table(rows).square()
        return squares.sum() if factors is None else squares.sum(-1).flatten() @ factors[rows.flatten()]
    # with more look-ups than rows, one pass over the table is faster than copying its rows
    counts = torch.bincount(rows.flatten(), minlength=table.num_embeddings).to(table.weight.dtype)
    return (counts if factors is None else counts * factors) @ table.weight.square().sum(1)
