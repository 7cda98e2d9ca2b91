"""LightGCN: embeddings propagated over the graph of users and items.

Parameters of training are documented in `TorchRecommender`.
"""

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
    ranking_objective,
)
from skrec.engine.networks._lightgcn import LightGCN


class LightGCNRecommender(TorchRecommender):
    """LightGCN: matrix factorization with embeddings that are propagated over the user-item graph.

    In each layer, the vector of a user becomes the weighted sum of the vectors of the user's items, and the vector of an item
    that of its users. The weight of an edge is ``1 / sqrt(degree of the user * degree of the item)``. The final vector is the
    mean of the embedding and all layers.

    Parameters
    ----------
    loss : str or callable, default="bpr"
        "softmax", "bpr", "bce" and "warp" rank positive events above other items. The paper uses "bpr". "mse" is not supported.
        A callable is described in `TorchRecommender`.
    n_factors : int, default=64
        Number of dimensions of the embeddings.
    n_layers : int, default=3
        Number of propagation layers.
    init_std : float, default=0.1
        Standard deviation of the normal distribution from which the embeddings are initialized.
    n_negatives : int, default=1
        Number of negatives for each positive event, if they are drawn. "warp" estimates a rank from them. With one negative,
        all examples have the same weight.
    negatives : {"auto", "uniform", "popularity", "hard", "in_batch", "all", "slate"}, default="auto"
        Items that a positive event is compared with. "uniform": unseen items drawn uniformly. "popularity": unseen items drawn
        by popularity. "hard": the item with the highest score among ``n_negatives`` items drawn uniformly. "in_batch": the
        other positives of the minibatch. "all": all items. "slate": the items of the same impression. "auto" is "all" for
        ``loss="softmax"`` and "uniform" for other losses.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        The final vectors. Their dot product is the score.

    Notes
    -----
    Each minibatch propagates all vectors through the whole graph, forward and backward. This takes ``4 * n_layers * n_events *
    n_factors`` additions, so that large minibatches make an epoch cheaper. After training, the vectors are propagated once.
    ``regularization`` penalizes the embeddings of layer 0. The vector of a new user consists of what the user's items
    propagate, and of a prediction of the embedding by the linear function that fits the training users best.

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
    _needs: ClassVar[dict[str, Needs]] = {"n_negatives": NEEDS_DRAWN_NEGATIVES}

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.n_layers, "n_layers", at_least=1)
        check_number(self.init_std, "init_std", above=0)
        if self._predicts_ratings:
            raise ValueError("loss must rank for LightGCNRecommender, got 'mse'; MFRecommender predicts ratings")
        check_negatives(self, KINDS_OF_NEGATIVES)

    def _objective(self) -> Objective:
        return ranking_objective(self)

    def _build(self, events: Interactions) -> LightGCN:
        return LightGCN(self.objective_.rows(events), self.n_factors, self.n_layers, self.init_std)
