"""Alternating least squares, computed by the library implicit.

Other parameters are documented in `BaseRecommender`.
"""

import copy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from skrec._checks import check_int, check_n_jobs, check_number
from skrec._threads import n_threads, single_threaded_blas
from skrec.base import EmbeddingRecommender
from skrec.base._counts import with_index_of
from skrec.base._divergence import overflow
from skrec.base._pairs import dense_products
from skrec.base._prepared import prepared
from skrec.base._training_data import informative_part
from skrec.data import HalfLife, Interactions, apply_half_life, read_half_life
from skrec.data._random import draw_seed
from skrec.export._least_squares import weighted_squares
from skrec.export._states import States
from skrec.models._implicit import finite_factors, for_implicit, implicit_guard, with_n_rows, writable
from skrec.persistence import Array, Kind, Matrix, ParametersOfFit, Value
from skrec.topk import Products, as_they_are

_DEFAULT_CONFIDENCE = 10.0  # mean confidence of positive pairs
_LARGEST_DEFAULT = 1e6  # of alpha, for tiny values
_OF_FIT = ParametersOfFit("n_factors", "regularization", "half_life")


class ALSRecommender(EmbeddingRecommender):
    """Matrix factorization of implicit feedback by alternating least squares, computed by the library implicit.

    The loss is a weighted squared error over all pairs of a user and an item. Observed pairs have a target of 1 and a
    confidence of ``alpha * value``, all other pairs a target of 0 and a confidence of 1. ALS is a strong baseline.

    Parameters
    ----------
    n_factors : int, default=64
        Number of dimensions of the embeddings.
    regularization : float, default=50.0
        L2 penalty of the embeddings.
    alpha : float, default=None
        Confidence of an event of value 1. If None, 10 divided by the mean of the values times weights of the positive pairs,
        and at most 1e6. Values from 1 to 40 are common, larger ones for larger catalogs. The best ``regularization`` grows
        with it.
    max_epochs : int, default=15
        Number of alternations.
    positive_from : float, default=None
        Smallest value of a positive event. If None, values above 0 are positive. The values of positive
        events, times their weights, are their confidence.
    half_life : float, timedelta or str, default=None
        Age at which an event's confidence is half. A number is in the unit of the timestamps (microseconds if they were
        datetimes). A timedelta, or text such as "30 days", needs timestamps of a known unit, see ``timestamp_unit`` of
        `Interactions`. The age is counted back from the user's latest event. If None, age does not matter.
    n_jobs : int, default=None
        Maximum number of threads. If None or -1, all that are available. Small data use fewer.
    verbose : int, default=0
        If above 0, show a progress bar.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the random numbers. Pass an int for reproducible results. If None, each fit draws another seed.

    Attributes
    ----------
    user_embeddings_ : float32 array of shape (n_users_, n_factors)
        User vectors.
    item_embeddings_ : float32 array of shape (n_items_, n_factors)
        Item vectors. Scores are dot products of user and item vectors.
    fitted_with_ : dict
        Values of the parameters in the last fit by which new users are solved for.
    confidences_ : float32 CSR of shape (n_users_, n_items_)
        Value times weight of the positive events, summed over repeated pairs.
    alpha_ : float
        Value of ``alpha`` that was used.
    seed_ : int
        Seed that was drawn from ``random_state``.

    Notes
    -----
    An epoch takes about ``3 * n_events * n_factors + (n_users + n_items) * n_factors**2`` multiplications. The vector of a new
    user is the exact solution of the user's least squares problem.

    References
    ----------
    Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Conjugate gradient solver: Takacs,
    Pilaszy, Tikk, RecSys 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import ALSRecommender
    >>> likes = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))
    >>> ALSRecommender(n_factors=2, random_state=0).fit(likes).recommend([0, 5], k=1).items.tolist()
    [[0], [5]]
    """

    n_factors: int = 64
    regularization: float = 50.0
    alpha: float | None = None
    max_epochs: int = 15
    positive_from: float | None = None
    half_life: HalfLife | None = None
    n_jobs: int | None = None
    verbose: int = 0
    random_state: Any = None

    _reads_weights = True
    _stored: ClassVar[dict[str, Kind]] = {
        "seed_": Value(int, at_least=0),
        "alpha_": Value(float),
        "fitted_with_": _OF_FIT,
        "confidences_": Matrix("float32", "users", "items", made=csr_matrix, is_history=True),
        "user_embeddings_": Array("float32", "users", "factors"),
        "item_embeddings_": Array("float32", "items", "factors"),
    }

    def _check_parameters(self) -> None:
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.max_epochs, "max_epochs", at_least=1)
        check_n_jobs(self.n_jobs)
        check_int(self.verbose, "verbose", at_least=0)
        check_number(self.regularization, "regularization", at_least=0)
        check_number(self.alpha, "alpha", above=0, or_none=True)
        read_half_life(self.half_life, self.events_)

    def _fit(self, data: Interactions) -> None:
        self.seed_, self.fitted_with_ = draw_seed(self.random_state), _OF_FIT.of(self)
        self._learn_confidences(data)
        self.alpha_ = _default_alpha(self.confidences_.data) if self.alpha is None else float(self.alpha)
        with implicit_guard(), finite_factors(solver := self._solver(), self, of_values=True):
            solver.fit(self.confidences_, show_progress=bool(self.verbose))
        self.user_embeddings_, self.item_embeddings_ = solver.user_factors, solver.item_factors

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        """Alternate between the users and the items of the new events. Keep all other factors."""
        if before.item_embeddings_.shape[1] != self.n_factors:
            raise ValueError(
                f"n_factors must not change in partial_fit: fit used {before.item_embeddings_.shape[1]}, got {self.n_factors}"
            )
        self.seed_, self.fitted_with_ = before.seed_, _OF_FIT.of(self)
        self.alpha_ = before.alpha_ if self.alpha is None else float(self.alpha)
        self._learn_confidences(events)
        new = events[len(before.events_) :]
        new = new[self._informative(new)]
        users, items = np.unique(new.users), np.unique(new.items)
        rows, columns = self.confidences_[users], self.confidences_.T.tocsr()[items]
        with implicit_guard(), finite_factors(solver := self._solver(), self, of_values=True):
            # with zeros for new items, new users with only new items would stay at zero
            mean = before.item_embeddings_[before._item_counts > 0].mean(0)
            solver.user_factors = with_n_rows(before.user_embeddings_, events.n_users, 0)
            solver.item_factors = with_n_rows(before.item_embeddings_, events.n_items, mean)
            for _ in range(self.max_epochs if len(new) else 0):
                solver.partial_fit_users(users, rows)
                solver.partial_fit_items(items, columns)
        self.user_embeddings_, self.item_embeddings_ = solver.user_factors, solver.item_factors

    def _learn_confidences(self, data: Interactions) -> None:
        positives = apply_half_life(self._positives(data, self.positive_from), self.half_life)
        self.confidences_ = for_implicit(with_index_of(self._confidences(positives), self.seen_))

    def _confidences(self, events: Interactions) -> Any:
        return for_implicit(_weighted(events).to_csr(duplicates="sum"))

    def _solver(self) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.fitted_with_["n_factors"],
            regularization=self.fitted_with_["regularization"],
            alpha=self.alpha_,
            iterations=self.max_epochs,
            num_threads=n_threads(self.n_jobs, self._work),
            random_state=self.seed_,
        )

    @property
    def _work(self) -> float:
        """Approximate number of floating-point operations of half an epoch."""
        n_factors = float(self.fitted_with_["n_factors"])
        return 12 * len(self.confidences_.data) * n_factors + max(self.n_users_, self.n_items_) * n_factors**2

    def _known_state(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.user_embeddings_[users]

    def _new_state(self, histories: Interactions) -> NDArray[np.float32]:
        positives = informative_part(self, histories)
        if histories.timestamps is not None:
            positives = apply_half_life(positives, self.fitted_with_["half_life"])
        confidences = self._confidences(positives)
        solver = copy.copy(prepared(self, _solver_of_answers))
        solver.num_threads = n_threads(self.n_jobs, 2.0 * (confidences.nnz + histories.n_users) * solver.factors**2)
        try:
            with single_threaded_blas, np.errstate(over="ignore"):
                confidences.data *= solver.alpha  # as the solver does, in less time
                solver.alpha = 1.0
                state = solver.recalculate_user(np.arange(histories.n_users), confidences)
        except ValueError as error:  # equations without a solution
            raise overflow(positives, "the factors of new users are not finite") from error
        if not np.isfinite(state).all():
            raise overflow(positives, "the factors of new users are not finite")
        return state

    def _score(self, state: NDArray[np.float32], items: slice) -> NDArray[np.float32]:
        return state @ self.item_embeddings_[items].T

    def _formula(self) -> Products:
        return Products(self.item_embeddings_, as_they_are)

    def _exported_state(self) -> States:
        return weighted_squares(self.item_embeddings_, self.fitted_with_["regularization"], self.alpha_)

    def _score_known_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        return dense_products(self.user_embeddings_, self.item_embeddings_, users, items)

    def _state_vectors(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        return state

    def _contributions(self, user: int, item: int, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        solver = prepared(self, _solver_of_answers)
        with implicit_guard():
            _, best, _ = solver.explain(0, self.confidences_[[user]], item, N=k)
        return np.array([code for code, _ in best], np.int64), np.array([share for _, share in best], np.float64)


def _solver_of_answers(model: ALSRecommender) -> Any:
    """A solver with the factors of the items, for users one by one."""
    with implicit_guard():
        solver = model._solver()
        solver.item_factors = writable(model.item_embeddings_)
        solver.YtY  # noqa: B018 - the products of the factors, which the solver keeps
    return solver


def _default_alpha(confidences: NDArray[np.float32]) -> float:
    return min(_DEFAULT_CONFIDENCE / float(confidences.mean(dtype=np.float64)), _LARGEST_DEFAULT)


def _weighted(events: Interactions) -> Interactions:
    """The events with their values times their weights, if they have any."""
    if events.weights is None:
        return events
    with np.errstate(over="ignore"):
        values = events.values * events.weights
    if not np.isfinite(values).all():
        raise overflow(events, "values times weights are not finite")
    return events._replace(values=values)
