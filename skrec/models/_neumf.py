"""Neural matrix factorization.

Parameters of training are documented in `TorchRecommender`, `y_range` and the negatives in `PairRecommender`.
"""

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from skrec._checks import check_flag, check_int
from skrec.base._scoring import no_formula
from skrec.data import Interactions
from skrec.engine import (
    GMF,
    MLP,
    BranchNetwork,
    PairRecommender,
    RecommenderNetwork,
    TrainingHistory,
    ValidationMonitor,
    batches_of_process,
    check_layers,
)
from skrec.persistence import Kind, Value


class NeuMFRecommender(PairRecommender):
    """Neural matrix factorization: a linear layer over a product of embeddings and the output of a multilayer perceptron.

    The product and the perceptron have separate embeddings.

    Parameters
    ----------
    loss : str or callable, default="bce"
        "softmax", "bpr", "bce" and "warp" rank positive events above other items. The paper uses "bce". "mse" predicts values.
        A callable is described in `TorchRecommender`.
    n_negatives : int, default=4
        Number of negatives for each positive event, if they are drawn.
    n_factors : int, default=32
        Number of dimensions of the product's embeddings.
    mlp_factors : int, default=None
        Number of dimensions of the perceptron's embeddings. If None, the size of the first hidden layer.
    hidden_layer_sizes : tuple of int, default=(64, 32)
        Sizes of the hidden layers of the perceptron.
    dropout : float, default=0.0
        Dropout probability after each hidden layer, in training.
    pretrain : bool, default=False
        Whether both branches are trained separately first, with the same settings. The joint training starts from their
        weights, averaged in the last layer (eq. 13 of the paper). ``optimizer="auto"`` is then plain gradient descent in the
        joint training, as in the paper, because Adam quickly discards the pretrained weights. ``history_`` holds the joint
        training only. Callbacks in ``trainer`` run in all three trainings.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, d) and (n_items_, d)
        The embeddings of both branches, concatenated. ``d`` is ``n_factors + mlp_factors``.
    pretrained_ : bool
        Whether the last training started from pretrained branches. False after `partial_fit`.

    Notes
    -----
    The score of each pair takes a pass through the network, which costs some hundred dot products. Ranking all items for a user
    takes ``n_items`` such passes.

    References
    ----------
    He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import NeuMFRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = NeuMFRecommender(n_factors=4, hidden_layer_sizes=(8,), max_epochs=60, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    loss: str | Callable[..., Tensor] = "bce"
    n_negatives: int = 4
    n_factors: int = 32
    mlp_factors: int | None = None
    hidden_layer_sizes: tuple[int, ...] = (64, 32)
    dropout: float = 0.0
    pretrain: bool = False

    _losses_of_rows = ()
    _formula = no_formula
    _stored: ClassVar[dict[str, Kind]] = {"pretrained_": Value(bool)}
    _architecture_parameters = ("n_factors", "mlp_factors", "hidden_layer_sizes", "y_range")
    _default_penalty_of_ratings = 1.0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.mlp_factors, "mlp_factors", at_least=1, or_none=True)
        check_layers(self.hidden_layer_sizes, self.dropout)
        check_flag(self.pretrain, "pretrain")

    def _gmf(self, events: Interactions) -> GMF:
        return GMF(events.n_users, events.n_items, self.n_factors)

    def _mlp(self, events: Interactions) -> MLP:
        width = self.mlp_factors or self.hidden_layer_sizes[0]
        return MLP(events.n_users, events.n_items, (width, width), tuple(self.hidden_layer_sizes), dropout=self.dropout)

    def _build(self, events: Interactions) -> BranchNetwork:
        return BranchNetwork([self._gmf(events), self._mlp(events)])

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        self.pretrained_ = self.pretrain
        super()._fit_validated(data, validation)

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        self.pretrained_ = False
        super()._partial_fit(events, before)

    def _optimizer_name(self, network: RecommenderNetwork) -> str:
        return "sgd" if self.pretrained_ and self.optimizer == "auto" else super()._optimizer_name(network)

    def _initialized(self, examples: Interactions, validation: Any) -> BranchNetwork:
        fused = super()._initialized(examples, validation)
        if not self.pretrain:
            return fused
        gmf = self._pretrained(examples, validation, lambda data: BranchNetwork([self._gmf(data)]))
        mlp = self._pretrained(examples, validation, lambda data: BranchNetwork([self._mlp(data)]))
        fused.branches = nn.ModuleList([gmf.branches[0], mlp.branches[0]])
        with torch.no_grad():  # eq. 13 of the paper with alpha = 0.5
            fused.head.weight.copy_(torch.cat([gmf.head.weight, mlp.head.weight], 1) / 2)
            fused.head.bias.copy_((gmf.head.bias + mlp.head.bias) / 2)
        return fused

    def _pretrained(self, examples: Interactions, validation: Any, build: Callable[[Interactions], Any]) -> Any:
        """A network of one branch, trained with the same settings."""
        network = self._new_network(examples, build)
        # the logger, callbacks and the progress bar are for the joint training
        trainer = {name: value for name, value in (self.trainer or {}).items() if name != "callbacks"}
        alone = copy.copy(self).set_params(logger=None, trainer=trainer, verbose=0)
        alone.pretrained_ = False
        monitor = None if validation is None else ValidationMonitor(alone, network, validation, known=examples)
        history = TrainingHistory(alone, network, monitor)
        alone._run(network, batches_of_process(self, examples, examples), history)
        return network
