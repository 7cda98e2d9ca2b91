"""Networks that read users' items in order of time."""

from torch import Tensor, nn

from skrec._memory import blocks, rows_per_block
from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.networks._layers import embedding
from skrec.engine.networks._network import State
from skrec.engine.networks._products import ProductNetwork

_SEQUENCE_BYTES = 2**17  # that one takes on its way through a network


class SequenceNetwork(ProductNetwork):
    """Base of networks for which a user is what they did, in order: a new user needs no training.

    A network writes ``states(sequences)``, (B, T, width), of which each may depend on the items up to its own only; the product
    of the last one with an item's vector is the item's score as the next one.

    Parameters
    ----------
    sequences : SequenceTable
        Of the users that it is trained on.
    n_items, width : int
    """

    item_biases = None

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

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.items(items)

    def states(self, sequences: Sequences) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must write states")

    def encode(self, query: Tensor | Sequences) -> State:
        """Of sequences wherever they are asked, of users at their end."""
        if isinstance(query, Sequences):
            return (self.states(query)[query.asked],)
        distinct, place = query.unique(return_inverse=True)
        return (self.read(self.sequences, distinct)[place],)

    def read(self, table: SequenceTable, users: Tensor, *, are_new: bool = False) -> Tensor:
        """The states (n_users, width) at the end of users' sequences; zeros where there is nothing to read."""
        lengths = table.lengths(users)
        order = lengths.argsort()  # alike lengths together: little is computed for the sake of padding
        order = order[lengths[order] > 0]
        found = self.items.weight.new_zeros(len(users), self.items.embedding_dim)
        for block in blocks(len(order), rows_per_block(_SEQUENCE_BYTES)):
            rows = order[block]
            sequences = table(users[rows])
            found[rows] = self.encode(sequences._replace(users=None) if are_new else sequences)[0]
        return found

    def penalty(self, query: Sequences, items: Tensor, item_share: float) -> Tensor:
        """Squared lengths of the rows that a minibatch compares, and of its users' where there are any."""
        return super().penalty(query.users, items, item_share)
