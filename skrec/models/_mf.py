"""Matrix factorisation."""

from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_int, check_number
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine import (
    LOSSES,
    DotProduct,
    Loss,
    PairRecommender,
    ccl,
    weights,
)


class MFRecommender(PairRecommender):
    """Matrix factorisation by gradient: a user's taste and an item's nature are vectors, their product is the score.

    ``score(u, i) = p_u . q_i + b_i``, for a rating loss also the mean of the ratings and a bias ``b_u`` of the user, squeezed
    into ``y_range`` by a sigmoid where one is given. A bias of the user cannot change the order of items, so ranking losses
    have none.

    Parameters
    ----------
    loss : str or callable, default="softmax"
        As for `TorchRecommender`, and "ccl", the cosine-contrastive loss: 1 minus the cosine of a positive, plus how far the
        cosines of negatives are above the margin.
    n_factors : int, default=64
        Width of the embeddings.
    dropout : float, default=0.0
        Share of the entries of the user's vector that are dropped in training.
    init_std : float, default=0.01
        Spread of the embeddings before training.
    temperature : float, default=None
        With a number, ``score(u, i) = cos(p_u, q_i) / temperature + b_i``: how long a vector is counts no more, and what is
        popular is left to the bias. A softmax wants .1 to .2. ``loss="ccl"`` takes bare cosines, ``temperature=1`` and no bias.
    margin : float, default=0.5
        Of ``loss="ccl"``: cosines of negatives below it are low enough.
    negative_weight : float, default=10.0
        Of ``loss="ccl"``: how often the mean over the negatives counts, beside the positive.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        Vectors whose product is the score but for mean and biases.
    item_biases_ : float32 array of shape (n_items_,)
    user_biases_ : float32 array of shape (n_users_,)
        Zeros for a ranking loss.
    global_mean_ : float
        Zero for a ranking loss.

    Notes
    -----
    Time of an epoch: n_events * n_negatives * n_factors; with ``negatives="all"``, n_users * n_items * n_factors in matrix
    products, a few users at a time. Memory: (n_users + n_items) * n_factors * 16 bytes for weights, gradients and Adam's two
    moments; with ``negatives="all"`` n_items * n_factors * 32 more for copies of what all items are multiplied with.

    References
    ----------
    Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender Systems", 2009; cosine-contrastive loss: Mao et al.,
    "SimpleX: A Simple and Strong Baseline for Collaborative Filtering", CIKM 2021; hard negatives: Zhang et al., "Optimizing
    Top-N Collaborative Filtering via Dynamic Negative Item Sampling", SIGIR 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import MFRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = MFRecommender(n_factors=2, max_epochs=100, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int = 64
    dropout: float = 0.0
    init_std: float = 0.01
    temperature: float | None = None
    margin: float = 0.5
    negative_weight: float = 10.0

    _losses = LOSSES | {"ccl": ccl}
    _architecture_parameters = ("n_factors", "temperature", "y_range")
    _needs: ClassVar[dict[str, Needs]] = {
        "margin": Needs(lambda model: model.loss == "ccl", "loss='ccl'"),
        "negative_weight": Needs(lambda model: model.loss == "ccl", "loss='ccl'"),
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)
        check_number(self.init_std, "init_std", above=0)
        if self.temperature is not None:
            check_number(self.temperature, "temperature", above=0)
            if self._predicts_ratings:
                raise ValueError(f"temperature is for rankings, not for loss='mse'; got temperature={self.temperature!r}")
            if self.loss == "ccl" and self.temperature != 1:
                raise ValueError(f"temperature must be None or 1 for loss='ccl', got {self.temperature!r}")
        check_number(self.margin, "margin", at_least=-1, below=1)
        check_number(self.negative_weight, "negative_weight", above=0)

    def _build(self, events: Interactions) -> DotProduct:
        return DotProduct(
            events.n_users,
            events.n_items,
            self.n_factors,
            std=self.init_std,
            item_bias=self.loss != "ccl",
            user_bias=self._predicts_ratings,
            dropout=self.dropout,
            temperature=1.0 if self.loss == "ccl" else self.temperature,
        )

    def _loss(self, name: str, *, width: float) -> Loss:
        if name != "ccl":
            return super()._loss(name, width=width)
        # cosines differ by less than scores do
        return partial(ccl, margin=self.margin, negative_weight=self.negative_weight, width=width / 4)

    @property
    def user_biases_(self) -> NDArray[np.float32]:
        table = self.module_.user_biases
        return np.zeros(self.n_users_, np.float32) if table is None else weights(table)[:, 0]

    @property
    def global_mean_(self) -> float:
        return float(self.module_.mean)
