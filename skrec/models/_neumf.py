"""Neural matrix factorisation."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skrec._checks import check_flag, check_int
from skrec.data import Interactions
from skrec.engine import (
    GMF,
    MLP,
    BranchNetwork,
    PairRecommender,
    TrainingHistory,
    ValidationMonitor,
    check_layers,
)


class NeuMFRecommender(PairRecommender):
    """Neural matrix factorisation: a product of embeddings and a network over other embeddings, added by a linear layer.

    Parameters
    ----------
    loss : str or callable, default="bce"
        As for `TorchRecommender`; "bce" is the paper's.
    n_negatives : int, default=4
        Negatives for each positive event.
    n_factors : int, default=32
        Width of the product's embeddings.
    mlp_factors : int, default=None
        Width of the network's embeddings; None means the width of the first hidden layer.
    hidden_layer_sizes : tuple of int, default=(64, 32)
        Widths of the network's layers.
    dropout : float, default=0.0
        After each of them, in training.
    pretrain : bool, default=False
        Train both branches by themselves first, each with the same settings, and start from there with equal parts of both (the
        paper's eq. 13). Both together are better than each alone, and Adam soon unlearns it: from there on
        ``optimizer="auto"`` is plain gradient descent, as in the paper. ``history_`` is of that last training; callbacks in
        ``trainer`` see all three.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays
        The embeddings of both branches side by side, (n_users_, n_factors + mlp_factors) and the same for items.

    Notes
    -----
    Scores of users x items cost a pass through the network for each pair: some hundred times a dot product.

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

    def _optimizer_name(self) -> str:
        if self.pretrain and self.optimizer == "auto" and not hasattr(self, "module_"):
            return "sgd"
        return super()._optimizer_name()

    def _initialized(self, examples: Interactions, validation: Any) -> BranchNetwork:
        fused = super()._initialized(examples, validation)
        if not self.pretrain:
            return fused
        gmf = self._pretrained(examples, validation, lambda data: BranchNetwork([self._gmf(data)]))
        mlp = self._pretrained(examples, validation, lambda data: BranchNetwork([self._mlp(data)]))
        fused.branches = nn.ModuleList([gmf.branches[0], mlp.branches[0]])
        with torch.no_grad():  # the paper's eq. 13, with equal parts of both
            fused.head.weight.copy_(torch.cat([gmf.head.weight, mlp.head.weight], 1) / 2)
            fused.head.bias.copy_((gmf.head.bias + mlp.head.bias) / 2)
        return fused

    def _pretrained(self, examples: Interactions, validation: Any, build: Callable[[Interactions], Any]) -> Any:
        """A network of one branch, trained with the same settings."""
        network = self._new_network(examples, build)
        # logger and progress bar are for the network of both branches
        alone = copy.copy(self).set_params(logger=None, verbose=0, pretrain=False)
        monitor = None if validation is None else ValidationMonitor(alone, network, validation, known=examples)
        history = TrainingHistory(alone, network, monitor)
        alone._run(network, self.objective_.batches(examples, examples), history)
        return network
