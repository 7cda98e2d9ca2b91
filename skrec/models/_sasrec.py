"""SASRec: self-attention over sequences of items.

Parameters of training are documented in `TorchRecommender`, those of sequences and negatives in `SequenceRecommender`.
"""

from skrec._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import SequenceRecommender
from skrec.engine.networks._sasrec import SASRec


class SASRecRecommender(SequenceRecommender):
    """SASRec: a transformer that predicts the next item of a user from the items before.

    At each event, causal self-attention combines all items up to that event. Input and output share the item embeddings.

    Parameters
    ----------
    n_factors : int, default=64
        Number of dimensions of the item embeddings and of all layers.
    n_blocks : int, default=2
        Number of attention blocks.
    n_heads : int, default=1
        Number of attention heads in a block. Must divide ``n_factors``.
    dropout : float, default=0.5
        Dropout probability after each layer, in training.
    learning_rate : float, default=0.003
        Step size of the optimizer. It is the largest step size if ``lr_schedule`` is "one_cycle" or "cosine".

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        Output of the network for each user's sequence, and item embeddings. Their dot product is the score.

    Notes
    -----
    An epoch takes ``3 * n_events * n_factors * (n_blocks * (12 * n_factors + 2 * max_length) + n_negatives)`` operations. The
    paper compares each next item with one other item by binary cross-entropy: ``loss="bce", negatives="uniform",
    n_negatives=1``. The default, a softmax over about a thousand items, costs little more and ranks far better. Positions are
    counted from the first item that is read, so that the output at an event does not depend on the number of later events.

    References
    ----------
    Kang, McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018. Loss: Klenitskiy, Vasilev, "Turning Dross Into Gold
    Loss: is BERT4Rec really better than SASRec?", RecSys 2023.

    Examples
    --------
    >>> from skrec import SASRecRecommender
    >>> from skrec.data import Interactions
    >>> walks = [(user, (user + step) % 6) for user in range(12) for step in range(4)]  # in a cycle
    >>> model = SASRecRecommender(n_factors=16, max_epochs=60, learning_rate=0.03, random_state=0)
    >>> model = model.fit(Interactions.from_arrays(*zip(*walks)))
    >>> model.recommend(Interactions.from_arrays([0, 0], [2, 3], n_items=6), k=1).items.tolist()
    [[4]]
    """

    n_factors: int = 64
    n_blocks: int = 2
    n_heads: int = 1
    dropout: float = 0.5
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
