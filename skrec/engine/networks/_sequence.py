"""Networks that encode sequences of items."""

from torch import Tensor, nn

from skrec._memory import blocks, rows_per_block
from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.networks._layers import embedding
from skrec.engine.networks._network import State
from skrec.engine.networks._products import ProductNetwork

_SEQUENCE_BYTES = 2**18  # memory for encoding one sequence, generous, since small blocks have less padding


class SequenceNetwork(ProductNetwork):
    """Base of networks that compute the state of a user from the user's sequence of items, also for new users.

    A network implements ``states(sequences)``, which returns a state of each position, (B, T, width). A state may depend only
    on the items up to its position. The score of the next item is the dot product of its vector with the state.

    Parameters
    ----------
    sequences : SequenceTable
        Sequences of the training users.
    n_items, width : int
        Number of items and width of their vectors.

    Attributes
    ----------
    has_fixed_length : bool, default=False
        Whether ``states`` can be traced only for sequences of one length.
    """

    item_biases = None
    reads_histories = True
    encodes_histories = True
    history_tables = ("sequences",)
    has_fixed_length: bool = False

    def __init__(self, sequences: SequenceTable, n_items: int, width: int):
        super().__init__()
        self.sequences = sequences
        self.items = embedding(n_items, width, std=1 / width)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return []

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.items]

    def all_item_vectors(self, n_items: int) -> Tensor:
        return self.items.weight

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.items(items)

    def states(self, sequences: Sequences) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must implement states")

    def encode(self, query: Tensor | Sequences) -> State:
        """Return the states at the requested positions of sequences, or at the end of users' sequences."""
        if isinstance(query, Sequences):
            return (self.states(query)[query.requested],)
        distinct, place = query.unique(return_inverse=True)
        return (self.read(self.sequences, distinct)[place],)

    def read(self, table: SequenceTable, users: Tensor, *, are_new: bool = False) -> Tensor:
        """Return the states (n_users, width) at the end of users' sequences. 0 for empty sequences."""
        lengths = table.lengths(users)
        order = lengths.argsort()  # similar lengths together, to reduce padding
        order = order[lengths[order] > 0]
        found = self.items.weight.new_zeros(len(users), self.items.embedding_dim)
        for block in blocks(len(order), rows_per_block(_SEQUENCE_BYTES)):
            rows = order[block]
            sequences = table(users[rows])
            found[rows] = self.encode(sequences._replace(users=None) if are_new else sequences)[0]
        return found

    def penalty(self, query: Sequences, items: Tensor, item_share: float) -> Tensor:
        """L2 penalty of the users and items of a minibatch."""
        return super().penalty(query.users, items, item_share)
