"""LightGCN: embeddings smoothed over the graph of users and items."""

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from skrec._checks import check_int, check_number
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine import (
    KINDS_OF_NEGATIVES,
    NEEDS_DRAWN_NEGATIVES,
    Objective,
    TorchRecommender,
    check_negatives,
    check_pair_loss,
    ranking_objective,
)
from skrec.engine.networks._lightgcn import LightGCN


class LightGCNRecommender(TorchRecommender):
    """LightGCN: matrix factorisation whose vectors are smoothed over the graph of who has what.

    A layer gives each user the sum of their items' vectors and each item that of its users, an edge weighing
    ``1 / sqrt(degree of the user * degree of the item)``; the final vector is the mean over the embedding and all layers.

    Parameters
    ----------
    loss : str or callable, default="bpr"
        As for `TorchRecommender`, but for "mse": it ranks. "bpr" is the paper's.
    n_factors : int, default=64
        Width of the embeddings.
    n_layers : int, default=3
        How far vectors travel.
    init_std : float, default=0.1
        Spread of the embeddings before training.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        The final vectors, whose product is the score.

    Notes
    -----
    Every minibatch passes all vectors through the whole graph and back: ``4 * n_layers * n_events * n_factors`` additions, so
    that large minibatches cost least. To recommend, once. The penalty of ``regularization`` is on the embeddings of layer 0.
    New users get what their items pass on, and in place of an embedding the linear function of it that fits the known users
    best.

    References
    ----------
    He, Deng, Wang, Li, Zhang, Wang, "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR
    2020, eq. 3 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import LightGCNRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = LightGCNRecommender(n_factors=4, max_epochs=60, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    loss: str | Callable[..., Tensor] = "bpr"
    n_factors: int = 64
    n_layers: int = 3
    init_std: float = 0.1
    n_negatives: int = 1
    negatives: str = "auto"

    _architecture_parameters = ("n_factors", "n_layers")
    _folds_in = False
    _needs: ClassVar[dict[str, Needs]] = {"n_negatives": NEEDS_DRAWN_NEGATIVES}
    _has_sparse_gradients = False

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.n_layers, "n_layers", at_least=1)
        check_number(self.init_std, "init_std", above=0)
        if self._predicts_ratings:
            raise ValueError("LightGCNRecommender ranks: loss='mse' is for models of ratings, such as MFRecommender")
        check_negatives(self, KINDS_OF_NEGATIVES)
        check_pair_loss(self)

    def _objective(self) -> Objective:
        return ranking_objective(self)

    def _build(self, events: Interactions) -> LightGCN:
        return LightGCN(self.objective_.rows(events), self.n_factors, self.n_layers, self.init_std)
