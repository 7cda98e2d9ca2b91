"""Matrix factorization trained by gradient descent or by alternating least squares.

Parameters of training are documented in `TorchRecommender`, `y_range` and the negatives in `PairRecommender`.
"""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from skrec._checks import check_choice, check_int, check_number
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine import (
    ALS,
    LOSSES,
    NEEDS_DRAWN_NEGATIVES,
    DotProduct,
    ImplicitSquares,
    Objective,
    PairRecommender,
    WholeRows,
    ccl,
    check_solver,
    implicit_squares,
    weights,
)
from skrec.engine.objectives._rating_penalties import default_strength

_PARAMETERS_OF_GRADIENTS = (
    *("batch_size", "dropout", "learning_rate", "logger", "lr_schedule", "negatives", "optimizer", "temperature"),
    "weight_decay",
)
_NEEDS_GRADIENTS = Needs(lambda model: model._als is None, "solver='gradient'")


class MFRecommender(PairRecommender):
    """Matrix factorization: the score is the dot product of a user vector and an item vector.

    By gradient descent, ``score(u, i) = p_u . q_i + b_i``. With ``loss="mse"`` the mean rating and a user bias ``b_u`` are
    added, and ``y_range`` bounds the prediction by a sigmoid. Ranking losses have no user bias, because it does not change the
    order of items. ``biases`` leaves out some of these terms.

    With ``solver="als"`` the vectors are found by alternating least squares for implicit feedback, see `ALS`. The score is the
    product alone. This is the default as long as no parameter of gradient descent is changed.

    Parameters
    ----------
    solver : {"auto", "gradient", "als"} or ALS, default="auto"
        "gradient" minimizes ``loss`` by gradient descent. "als" minimizes squared errors over all pairs of a user and an item
        by alternating least squares. `ALS` sets its parameters. "auto" is "als" if ``loss``, ``biases``, ``negatives``,
        ``n_negatives``, ``temperature``, ``dropout``, ``batch_size``, ``learning_rate``, ``lr_schedule``, ``optimizer``,
        ``weight_decay`` and ``logger`` have their default values and ``trainer`` sets at most the accelerator, else "gradient".
        A search over one of these parameters should set ``solver="gradient"``, since its default value is a candidate. With
        "als", ``loss`` must be "softmax", the default. Parameters of gradients, such as ``learning_rate`` and ``negatives``,
        have no effect. ``weights`` of events multiply their errors.
    loss : str, CosineContrastiveLoss or callable, default="softmax"
        "softmax", "bpr", "bce" and "warp" rank positive events above other items. "ccl" is the cosine contrastive loss.
        `CosineContrastiveLoss` sets its parameters. "mse" predicts values. A callable is described in `TorchRecommender`.
    n_factors : int, default=64
        Number of dimensions of the embeddings.
    regularization : float, default=None
        Strength of the L2 penalty on the embeddings that a minibatch uses, per example. All items of an example together count
        as two. If None, it is found by a rule that depends on what is minimized:

        - ``solver="als"``: 0.3, times the root of the mean weight of a positive pair. With another ``regularization_exponent``
          than 0.5, the value for which an average user or item has the same penalty.
        - Other rankings: the fourth root of the mean popularity of an event's item, where the popularity of an item is its
          number of events. This is about 2 for sparse data and 5 for dense data. If negatives are drawn, an example is one
          event instead of one user, and the value is divided by the mean number of events per user. It is also multiplied by
          ``log2(1 + n_negatives) / 4``, at most 1, for "softmax", and by 1/4 for hard negatives and other losses. It is 0 for
          scores of cosines, for slates and with ``weight_decay``.
        - ``loss="mse"``: ``2 * std / n_mean ** 0.6`` for ratings with the standard deviation ``std``, times the slope of the
          sigmoid at the mean rating if there is a ``y_range``. ``n_mean`` is the geometric mean of the average numbers of
          ratings of users and of items.

        For ``loss="mse"`` it is the penalty per rating of a user or item with an average number of ratings. With n ratings a
        vector has the penalty ``regularization * n_mean * (n / n_mean) ** 0.4`` in total. Biases of users then have the penalty
        of a normal prior: the variance of the ratings of a user divided by that of the users' means. The same holds for items.
        Their biases shrink to the mean bias. The penalty of biases is proportional to ``regularization``.
    dropout : float, default=0.0
        Probability that an entry of the user vector is set to zero in training.
    init_std : float, default=0.01
        Standard deviation of the normal distribution from which the embeddings are initialized.
    temperature : float, default=None
        If given, ``score(u, i) = cos(p_u, q_i) / temperature + b_i``: the norm of a vector has no effect, and popularity is
        modeled by the bias alone. Values from 0.1 to 0.2 suit ``loss="softmax"``. If None, the score is the dot product.
        ``loss="ccl"`` always uses plain cosines without a bias. ``temperature`` must then be None or 1.
    biases : {"auto", "none", "item", "both"}, default="auto"
        Terms that are added to the product. "none" adds nothing, not even the mean rating. "item" adds the biases of items, and
        for ratings without ``y_range`` the mean. "both" also adds the biases of users. It requires ``loss="mse"``, because a
        term that all items of a user have in common does not change the user's ranking. "auto" is "both" for ratings and "item"
        for rankings.
        ``loss="ccl"`` and ``solver="als"`` have no biases.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        User and item vectors. Their dot product is the score, up to mean and biases.
    regularization_ : float
        Strength of the penalty.
    item_biases_ : float32 array of shape (n_items_,)
        Item biases. Zeros if there are none.
    user_biases_ : float32 array of shape (n_users_,)
        User biases. Zeros if there are none.
    global_mean_ : float
        Mean of the training ratings, on which predictions are centered. Zero if the loss ranks, and with ``biases="none"``.

    Notes
    -----
    An epoch takes O(n_events * n_negatives * n_factors) time, and O(n_users * n_items * n_factors) with ``negatives="all"``.
    With ``solver="als"`` an epoch takes O(n_events * n_factors + (n_users + n_items) * n_factors**2) time. Its train_loss in
    ``history_`` includes the penalties, and is divided by the sum of the weights of the events.

    Weights, gradients and the two moments of Adam take ``(n_users + n_items) * n_factors * 16`` bytes. With
    ``negatives="all"``, copies of the item embeddings take ``n_items * n_factors * 32`` bytes more.

    References
    ----------
    Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender Systems", 2009. Cosine contrastive loss: Mao et al.,
    "SimpleX: A Simple and Strong Baseline for Collaborative Filtering", CIKM 2021. Hard negatives: Zhang et al., "Optimizing
    Top-N Collaborative Filtering via Dynamic Negative Item Sampling", SIGIR 2013. Alternating least squares: see `ALS`.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import MFRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = MFRecommender(n_factors=2, max_epochs=100, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    >>> MFRecommender(n_factors=2, solver="als", random_state=0).fit(likes).recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int = 64
    regularization: float | None = None
    dropout: float = 0.0
    init_std: float = 0.01
    temperature: float | None = None
    biases: Literal["auto", "none", "item", "both"] = "auto"
    solver: Literal["auto", "gradient", "als"] | ALS = "auto"

    _losses = LOSSES | {"ccl": ccl}
    _architecture_parameters = ("n_factors", "temperature", "biases", "y_range")
    _needs: ClassVar[dict[str, Needs]] = dict.fromkeys(_PARAMETERS_OF_GRADIENTS, _NEEDS_GRADIENTS) | {
        "n_negatives": NEEDS_DRAWN_NEGATIVES._replace(words=f"{_NEEDS_GRADIENTS.words}, and {NEEDS_DRAWN_NEGATIVES.words}"),
        "biases": Needs(lambda model: model._als is None and model._loss_name != "ccl", "solver='gradient' and another loss"),
        "solver__regularization_exponent": Needs(lambda model: model.regularization != 0, "regularization above 0"),
        "trainer": Needs(lambda model: model._als is None or {*model.trainer} <= {"accelerator"}, _NEEDS_GRADIENTS.words),
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_number(self.dropout, "dropout", at_least=0, below=1)
        check_number(self.init_std, "init_std", above=0)
        check_choice(self.biases, "biases", ("auto", "none", "item", "both"))
        if self.biases == "both" and not self._predicts_ratings:
            raise ValueError(
                "biases must be 'auto', 'none' or 'item' for a loss that ranks, got 'both': a bias of a user does not change "
                "the order of the items"
            )
        check_solver(self.solver)
        if self._als is not None and self.loss != MFRecommender.loss:
            raise ValueError(
                f"loss must be {MFRecommender.loss!r}, the default, for solver='als', which minimizes squared errors, got "
                f"{self.loss!r}"
            )
        if self.temperature is not None:
            check_number(self.temperature, "temperature", above=0)
            if self._predicts_ratings:
                raise ValueError(f"temperature must be None for loss='mse', got {self.temperature!r}")
            if self._loss_name == "ccl" and self.temperature != 1:
                raise ValueError(f"temperature must be None or 1 for loss='ccl', got {self.temperature!r}")

    @property
    def _als(self) -> ALS | None:
        """Resolved value of ``solver``. None for gradients."""
        if isinstance(self.solver, ALS):
            return self.solver
        return ALS() if self.solver == "als" or (self.solver == "auto" and self._keeps_defaults_of_gradients) else None

    @property
    def _keeps_defaults_of_gradients(self) -> bool:
        """Whether all parameters that alternating least squares does not use have their default values."""
        names = (*_PARAMETERS_OF_GRADIENTS, "loss", "biases", "n_negatives")
        return not any(map(self._is_set, names)) and {*(self.trainer or {})} <= {"accelerator"}

    def _default_regularization(self, examples: Interactions) -> float:
        """Return the strength by rules that were found with the data sets in ``benchmarks``."""
        if isinstance(self.objective_, ImplicitSquares):
            return self.objective_.regularization
        if self.weight_decay > 0:
            return 0.0
        if self._predicts_ratings:
            return default_strength(examples, self.y_range)
        if self._loss_name == "ccl" or self.temperature is not None or self.negatives == "slate":
            return 0.0  # lengths have no effect on cosines
        counts = np.bincount(examples.items, weights=examples.weights).astype(float)
        strength = (counts @ counts / counts.sum()) ** 0.25
        if isinstance(self.objective_, WholeRows):
            return strength
        # an example is an event, and the slopes of its loss are smaller with fewer negatives
        return strength * self.n_users_ / counts.sum() * min(np.log2(1 + self._n_compared) / 4, 1)

    @property
    def _n_compared(self) -> int:
        """Number of items that the item of an event is compared with at once."""
        if self._loss_name != "softmax" or self.negatives == "hard":
            return 1
        return self.n_negatives if self.objective_.draws_negatives else self.objective_.batch_size

    def _objective(self) -> Objective:
        return super()._objective() if self._als is None else implicit_squares(self, self._als)

    def _build(self, events: Interactions) -> DotProduct:
        return DotProduct(
            events.n_users,
            events.n_items,
            self.n_factors,
            std=self.init_std,
            item_bias=self.biases != "none" and self._loss_name != "ccl" and self._als is None,
            user_bias=self._predicts_ratings and self.biases in ("auto", "both"),
            dropout=self.dropout,
            temperature=1.0 if self._loss_name == "ccl" else self.temperature if self._als is None else None,
        )

    @property
    def user_biases_(self) -> NDArray[np.float32]:
        """User biases, zeros if there are none."""
        table = self.module_.user_biases
        return np.zeros(self.n_users_, np.float32) if table is None else weights(table)[:, 0]

    @property
    def global_mean_(self) -> float:
        """Mean of the training ratings on which predictions are centered, or zero."""
        network = self.module_
        return 0.0 if network.item_biases is None else float(network.bounded(network.mean))
