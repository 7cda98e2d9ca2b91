"""The network of Caser."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec._memory import rows_per_block
from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.networks._layers import Dropout, embedding
from skrec.engine.networks._network import State
from skrec.engine.networks._sequence import SequenceNetwork

_USER_BYTES = 2**14  # that reading a sequence takes


class Caser(SequenceNetwork):
    """Filters look at the vectors of the last items, one below the other, as at an image.

    A horizontal filter spans a few of these items, and its strongest answer counts: something happened, wherever. A vertical
    one weighs all of them by their place and adds them up. A layer joins the answers; the user's own vector is put beside it.
    """

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
        for name, sizes in (("typical_user", [n_factors]), ("typical_taste", [n_factors]), ("foretold", [n_factors] * 2)):
            self.register_buffer(name, torch.zeros(sizes), persistent=False)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [self.users]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.items, self.read_items]

    def states(self, sequences: Sequences) -> Tensor:
        vectors = self.read_items(sequences.items) * self.scale
        image = F.pad(vectors, (0, 0, self.window - 1, 0))  # nothing before the first item
        across = [
            F.max_pool1d(filters(image.transpose(1, 2)).relu(), self.window - place, stride=1)
            for place, filters in enumerate(self.horizontal)
        ]
        along = self.vertical(image.unfold(1, self.window, 1)).flatten(2)
        short_term = self.join(self.dropout(torch.cat([torch.cat(across, 1).transpose(1, 2), along], 2))).relu()
        users = self.strangers(self.tastes(sequences)) if sequences.users is None else self.users(sequences.users)
        lasting = self.dropout(users * self.scale)[:, None]
        return torch.cat([short_term, lasting.expand_as(short_term)], 2)

    def tastes(self, sequences: Sequences) -> Tensor:
        """The mean of what users' vectors are compared with, over what each did up to the last item that is asked for."""
        places = torch.arange(sequences.items.shape[1], device=sequences.items.device)
        is_past = places <= (sequences.asked * places).amax(1, keepdim=True)
        vectors = self.items(sequences.items)[..., self.users.embedding_dim :]
        return (vectors * is_past[..., None]).sum(1) / is_past.sum(1, keepdim=True)

    def strangers(self, tastes: Tensor) -> Tensor:
        """The vectors that users of such tastes would have, by the linear function that fits the known users best."""
        return self.typical_user + (tastes - self.typical_taste) @ self.foretold

    def prepare(self) -> None:
        self._learn_strangers((self.sequences.indptr.diff() > 0).nonzero()[:, 0])

    def _learn_strangers(self, known: Tensor) -> None:
        vectors = self.users.weight[known]
        tastes = torch.cat([self.tastes(self.sequences(users)) for users in known.split(rows_per_block(_USER_BYTES))])
        self.typical_user, self.typical_taste = vectors.mean(0), tastes.mean(0)
        tastes = tastes - self.typical_taste
        gram = tastes.T @ tastes
        gram.diagonal().add_(1e-3 * gram.diagonal().mean() + 1e-12)
        self.foretold = torch.linalg.solve(gram, tastes.T @ (vectors - self.typical_user))

    @torch.no_grad()
    def initialize_users(self, users: Tensor, state: State) -> None:
        """New users begin with the vectors that their items foretell."""
        has_past = self.sequences.indptr.diff() > 0
        has_past[users] = False
        self._learn_strangers(has_past.nonzero()[:, 0])
        self.users.weight[users] = self.strangers(self.tastes(self.sequences(users)))
