"""Neural matrix factorisation."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec.base import EmbeddingMixin
from skrec.base._checks import check_flag, check_int, check_number
from skrec.data import Interactions
from skrec.engine import Dropout, EmbeddingNetwork, TorchRecommender, embedding, weights


class GMF(nn.Module):
    """Generalised matrix factorisation: the element-wise product of two embeddings."""

    def __init__(self, n_users: int, n_items: int, n_factors: int):
        super().__init__()
        self.users, self.items = embedding(n_users, n_factors, std=0.01), embedding(n_items, n_factors, std=0.01)
        self.width = n_factors

    def forward(self, user_vectors: Tensor, items: Tensor) -> Tensor:
        return user_vectors * self.items(items)


class MLP(nn.Module):
    """A network over two embeddings side by side.

    Its first layer is split in two, for users and for items, so that a block of users x items shares the work.
    """

    def __init__(self, n_users: int, n_items: int, n_factors: int, hidden: tuple[int, ...], dropout: float):
        super().__init__()
        self.users, self.items = embedding(n_users, n_factors, std=0.01), embedding(n_items, n_factors, std=0.01)
        self.of_user = nn.Linear(n_factors, hidden[0])
        self.of_item = nn.Linear(n_factors, hidden[0], bias=False)
        self.layers = nn.Sequential(nn.ReLU(), Dropout(dropout))
        for before, after in pairwise(hidden):
            self.layers.extend([nn.Linear(before, after), nn.ReLU(), Dropout(dropout)])
        self.width = hidden[-1]

    def forward(self, user_vectors: Tensor, items: Tensor) -> Tensor:
        return self.layers(self.of_user(user_vectors) + self.of_item(self.items(items)))


class NeuMFNetwork(EmbeddingNetwork):
    """Paths from (user, item) to features, and one linear layer over all of them."""

    def __init__(self, paths: list[GMF | MLP]):
        super().__init__()
        self.paths = nn.ModuleList(paths)
        self.head = nn.Linear(sum(path.width for path in paths), 1)
        for path, part in zip(paths, self.head.weight.split([path.width for path in paths], 1), strict=True):
            if isinstance(path, GMF):  # the sum of the products: from here on the path learns as matrix factorisation does
                nn.init.ones_(part)
        self.floats_per_score = 2 * self.head.in_features
        self.register_buffer("mean", torch.zeros(()))

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return [path.users for path in self.paths]

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [path.items for path in self.paths]

    def score(self, state: tuple[Tensor, ...], items: Tensor) -> Tensor:
        if items.ndim == 2:
            state = tuple(vectors[:, None] for vectors in state)
        features = [path(vectors, items) for path, vectors in zip(self.paths, state, strict=True)]
        return self.head(torch.cat(features, -1))[..., 0] + self.mean


class NeuMFRecommender(EmbeddingMixin, TorchRecommender):
    """Neural matrix factorisation: a product of embeddings and a network over other embeddings, added by a linear layer.

    Parameters
    ----------
    loss : str or callable, default="bce"
        As for `TorchRecommender`; "bce" is the paper's.
    n_negatives : int, default=4
        Negatives for each positive event.
    n_factors : int, default=32
        Width of the product's embeddings.
    mlp_factors : int, default=None
        Width of the network's embeddings; None means the width of the first hidden layer.
    hidden : tuple of int, default=(64, 32)
        Widths of the network's layers.
    dropout : float, default=0.0
        After each of them, in training.
    pretrain : bool, default=False
        Train both paths by themselves first, each with the same settings, and start from there, as in the paper.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays
        The embeddings of both paths side by side, (n_users_, n_factors + mlp_factors) and the same for items.

    Notes
    -----
    Scores of users x items cost a pass through the network for each pair: some hundred times a dot product.

    References
    ----------
    He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import NeuMFRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = NeuMFRecommender(n_factors=4, hidden=(8,), max_epochs=60, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    loss: str | Callable[..., Tensor] = "bce"
    n_negatives: int = 4
    n_factors: int = 32
    mlp_factors: int | None = None
    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.0
    pretrain: bool = False

    _negatives_of_softmax = "uniform"

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.mlp_factors, "mlp_factors", at_least=1, or_none=True)
        if not isinstance(self.hidden, tuple | list) or not self.hidden:
            raise TypeError(f"hidden must be a tuple of layer widths, such as (64, 32), got {self.hidden!r}")
        for width in self.hidden:
            check_int(width, "a width in hidden", at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)
        check_flag(self.pretrain, "pretrain")

    def _gmf(self, events: Interactions) -> GMF:
        return GMF(events.n_users, events.n_items, self.n_factors)

    def _mlp(self, events: Interactions) -> MLP:
        width = self.mlp_factors or self.hidden[0]
        return MLP(events.n_users, events.n_items, width, tuple(self.hidden), self.dropout)

    def _build(self, events: Interactions) -> NeuMFNetwork:
        return self._with_mean(NeuMFNetwork([self._gmf(events), self._mlp(events)]), events)

    def _with_mean(self, network: NeuMFNetwork, events: Interactions) -> NeuMFNetwork:
        if self._predicts_ratings:
            network.mean.fill_(float(events.values.mean(dtype=np.float64)))
        return network

    def _initialised(self, events: Interactions) -> NeuMFNetwork:
        if not self.pretrain:
            return super()._initialised(events)
        gmf = self._pretrained(events, lambda: self._with_mean(NeuMFNetwork([self._gmf(events)]), events))
        mlp = self._pretrained(events, lambda: self._with_mean(NeuMFNetwork([self._mlp(events)]), events))
        fused = super()._initialised(events)
        fused.paths = nn.ModuleList([gmf.paths[0], mlp.paths[0]])
        with torch.no_grad():  # the paper's eq. 13, with equal parts of both
            fused.head.weight.copy_(torch.cat([gmf.head.weight, mlp.head.weight], 1) / 2)
            fused.head.bias.copy_((gmf.head.bias + mlp.head.bias) / 2)
        return fused

    def _state_vectors(self, state: tuple[Tensor, ...]) -> NDArray[np.float32]:
        return torch.cat(state, 1).cpu().numpy()

    @property
    def user_embeddings_(self) -> NDArray[np.float32]:
        return np.hstack([weights(path.users) for path in self.module_.paths])

    @property
    def item_embeddings_(self) -> NDArray[np.float32]:
        return np.hstack([weights(path.items) for path in self.module_.paths])
