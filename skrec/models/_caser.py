"""Caser: convolutions over the last items of a user."""

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import SequenceRecommender
from skrec.engine.networks._caser import Caser


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

    _architecture_parameters = ("n_factors", "window", "n_horizontal", "n_vertical")

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
