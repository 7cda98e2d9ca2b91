"""Mult-VAE: a variational autoencoder of users' rows."""

from itertools import pairwise
from typing import ClassVar

import scipy.sparse as sp
import torch
from torch import Tensor, nn

from skrec._checks import check_int, check_number
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine import Factors, Noise, RowNetwork, RowRecommender, Rows, check_layers


class MultVAE(RowNetwork):
    """Reads a row into a normal distribution, and from a draw of it predicts the row.

    Parameters
    ----------
    rows : CSR of shape (n_users, n_items)
    n_factors : int
        Width of the latent vector.
    hidden : tuple of int
        Widths of the layers from the row to it; back they are passed in reverse.
    dropout : float
        Share of a row's entries that are not read.
    kl_weight : float
        Of the distance from the standard normal distribution, at the end.
    annealing : int
        Minibatches in which the weight rises to that.
    """

    def __init__(
        self, rows: sp.csr_array, n_factors: int, hidden: tuple[int, ...], dropout: float, kl_weight: float, annealing: int
    ):
        super().__init__(rows, hidden[0], dropout=dropout, normalize=True)
        self.encoder = nn.Sequential(nn.Tanh(), *_layers(hidden), nn.Linear(hidden[-1], 2 * n_factors))
        self.noise = Noise()
        self.decoder = nn.Sequential(*_layers((n_factors, *reversed(hidden))))
        self.kl_weight, self.annealing = kl_weight, annealing
        self.register_buffer("n_minibatches", torch.zeros((), dtype=torch.int64))

    def posterior(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latent vector, (n_rows, n_factors) each."""
        return self.encoder(self.reader(rows)).chunk(2, -1)

    def encode_rows(self, rows: Rows) -> tuple[Tensor]:
        mean, _ = self.posterior(rows)
        return (self.decoder(mean),)

    def factors(self, users: Tensor, items: Tensor) -> Factors:
        if not self.training:
            return super().factors(users, items)
        self.n_minibatches += 1
        mean, log_variance = self.posterior(self.rows(users))
        distance = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        weight = self.kl_weight * (self.n_minibatches / self.annealing).clamp(max=1)
        drawn = self.decoder(self.noise(mean, (log_variance / 2).exp()))
        return self.factors_of((drawn,), items)._replace(added=weight * distance)


def _layers(widths: tuple[int, ...]) -> list[nn.Module]:
    return [layer for before, after in pairwise(widths) for layer in (nn.Linear(before, after), nn.Tanh())]


class MultVAERecommender(RowRecommender):
    """Mult-VAE: a user's row is read into a distribution over tastes, of which the row is a draw of many items.

    The row, scaled to length one, passes ``hidden`` layers to the mean and variance of ``n_factors`` latent numbers, and back
    to one score for each item; the loss is minus the multinomial log-likelihood of the row plus ``kl_weight`` times the
    distance of the distribution from the standard normal one. Recommendations go by the mean. New users need no training.

    Parameters
    ----------
    loss : {"softmax", "bce"} or callable, default="softmax"
        Of whole rows; "softmax" is the paper's multinomial likelihood.
    n_factors : int, default=200
        Width of the latent vector.
    hidden : tuple of int, default=(600,)
        Widths of the layers between it and the row.
    dropout : float, default=0.5
        Share of a row's entries that are not read, in training.
    kl_weight : float, default=0.2
        The paper's beta.
    annealing : float, default=0.5
        The part of ``max_epochs`` in which that weight rises from nothing; training that stops early may not get there.
        ``train_loss`` in ``history_`` has the distance in it, ``valid_loss`` is the likelihood alone.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, hidden[0]) and (n_items_, hidden[0])
        The last layer before the scores: their product is the score but for ``item_biases_``.
    item_biases_ : float32 array of shape (n_items_,)

    Notes
    -----
    A minibatch is read from its entries and predicted a few users at a time; nothing of the size n_users x n_items is built.
    Time of an epoch: n_users * n_items * hidden[0] in matrix products. Memory: n_items * hidden[0] * 56 bytes, for both tables
    with gradients and Adam's moments, and for copies of the gradients.

    References
    ----------
    Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import MultVAERecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = MultVAERecommender(n_factors=4, hidden=(16,), max_epochs=60, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int = 200
    hidden: tuple[int, ...] = (600,)
    dropout: float = 0.5
    kl_weight: float = 0.2
    annealing: float = 0.5

    _shaping = ("n_factors", "hidden")
    _needs: ClassVar[dict[str, Needs]] = {"annealing": Needs(lambda model: model.kl_weight > 0, "kl_weight above 0")}

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_layers(self.hidden, self.dropout)
        check_number(self.kl_weight, "kl_weight", at_least=0)
        check_number(self.annealing, "annealing", at_least=0)
        if self._predicts_ratings:
            raise ValueError("MultVAERecommender models what was chosen, not ratings: loss='mse' is for AutoRecRecommender")

    def _build(self, events: Interactions) -> MultVAE:
        n_minibatches = self.max_epochs * -(-int(self.has_past_.sum()) // self._rows_at_once)
        annealing = max(1, round(self.annealing * n_minibatches))
        return MultVAE(self._rows_of(events), self.n_factors, tuple(self.hidden), self.dropout, self.kl_weight, annealing)
