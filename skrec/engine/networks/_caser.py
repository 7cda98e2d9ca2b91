"""The network of Caser."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec._memory import rows_per_block
from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.networks._layers import Dropout, embedding
from skrec.engine.networks._linear_map import fit_linear_map
from skrec.engine.networks._network import State
from skrec.engine.networks._sequence import SequenceNetwork

_USER_BYTES = 2**14  # memory for one sequence


class Caser(SequenceNetwork):
    """Convolutions over the matrix of the last items' vectors, combined with a vector of the user.

    A horizontal filter spans a few consecutive items, and its output is the maximum over their positions. A vertical filter is
    a weighted sum of all items by position. A linear layer combines the outputs, and the user's vector is concatenated to it.

    Parameters
    ----------
    sequences : SequenceTable
        Sequences of the training users.
    shape : (int, int)
        Numbers of users and items.
    n_factors : int
        Width of the vectors.
    window : int
        Number of last items that are used.
    n_horizontal : int
        Number of horizontal filters of each height.
    n_vertical : int
        Number of vertical filters.
    dropout : float
        Dropout of the filters' outputs and of the users' vectors.
    """

    has_fixed_length = True  # of windows and filters

    def __init__(
        self,
        sequences: SequenceTable,
        shape: tuple[int, int],
        n_factors: int,
        *,
        window: int,
        n_horizontal: int,
        n_vertical: int,
        dropout: float,
    ):
        n_users, n_items = shape
        super().__init__(sequences, n_items, 2 * n_factors)
        self.read_items = embedding(n_items, n_factors, std=1 / n_factors)
        self.users = embedding(n_users, n_factors, std=1 / n_factors)
        self.scale, self.window = n_factors**0.5, window
        self.horizontal = nn.ModuleList([nn.Conv1d(n_factors, n_horizontal, height) for height in range(1, window + 1)])
        self.vertical = nn.Linear(window, n_vertical, bias=False)
        self.join = nn.Linear(n_horizontal * window + n_vertical * n_factors, n_factors)
        self.dropout = Dropout(dropout)
        for name, sizes in (("mean_user", [n_factors]), ("mean_of_item_means", [n_factors]), ("user_map", [n_factors] * 2)):
            self.register_buffer(name, torch.zeros(sizes), persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.users]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.items, self.read_items]

    def states(self, sequences: Sequences) -> Tensor:
        vectors = self.read_items(sequences.items) * self.scale
        image = F.pad(vectors, (0, 0, self.window - 1, 0))  # padding before the first item
        across = [
            F.max_pool1d(filters(image.transpose(1, 2)).relu(), self.window - place, stride=1)
            for place, filters in enumerate(self.horizontal)
        ]
        along = self.vertical(image.unfold(1, self.window, 1)).flatten(2)
        short_term = self.join(self.dropout(torch.cat([torch.cat(across, 1).transpose(1, 2), along], 2))).relu()
        users = self.predicted_users(self.item_means(sequences)) if sequences.users is None else self.users(sequences.users)
        lasting = self.dropout(users * self.scale)[:, None]
        return torch.cat([short_term, lasting.expand_as(short_term)], 2)

    def item_means(self, sequences: Sequences) -> Tensor:
        """Mean of the item vectors that match the users' vectors, over all items up to the last requested position."""
        places = torch.arange(sequences.items.shape[1], device=sequences.items.device)
        is_past = places <= (sequences.requested * places).amax(1, keepdim=True)
        vectors = self.items(sequences.items)[..., self.users.embedding_dim :]
        return (vectors * is_past[..., None]).sum(1) / is_past.sum(1, keepdim=True)

    def predicted_users(self, item_means: Tensor) -> Tensor:
        """Predict the vectors of new users by a linear map from item means, which is fitted on the training users."""
        return self.mean_user + (item_means - self.mean_of_item_means) @ self.user_map

    def prepare(self) -> None:
        self._fit_user_map((self.sequences.indptr.diff() > 0).nonzero()[:, 0])

    def _fit_user_map(self, known: Tensor) -> None:
        vectors = self.users.weight[known]
        item_means = torch.cat([self.item_means(self.sequences(users)) for users in known.split(rows_per_block(_USER_BYTES))])
        self.mean_user, self.mean_of_item_means = vectors.mean(0), item_means.mean(0)
        self.user_map = fit_linear_map(item_means - self.mean_of_item_means, vectors - self.mean_user)

    @torch.no_grad()
    def initialize_users(self, users: Tensor, state: State) -> None:
        """Set the vectors of new users to their predictions from item means."""
        has_past = self.sequences.indptr.diff() > 0
        has_past[users] = False
        self._fit_user_map(has_past.nonzero()[:, 0])
        self.users.weight[users] = self.predicted_users(self.item_means(self.sequences(users)))
