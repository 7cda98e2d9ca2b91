"""GRU4Rec: a recurrent network over sequences of items.

Parameters of training are documented in `TorchRecommender`, those of sequences and negatives in `SequenceRecommender`.
"""

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import SequenceRecommender
from skrec.engine.networks._gru4rec import GRU4Rec


class GRU4RecRecommender(SequenceRecommender):
    """GRU4Rec: a recurrent network that predicts the next item of a user from the items before.

    Gated recurrent units read the items one by one. Input and output share the item embeddings.

    Parameters
    ----------
    n_factors : int, default=64
        Number of dimensions of the item embeddings and of the hidden state.
    n_layers : int, default=1
        Number of recurrent layers.
    dropout : float, default=0.5
        Dropout probability of the embeddings and of the hidden states, in training.
    learning_rate : float, default=0.003
        Step size of the optimizer. It is the largest step size if ``lr_schedule`` is "one_cycle" or "cosine".

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        Hidden state at the end of each user's sequence, and item embeddings. Their dot product is the score.

    Notes
    -----
    An epoch takes ``n_events * n_factors * (12 * n_factors * n_layers + 6 * n_negatives)`` operations, sequentially along the
    sequences. The loss of the first paper compares with the items of the other events (``negatives="in_batch"``). Its later
    version draws negatives for the whole minibatch, which is the default here.

    References
    ----------
    Hidasi, Karatzoglou, Baltrunas, Tikk, "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016. Hidasi,
    Karatzoglou, "Recurrent Neural Networks with Top-k Gains for Session-based Recommendations", CIKM 2018.

    Examples
    --------
    >>> from skrec import GRU4RecRecommender
    >>> from skrec.data import Interactions
    >>> walks = [(user, (user + step) % 6) for user in range(12) for step in range(4)]  # in a cycle
    >>> model = GRU4RecRecommender(n_factors=16, max_epochs=60, learning_rate=0.03, random_state=0)
    >>> model = model.fit(Interactions.from_arrays(*zip(*walks)))
    >>> model.recommend(Interactions.from_arrays([0, 0], [2, 3], n_items=6), k=1).items.tolist()
    [[4]]
    """

    n_factors: int = 64
    n_layers: int = 1
    dropout: float = 0.5
    learning_rate: float = 0.003

    _architecture_parameters = ("n_factors", "n_layers")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.n_layers, "n_layers", at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)

    def _build(self, events: Interactions) -> GRU4Rec:
        return GRU4Rec(self._sequences(events), events.n_items, self.n_factors, n_layers=self.n_layers, dropout=self.dropout)
