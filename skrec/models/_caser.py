"""Caser: convolutions over the last items of a user.

Parameters of training are documented in `TorchRecommender`, those of sequences and negatives in `SequenceRecommender`.
"""

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import SequenceRecommender
from skrec.engine.networks._caser import Caser


class CaserRecommender(SequenceRecommender):
    """Caser: convolutions over the last items of a user, combined with a user embedding.

    The convolutions model short-term patterns, the user embedding long-term preferences. The embedding of a new user is
    predicted from the mean of the user's item embeddings, by the linear function that fits the training users best.

    Parameters
    ----------
    n_factors : int, default=32
        Number of dimensions of the user embeddings and of the input item embeddings. The output item embeddings have twice as
        many.
    window : int, default=5
        Number of last items that are read. It is L in the paper.
    n_horizontal : int, default=16
        Number of horizontal filters of each height from 1 to ``window``.
    n_vertical : int, default=4
        Number of vertical filters, which are weighted sums of the ``window`` items.
    dropout : float, default=0.5
        Dropout probability of the filter outputs and the user embeddings, in training.
    max_length : int, default=50
        Number of a user's latest items that are learned from. Each prediction reads ``window`` of them.
    learning_rate : float, default=0.003
        Step size of the optimizer. It is the largest step size if ``lr_schedule`` is "one_cycle" or "cosine".

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, 2 * n_factors) and (n_items_, 2 * n_factors)
        Output of the network for each user, and output item embeddings. Their dot product is the score.

    Notes
    -----
    An epoch takes ``n_events * n_factors * window * (n_horizontal * window + 4 * n_vertical)`` operations, plus the comparison
    with ``n_negatives`` items. The paper predicts the next three items of each window at once, with three negatives for each
    and binary cross-entropy, and has item biases. Here, each event is predicted separately, and there are no item biases.

    References
    ----------
    Tang, Wang, "Personalized Top-N Sequential Recommendation via Convolutional Sequence Embedding", WSDM 2018.

    Examples
    --------
    >>> from skrec import CaserRecommender
    >>> from skrec.data import Interactions
    >>> walks = [(user, (user + step) % 6) for user in range(12) for step in range(4)]  # in a cycle
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
