"""The network of SASRec."""

from torch import Tensor, nn
from torch.nn import functional as F

from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.networks._layers import Dropout, embedding
from skrec.engine.networks._sequence import SequenceNetwork


class Attention(nn.Module):
    """A transformer block: causal self-attention and a network of two layers, both with layer normalization before.

    Parameters
    ----------
    width : int
    n_heads : int
        Number of attention heads.
    dropout : float
    """

    def __init__(self, width: int, n_heads: int, dropout: float):
        super().__init__()
        self.n_heads, self.dropout = n_heads, Dropout(dropout)
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projection, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, width), nn.ReLU(), Dropout(dropout), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attend(self.before_attention(x)))
        return x + self.dropout(self.network(self.before_network(x)))

    def attend(self, x: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in self.projection(x).chunk(3, -1)
        )
        seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self.output(seen.transpose(1, 2).flatten(2))


class SASRec(SequenceNetwork):
    """Blocks of causal self-attention over item and position embeddings.

    Parameters
    ----------
    sequences, n_items, n_factors
        As for `SequenceNetwork`, with ``n_factors`` as the width.
    n_blocks, n_heads : int
        Number of blocks and of attention heads per block.
    dropout : float
    """

    def __init__(self, sequences: SequenceTable, n_items: int, n_factors: int, *, n_blocks: int, n_heads: int, dropout: float):
        super().__init__(sequences, n_items, n_factors)
        self.scale = n_factors**0.5
        self.positions = embedding(sequences.max_length, n_factors, std=1 / n_factors)
        self.blocks = nn.ModuleList([Attention(n_factors, n_heads, dropout) for _ in range(n_blocks)])
        self.dropout, self.norm = Dropout(dropout), nn.LayerNorm(n_factors)

    def states(self, sequences: Sequences) -> Tensor:
        x = self.items(sequences.items) * self.scale + self.positions.weight[: sequences.items.shape[1]]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
