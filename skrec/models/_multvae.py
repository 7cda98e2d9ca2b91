"""Mult-VAE: a variational autoencoder of users' rows."""

from typing import ClassVar

from skrec._checks import check_int, check_number
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine import RowRecommender, check_layers
from skrec.engine.networks._multvae import MultVAE


class MultVAERecommender(RowRecommender):
    """Mult-VAE: a user's row is read into a distribution over tastes, of which the row is a draw of many items.

    The row, scaled to length one, passes layers of ``hidden_layer_sizes`` to the mean and variance of ``n_factors`` latent
    numbers, and back to one score for each item. The loss is minus the multinomial log-likelihood of the row plus
    ``kl_weight`` times the distance of the distribution from the standard normal one. Recommendations go by the mean. New
    users need no training.

    Parameters
    ----------
    loss : {"softmax", "bce"} or callable, default="softmax"
        Of whole rows; "softmax" is the paper's multinomial likelihood.
    n_factors : int, default=200
        Width of the latent vector.
    hidden_layer_sizes : tuple of int, default=(600,)
        Widths of the layers between it and the row.
    dropout : float, default=0.5
        Share of a row's entries that are not read, in training.
    kl_weight : float, default=0.2
        The paper's beta.
    kl_warmup_fraction : float, default=0.5
        The part of ``max_epochs`` in which that weight rises from nothing; training that stops early may not get there.
        ``train_loss`` in ``history_`` has the distance in it, ``valid_loss`` is the likelihood alone.

    Attributes
    ----------
    user_embeddings_ : float32 array of shape (n_users_, hidden_layer_sizes[0])
    item_embeddings_ : float32 array of shape (n_items_, hidden_layer_sizes[0])
        The last layer before the scores: their product is the score but for ``item_biases_``.
    item_biases_ : float32 array of shape (n_items_,)

    Notes
    -----
    A minibatch is read from its entries and predicted a few users at a time; nothing of the size n_users x n_items is built.
    Time of an epoch: n_users * n_items * width in matrix products, the width being hidden_layer_sizes[0].
    Memory: n_items * width * 56 bytes, for both tables
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
    >>> model = MultVAERecommender(n_factors=4, hidden_layer_sizes=(16,), max_epochs=60, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int = 200
    hidden_layer_sizes: tuple[int, ...] = (600,)
    dropout: float = 0.5
    kl_weight: float = 0.2
    kl_warmup_fraction: float = 0.5

    _architecture_parameters = ("n_factors", "hidden_layer_sizes")
    _needs: ClassVar[dict[str, Needs]] = {"kl_warmup_fraction": Needs(lambda model: model.kl_weight > 0, "kl_weight above 0")}

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_layers(self.hidden_layer_sizes, self.dropout)
        check_number(self.kl_weight, "kl_weight", at_least=0)
        check_number(self.kl_warmup_fraction, "kl_warmup_fraction", at_least=0)
        if self._predicts_ratings:
            raise ValueError("MultVAERecommender models what was chosen, not ratings: loss='mse' is for AutoRecRecommender")

    def _build(self, events: Interactions) -> MultVAE:
        n_minibatches = self.max_epochs * -(-int(self.has_past_.sum()) // self.objective_.batch_size)
        annealing = max(1, round(self.kl_warmup_fraction * n_minibatches))
        return MultVAE(
            self.objective_.rows(events),
            self.n_factors,
            tuple(self.hidden_layer_sizes),
            self.dropout,
            self.kl_weight,
            annealing,
        )
