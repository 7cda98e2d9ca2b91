"""Bayesian personalized ranking, computed by the library implicit.

Other parameters are documented in `BaseRecommender`.
"""

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from skrec._checks import check_int, check_n_jobs, check_number
from skrec._threads import n_threads, torch_threads_in_step
from skrec.base import EmbeddingRecommender
from skrec.base._pairs import dense_products
from skrec.base._prepared import prepared
from skrec.data import Interactions
from skrec.data._random import draw_seed
from skrec.engine import (
    PARTIAL_FIT_LR_FACTOR,
    Catalog,
    DotProduct,
    FoldIn,
    Losses,
    NetworkKind,
    PriorKind,
    SampledRanking,
    State,
    TrainedWith,
    bpr,
    build_seeded,
    events_of_reference_users,
    expand_network,
    parameters_of,
    prepare,
    prior_of,
    prior_of_training,
    sample_with_replay,
    settled_prior,
    weights,
)
from skrec.engine._exported import folded_in
from skrec.export._states import States
from skrec.models._implicit import finite_factors, for_implicit, implicit_guard
from skrec.persistence import Kind, Value
from skrec.topk import Products, as_they_are


class BPRRecommender(EmbeddingRecommender):
    """Matrix factorization with the pairwise BPR loss, computed by the library implicit.

    Negatives are drawn in proportion to their popularity. Items of the user are skipped. ``MFRecommender(loss="bpr")`` draws
    negatives uniformly.

    Parameters
    ----------
    n_factors : int, default=64
        Number of dimensions of the embeddings.
    learning_rate : float, default=0.01
        Step size of stochastic gradient descent.
    regularization : float, default=0.01
        L2 penalty of the embeddings and biases.
    max_epochs : int, default=None
        Number of passes over the training data. If None, as many as it takes for 1000 updates per user and item, at least 20
        and at most 1000.
    positive_from : float, default=None
        Smallest value of a positive event. If None, values above 0 are positive.
    n_jobs : int, default=1
        Maximum number of threads. If -1, all that are available. Small data use fewer. With more than one thread, updates are
        not locked, and the result is not reproducible.
    verbose : int, default=0
        If above 0, show a progress bar.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the random numbers. Pass an int for reproducible results. If None, each fit draws another seed.

    Attributes
    ----------
    user_embeddings_ : float32 array of shape (n_users_, n_factors)
        User vectors.
    item_embeddings_ : float32 array of shape (n_items_, n_factors)
        Item vectors. The score is their dot product with the user vector plus the item bias.
    item_biases_ : float32 array of shape (n_items_,)
        Item biases.
    module_ : nn.Module
        The trained network, which holds embeddings and biases.
    max_epochs_ : int
        Value of ``max_epochs`` that was used.
    seed_ : int
        Seed that was drawn from ``random_state``.

    Notes
    -----
    An epoch takes O(n_events * n_factors) time. New users are folded in as in `MFRecommender`. Their vector maximizes the
    posterior under the same loss.

    References
    ----------
    Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import BPRRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> model = BPRRecommender(n_factors=4, learning_rate=0.1, random_state=0).fit(likes)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int = 64
    learning_rate: float = 0.01
    regularization: float = 0.01
    max_epochs: int | None = None
    positive_from: float | None = None
    n_jobs: int = 1
    verbose: int = 0
    random_state: Any = None

    _stored: ClassVar[dict[str, Kind]] = {
        "trained_with_": TrainedWith(),
        "seed_": Value(int, at_least=0),
        "max_epochs_": Value(int, at_least=1),
        "module_": NetworkKind(lambda model, events: model._network(events)),
        "prior_": PriorKind(),
    }

    def _check_parameters(self) -> None:
        check_n_jobs(self.n_jobs)
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.max_epochs, "max_epochs", at_least=1, or_none=True)
        check_int(self.verbose, "verbose", at_least=0)
        check_number(self.learning_rate, "learning_rate", above=0)
        check_number(self.regularization, "regularization", at_least=0)

    def _fit(self, data: Interactions) -> None:
        self.seed_ = draw_seed(self.random_state)
        self.max_epochs_ = self.max_epochs or _default_epochs(self.n_users_ + self.n_items_, int(self.popularity_.sum()))
        self._learn(self._solver(self.learning_rate), self._network(data), data)

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        self.seed_, self.max_epochs_ = draw_seed(self.random_state), self.max_epochs or before.max_epochs_
        network = expand_network(self, self._network(events), events, before, before._states)
        solver = self._solver(PARTIAL_FIT_LR_FACTOR * self.learning_rate)
        solver.user_factors = np.hstack([weights(network.user_embeddings), np.ones((events.n_users, 1), np.float32)])
        solver.item_factors = np.hstack([weights(network.item_embeddings), weights(network.item_biases)])
        chosen = sample_with_replay(events.users, len(before.events_), np.random.default_rng(self.seed_))
        self._learn(solver, network, events[chosen])

    def _solver(self, learning_rate: float) -> Any:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self.n_factors,
            learning_rate=learning_rate,
            regularization=self.regularization,
            iterations=self.max_epochs_,
            num_threads=n_threads(self.n_jobs, 12.0 * len(self.seen_.indices) * self.n_factors),
            random_state=self.seed_,
        )

    def _network(self, data: Interactions) -> DotProduct:
        shape = data.n_users, data.n_items, self.n_factors
        return build_seeded(lambda: DotProduct(*shape, std=1.0, user_bias=False), self.seed_)

    @torch_threads_in_step(0)
    def _learn(self, solver: Any, network: DotProduct, data: Interactions) -> None:
        """Fit implicit's solver to some events and copy its factors into a network."""
        positives = self._positives(data, self.positive_from)
        with implicit_guard(), finite_factors(solver, self, of_values=False):
            solver.fit(for_implicit(positives.to_csr(duplicates="any")), show_progress=bool(self.verbose))
        _copy_into(network.user_embeddings, solver.user_factors[:, :-1])
        _copy_into(network.item_embeddings, solver.item_factors[:, :-1])
        _copy_into(network.item_biases, solver.item_factors[:, -1:])
        prepare(network)
        self.module_, self.trained_with_ = network, parameters_of(self)
        users = np.flatnonzero(self.has_past_)
        self._reference_events_: Interactions | None = None
        self.prior_ = prior_of(network, [torch.tensor(users)])
        self.prior_ = prior_of_training(_fold_in(self), self.events_, users)
        self._reference_events_ = events_of_reference_users(self.events_, users)

    def _known_state(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.user_embeddings_[users]

    def _new_state(self, histories: Interactions) -> NDArray[np.float32]:
        return self._states(histories)[0].numpy()

    def _states(self, histories: Interactions) -> State:
        fold_in = self._fold_in()
        return fold_in.states(fold_in.objective.history(histories))

    def _fold_in(self) -> FoldIn:
        return prepared(self, _fold_in)

    def _drop_events(self) -> None:
        self.prior_, self._reference_events_ = settled_prior(self), None
        super()._drop_events()

    def _score(self, state: NDArray[np.float32], items: slice) -> NDArray[np.float32]:
        return state @ self.item_embeddings_[items].T + self.item_biases_[items]

    def _formula(self) -> Products:
        return Products(self.item_embeddings_, as_they_are, self.item_biases_)

    def _exported_state(self) -> States:
        return folded_in(type(self).__name__, prepared(self, _fold_in))

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        return dense_products(self.user_embeddings_, self.item_embeddings_, users, items) + self.item_biases_[items]

    def _state_vectors(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        return state

    @property
    def user_embeddings_(self) -> NDArray[np.float32]:
        """User vectors of shape ``(n_users_, n_factors)``."""
        return weights(self.module_.user_embeddings)

    @property
    def item_embeddings_(self) -> NDArray[np.float32]:
        """Item vectors of shape ``(n_items_, n_factors)``."""
        return weights(self.module_.item_embeddings)

    @property
    def item_biases_(self) -> NDArray[np.float32]:
        """Item biases of shape ``(n_items_,)``."""
        return weights(self.module_.item_biases)[:, 0]


def _default_epochs(n_rows: int, n_events: int) -> int:
    return min(max(round(1000 * n_rows / n_events), 20), 1000)


@torch.no_grad()
def _copy_into(table: torch.nn.Embedding, rows: NDArray[np.float32]) -> None:
    table.weight.copy_(torch.tensor(rows))


def _fold_in(model: BPRRecommender) -> FoldIn:
    objective = SampledRanking(
        losses=Losses(bpr, bpr),
        half_life=None,
        batch_size=1,
        positive_from=model.positive_from_,
        sampling="popularity",
        n_negatives=1,
    )
    catalog = Catalog(np.ones(model.n_items_, bool), model.popularity_, 1.0, model.seed_, "cpu", 1)
    return FoldIn(model.module_, objective, model.prior_, catalog).aligned_for(model)
