"""A multilayer perceptron over embeddings.

Parameters of training are documented in `TorchRecommender`, `y_range` and the negatives in `PairRecommender`.
"""

from typing import Any, ClassVar

from skrec._checks import check_flag, check_int, check_number
from skrec.base._scoring import no_formula
from skrec.data import Interactions
from skrec.engine import (
    MLP,
    BranchNetwork,
    PairRecommender,
    check_layers,
)
from skrec.persistence import Kind, Value


class MLPRecommender(PairRecommender):
    """Multilayer perceptron over the concatenated embeddings of a user and an item.

    ``score(u, i) = w . layers([p_u, q_i]) + c``. Each hidden layer is linear with a ReLU, followed by batch normalization and
    dropout if requested.

    Parameters
    ----------
    n_factors : int, default=None
        Number of dimensions of the embeddings. If None, ``min(600, round(1.6 * n**0.56))`` for n users, and the same rule for
        items.
    hidden_layer_sizes : tuple of int, default=(64, 32)
        Sizes of the hidden layers.
    dropout : float, default=0.0
        Dropout probability after each hidden layer, in training.
    embedding_dropout : float, default=0.0
        Dropout probability of the embeddings, in training.
    batch_norm : bool, default=False
        Whether the output of each hidden layer is normalized over the minibatch. Running statistics are used outside training.
    n_negatives : int, default=4
        Number of negatives for each positive event, if they are drawn.

    Attributes
    ----------
    embedding_widths_ : (int, int)
        Number of dimensions of the user and the item embeddings.
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, d_users) and (n_items_, d_items)
        The embeddings. Their dimensions are ``embedding_widths_``.

    Notes
    -----
    The score of each pair takes a pass through the network: with hidden layers of sizes (a, b) about ``a * b`` multiplications,
    compared with ``n_factors`` of a dot product. ``negatives="auto"`` is "uniform" for all losses, including "softmax".

    References
    ----------
    He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017, sec. 3.3. The default number of dimensions is
    that of fastai.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import MLPRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = MLPRecommender(n_factors=4, hidden_layer_sizes=(16,), max_epochs=150, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int | None = None
    hidden_layer_sizes: tuple[int, ...] = (64, 32)
    dropout: float = 0.0
    embedding_dropout: float = 0.0
    batch_norm: bool = False
    n_negatives: int = 4

    _losses_of_rows = ()
    _formula = no_formula
    _default_penalty_of_ratings = 0.5
    _stored: ClassVar[dict[str, Kind]] = {"embedding_widths_": Value(tuple)}
    _architecture_parameters = ("n_factors", "hidden_layer_sizes", "batch_norm", "y_range")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1, or_none=True)
        check_layers(self.hidden_layer_sizes, self.dropout)
        check_number(self.embedding_dropout, "embedding_dropout", at_least=0, below=1)
        check_flag(self.batch_norm, "batch_norm")

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        # partial_fit keeps them, however many users and items there are
        self.embedding_widths_ = (
            self.n_factors or embedding_width(data.n_users),
            self.n_factors or embedding_width(data.n_items),
        )
        super()._fit_validated(data, validation)

    def _build(self, events: Interactions) -> BranchNetwork:
        branch = MLP(
            events.n_users,
            events.n_items,
            self.embedding_widths_,
            tuple(self.hidden_layer_sizes),
            dropout=self.dropout,
            embedding_dropout=self.embedding_dropout,
            batch_norm=self.batch_norm,
        )
        return BranchNetwork([branch])


def embedding_width(n: int) -> int:
    """Number of dimensions for n users or items: 74 for 944, 101 for 1,635."""
    return min(600, round(1.6 * n**0.56))
