"""GRU4Rec: a recurrent network over what a user did."""

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import SequenceRecommender
from skrec.engine.networks._gru4rec import GRU4Rec


class GRU4RecRecommender(SequenceRecommender):
    """GRU4Rec: a recurrent network reads a user's items one by one, and what it remembers says what comes next.

    Item vectors are used twice, to be read and to be compared with.

    Parameters
    ----------
    n_factors : int, default=64
        Width of the item vectors and of the memory.
    n_layers : int, default=1
        Layers of recurrent units.
    dropout : float, default=0.2
        Of what is read and of what is remembered, in training.
    learning_rate : float, default=0.003

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        What is remembered at the end of each user's sequence, and the vectors it is compared with.

    Notes
    -----
    Time of an epoch: events * n_factors * (12 * n_factors * n_layers + 6 * n_negatives) operations, step by step along the
    sequences. The paper's loss compares with the other events' items, ``negatives="in_batch"``; its later version draws some
    for the whole minibatch, as is the default here.

    References
    ----------
    Hidasi, Karatzoglou, Baltrunas, Tikk, "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016; Hidasi,
    Karatzoglou, "Recurrent Neural Networks with Top-k Gains for Session-based Recommendations", CIKM 2018.

    Examples
    --------
    >>> from skrec import GRU4RecRecommender
    >>> from skrec.data import Interactions
    >>> walks = [(user, (user + step) % 6) for user in range(12) for step in range(4)]  # round and round
    >>> model = GRU4RecRecommender(n_factors=16, max_epochs=60, learning_rate=0.03, random_state=0)
    >>> model = model.fit(Interactions.from_arrays(*zip(*walks)))
    >>> model.recommend(Interactions.from_arrays([0, 0], [2, 3], n_items=6), k=1).items.tolist()
    [[4]]
    """

    n_factors: int = 64
    n_layers: int = 1
    dropout: float = 0.2
    learning_rate: float = 0.003

    _architecture_parameters = ("n_factors", "n_layers")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.n_layers, "n_layers", at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)

    def _build(self, events: Interactions) -> GRU4Rec:
        return GRU4Rec(self._sequences(events), events.n_items, self.n_factors, n_layers=self.n_layers, dropout=self.dropout)
