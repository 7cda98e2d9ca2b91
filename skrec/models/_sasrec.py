"""SASRec: self-attention over what a user did."""

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import SequenceRecommender
from skrec.engine.networks._sasrec import SASRec


class SASRecRecommender(SequenceRecommender):
    """SASRec: at each of a user's events, attention weighs all items up to then, and says what comes next.

    Item vectors are used twice, to be read and to be compared with.

    Parameters
    ----------
    n_factors : int, default=64
        Width of the item vectors and of all layers.
    n_blocks : int, default=2
        Blocks of attention.
    n_heads : int, default=1
        Attentions side by side in a block; divides ``n_factors``.
    dropout : float, default=0.2
        After each layer, in training.
    learning_rate : float, default=0.003

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        What the network makes of each user's sequence, and the vectors it is compared with.

    Notes
    -----
    Time of an epoch: events * n_factors * (n_blocks * (12 * n_factors + 2 * max_length) + n_negatives) operations, three times
    over. The paper compares each next item with one other by binary cross-entropy: ``loss="bce", negatives="uniform",
    n_negatives=1``. The default, a softmax over a thousand, costs little more and ranks far better. Places are counted from
    the first item that is read, so that what follows an item does not depend on how much came later.

    References
    ----------
    Kang, McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; the loss: Klenitskiy, Vasilev, "Turning Dross Into
    Gold Loss: is BERT4Rec really better than SASRec?", RecSys 2023.

    Examples
    --------
    >>> from skrec import SASRecRecommender
    >>> from skrec.data import Interactions
    >>> walks = [(user, (user + step) % 6) for user in range(12) for step in range(4)]  # round and round
    >>> model = SASRecRecommender(n_factors=16, max_epochs=60, learning_rate=0.03, random_state=0)
    >>> model = model.fit(Interactions.from_arrays(*zip(*walks)))
    >>> model.recommend(Interactions.from_arrays([0, 0], [2, 3], n_items=6), k=1).items.tolist()
    [[4]]
    """

    n_factors: int = 64
    n_blocks: int = 2
    n_heads: int = 1
    dropout: float = 0.2
    learning_rate: float = 0.003

    _architecture_parameters = ("n_factors", "n_blocks", "n_heads", "max_length")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.n_blocks, "n_blocks", at_least=1)
        check_int(self.n_heads, "n_heads", at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)
        if self.n_factors % self.n_heads:
            raise ValueError(f"n_heads must divide n_factors={self.n_factors}, got {self.n_heads}")

    def _build(self, events: Interactions) -> SASRec:
        return SASRec(
            self._sequences(events),
            events.n_items,
            self.n_factors,
            n_blocks=self.n_blocks,
            n_heads=self.n_heads,
            dropout=self.dropout,
        )
