"""Mult-VAE: a variational autoencoder of users' rows.

Parameters of training are documented in `TorchRecommender`.
"""

from typing import ClassVar

from skrec._checks import check_int, check_number
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine import RowRecommender, check_layers
from skrec.engine.networks._multvae import MultVAE


class MultVAERecommender(RowRecommender):
    """Mult-VAE: a variational autoencoder of users' rows with a multinomial likelihood.

    A row is scaled to length 1. The encoder, with layers of ``hidden_layer_sizes``, maps it to the mean and the variance of
    ``n_factors`` latent numbers. The decoder maps these to a score for each item. The loss is the negative log-likelihood of
    the row plus ``kl_weight`` times the KL divergence of the latent distribution from the standard normal distribution.
    Recommendations use the mean. New users need no training.

    Parameters
    ----------
    n_factors : int, default=200
        Number of dimensions of the latent vector.
    hidden_layer_sizes : tuple of int, default=(600,)
        Sizes of the hidden layers of the encoder. The decoder has them in reverse order.
    dropout : float, default=0.5
        Probability that an entry of a row is not read, in training.
    kl_weight : float, default=1.0
        Weight of the KL divergence, the beta of the paper.
    kl_warmup_fraction : float, default=0.5
        Fraction of ``max_epochs`` during which the weight of the KL divergence increases linearly from 0 to ``kl_weight``.
        Early stopping may end training before it is reached. ``train_loss`` in ``history_`` includes the divergence.
        ``valid_loss`` is the likelihood alone.
    batch_size : int, default=None
        Number of rows in a minibatch. If None, a sixteenth of the rows, at least 16 and at most 128.
    positive_from : float, default=None
        Smallest value of a positive event. If None, values above 0 are positive.
    regularization : float, default=None
        Strength of the L2 penalty on the embeddings that a minibatch uses, per example. If None, 0.

    Attributes
    ----------
    user_embeddings_ : float32 array of shape (n_users_, hidden_layer_sizes[0])
        Last hidden layer of the decoder.
    item_embeddings_ : float32 array of shape (n_items_, hidden_layer_sizes[0])
        Output weights. The score is their dot product with the user vector plus the item bias.
    item_biases_ : float32 array of shape (n_items_,)
        Item biases.

    Notes
    -----
    A minibatch is read from its stored entries and predicted a few users at a time. No array of shape (n_users, n_items) is
    built. With ``width = hidden_layer_sizes[0]``, an epoch takes ``n_users * n_items * width`` operations in matrix products.
    Memory is ``n_items * width * 56`` bytes for the input and output weights with gradients, copies of the gradients and the
    moments of Adam.

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
    kl_weight: float = 1.0
    kl_warmup_fraction: float = 0.5

    _fixed = ("loss", "half_life", "optimizer", "weight_decay")
    _architecture_parameters = ("n_factors", "hidden_layer_sizes")
    _needs: ClassVar[dict[str, Needs]] = {"kl_warmup_fraction": Needs(lambda model: model.kl_weight > 0, "kl_weight above 0")}

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_layers(self.hidden_layer_sizes, self.dropout)
        check_number(self.kl_weight, "kl_weight", at_least=0)
        check_number(self.kl_warmup_fraction, "kl_warmup_fraction", at_least=0)

    def _build(self, events: Interactions) -> MultVAE:
        n_minibatches = self.max_epochs * -(-int(self.has_past_.sum()) // self.objective_.batch_size)
        n_warmup = max(1, round(self.kl_warmup_fraction * n_minibatches))
        return MultVAE(
            self.objective_.rows(events),
            self.n_factors,
            tuple(self.hidden_layer_sizes),
            self.dropout,
            self.kl_weight,
            n_warmup,
        )
