"""The network of GRU4Rec."""

from typing import Any

from torch import Tensor, nn

from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.networks._layers import Dropout
from skrec.engine.networks._sequence import SequenceNetwork


class GRU4Rec(SequenceNetwork):
    """Gated recurrent units over item vectors. The score of an item is the product of its vector with the output of the units.

    Parameters
    ----------
    sequences, n_items, n_factors
        As for `SequenceNetwork`, with ``n_factors`` as the width.
    n_layers : int
        Number of recurrent layers.
    dropout : float
        Dropout before and after the units.
    """

    def __init__(self, sequences: SequenceTable, n_items: int, n_factors: int, *, n_layers: int, dropout: float):
        super().__init__(sequences, n_items, n_factors)
        self.scale = n_factors**0.5
        self.units = nn.GRU(n_factors, n_factors, n_layers, batch_first=True)
        self.dropout, self.output = Dropout(dropout), nn.Linear(n_factors, n_factors)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.units.flatten_parameters()  # torch warns about the separate weights of a copy on a GPU

    def states(self, sequences: Sequences) -> Tensor:
        hidden, _ = self.units(self.dropout(self.items(sequences.items) * self.scale))
        return self.output(self.dropout(hidden))
