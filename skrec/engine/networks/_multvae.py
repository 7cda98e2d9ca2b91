"""The network of Mult-VAE."""

from itertools import pairwise

import scipy.sparse as sp
import torch
from torch import Tensor, nn

from skrec.engine.batches._sparse_rows import Rows
from skrec.engine.networks._autoencoder import RowNetwork
from skrec.engine.networks._layers import Noise
from skrec.engine.networks._products import Factors


class MultVAE(RowNetwork):
    """A variational autoencoder of rows: a row is encoded as a normal distribution and predicted from a sample of it.

    Parameters
    ----------
    rows : CSR of shape (n_users, n_items)
    n_factors : int
        Width of the latent vector.
    hidden_layer_sizes : tuple of int
        Widths of the encoder's layers. The decoder has the same layers in reverse order.
    dropout : float
        Fraction of a row's entries that are dropped in training.
    kl_weight : float
        Final weight of the Kullback-Leibler divergence from the standard normal distribution.
    n_warmup_minibatches : int
        Number of minibatches in which the weight increases linearly from 0.
    """

    def __init__(
        self,
        rows: sp.csr_array,
        n_factors: int,
        hidden_layer_sizes: tuple[int, ...],
        dropout: float,
        kl_weight: float,
        n_warmup_minibatches: int,
    ):
        super().__init__(rows, hidden_layer_sizes[0], dropout=dropout, normalize=True)
        self.encoder = nn.Sequential(nn.Tanh(), *_layers(hidden_layer_sizes), nn.Linear(hidden_layer_sizes[-1], 2 * n_factors))
        self.noise = Noise()
        self.decoder = nn.Sequential(*_layers((n_factors, *reversed(hidden_layer_sizes))))
        self.kl_weight, self.n_warmup_minibatches = kl_weight, n_warmup_minibatches
        self.register_buffer("n_minibatches", torch.zeros((), dtype=torch.int64))

    def posterior(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent vector, (n_rows, n_factors) each."""
        return self.encoder(self.input_layer(rows)).chunk(2, -1)

    def encode_rows(self, rows: Rows) -> tuple[Tensor]:
        mean, _ = self.posterior(rows)
        return (self.decoder(mean),)

    def factors(self, users: Tensor, items: Tensor) -> Factors:
        if not self.training:
            return super().factors(users, items)
        self.n_minibatches += 1
        mean, log_variance = self.posterior(self.rows(users))
        distance = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        weight = self.kl_weight * (self.n_minibatches / self.n_warmup_minibatches).clamp(max=1)
        drawn = self.decoder(self.noise(mean, (log_variance / 2).exp()))
        return self.factors_of((drawn,), items)._replace(added=weight * distance)


def _layers(widths: tuple[int, ...]) -> list[nn.Module]:
    return [layer for before, after in pairwise(widths) for layer in (nn.Linear(before, after), nn.Tanh())]
