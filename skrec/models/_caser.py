"""Caser: convolutions over the last items of a user."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skrec._checks import check_int, check_number
from skrec._memory import rows_at_once
from skrec.data import Interactions
from skrec.engine import Dropout, SequenceNetwork, SequenceRecommender, Sequences, SequenceTable, State, embedding

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
        tastes = torch.cat([self.tastes(self.sequences(users)) for users in known.split(rows_at_once(_USER_BYTES))])
        self.typical_user, self.typical_taste = vectors.mean(0), tastes.mean(0)
        tastes = tastes - self.typical_taste
        gram = tastes.T @ tastes
        gram.diagonal().add_(1e-3 * gram.diagonal().mean() + 1e-12)
        self.foretold = torch.linalg.solve(gram, tastes.T @ (vectors - self.typical_user))

    @torch.no_grad()
    def place_users(self, users: Tensor, state: State) -> None:
        """New users begin with the vectors that their items foretell."""
        has_past = self.sequences.indptr.diff() > 0
        has_past[users] = False
        self._learn_strangers(has_past.nonzero()[:, 0])
        self.users.weight[users] = self.strangers(self.tastes(self.sequences(users)))


class CaserRecommender(SequenceRecommender):
    """Caser: convolutions over a user's last items find what they mean together; a vector of the user holds lasting tastes.

    A new user gets the vector that the mean of their items foretells, by the linear function that fits the known users best.

    Parameters
    ----------
    n_factors : int, default=32
        Width of the vectors of users and of items as they are read; the vectors they are compared with are twice as wide.
    window : int, default=5
        How many of the last items are looked at, the paper's L.
    n_horizontal : int, default=16
        Filters over each number of neighbouring items from 1 to ``window``.
    n_vertical : int, default=4
        Weighted sums of all of them.
    dropout : float, default=0.5
        Of the filters' answers and of the users' vectors, in training.
    max_length : int, default=50
        Items of a user that are learned from at once; of these only ``window`` are read for each next one.
    learning_rate : float, default=0.003

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, 2 * n_factors) and (n_items_, 2 * n_factors)
        What a user's last items and the user's vector come to, and the vectors it is compared with.

    Notes
    -----
    Time of an epoch: events * n_factors * window * (n_horizontal * window + 4 * n_vertical) operations and the comparison with
    n_negatives. The paper predicts the next three items of each window at once, among three drawn for each by binary
    cross-entropy, and gives each item a bias; here each event is predicted by itself, without one.

    References
    ----------
    Tang, Wang, "Personalized Top-N Sequential Recommendation via Convolutional Sequence Embedding", WSDM 2018.

    Examples
    --------
    >>> from skrec import CaserRecommender
    >>> from skrec.data import Interactions
    >>> walks = [(user, (user + step) % 6) for user in range(12) for step in range(4)]  # round and round
    >>> model = CaserRecommender(n_factors=16, max_epochs=60, learning_rate=0.03, random_state=0)
    >>> model = model.fit(Interactions.from_arrays(*zip(*walks)))
    >>> model.recommend(Interactions.from_arrays([0, 0], [2, 3], n_items=6), k=1).items.tolist()
    [[4]]
    """

    n_factors: int = 32
    window: int = 5
    n_horizontal: int = 16
    n_vertical: int = 4
    dropout: float = 0.5
    learning_rate: float = 0.003

    _shaping = ("n_factors", "window", "n_horizontal", "n_vertical")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("n_factors", "window", "n_horizontal", "n_vertical"):
            check_int(getattr(self, name), name, at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)

    def _build(self, events: Interactions) -> Caser:
        return Caser(
            self._sequences(events),
            (events.n_users, events.n_items),
            self.n_factors,
            window=self.window,
            n_horizontal=self.n_horizontal,
            n_vertical=self.n_vertical,
            dropout=self.dropout,
        )
