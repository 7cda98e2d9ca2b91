"""The network of GRU4Rec."""

from torch import Tensor, nn

from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.networks._layers import Dropout
from skrec.engine.networks._sequence import SequenceNetwork


class GRU4Rec(SequenceNetwork):
    """Gated recurrent units pass over item vectors; what they hold after an item is compared with the next one's vector."""

    def __init__(self, sequences: SequenceTable, n_items: int, n_factors: int, *, n_layers: int, dropout: float):
        super().__init__(sequences, n_items, n_factors)
        self.scale = n_factors**0.5
        self.units = nn.GRU(n_factors, n_factors, n_layers, batch_first=True)
        self.dropout, self.output = Dropout(dropout), nn.Linear(n_factors, n_factors)

    def states(self, sequences: Sequences) -> Tensor:
        remembered, _ = self.units(self.dropout(self.items(sequences.items) * self.scale))
        return self.output(self.dropout(remembered))
