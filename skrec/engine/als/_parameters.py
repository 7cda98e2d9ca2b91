"""Parameters of alternating least squares."""

from typing import Any

from skrec._checks import check_int, check_n_jobs, check_no_class, check_number
from skrec.base._parameters import DeclaredParameters


class ALS(DeclaredParameters):
    """Alternating least squares, a value of ``solver`` of `MFRecommender`.

    ``solver="als"`` is ``solver=ALS()``.

    The loss is a squared error over all pairs of a user and an item. The score ``s`` of a positive pair with weight ``w`` adds
    ``w * (1 - s)**2``. Each pair, positive or not, adds ``unobserved_weight * s**2``. The vector ``p`` of a user adds
    ``regularization * (sum_w + unobserved_weight * n_items)**regularization_exponent * p @ p``, where ``sum_w`` is the sum of
    the weights of the user's positive pairs. Vectors of items are penalized in the same way, with ``n_users``.

    An epoch solves for the vectors of all items, the users being fixed, and then for those of all users. Each least squares
    problem is solved approximately by conjugate gradients, which start at the vector of the previous epoch.

    Parameters
    ----------
    unobserved_weight : float, default=None
        Weight of the squared score of each pair. If None, 15 times the weight of all positive pairs, divided by the number of
        pairs, so that all pairs together weigh 15 times as much as the positive ones. `partial_fit` computes it anew from all
        events. It is worth tuning: values from 0.003 for large catalogs to 1 for small ones are common.
    regularization_exponent : float, default=0.5
        Growth of the penalty with the number of events. If 0, all users and items have the same penalty. If 1, it is
        proportional to the weight of all terms of the loss that the user or item is part of. The best ``regularization`` is
        about 100 times smaller with 1 than with 0.5.
    n_steps : int, default=2
        Number of steps of conjugate gradients in each least squares problem of an epoch. Vectors with fewer events take fewer.
    n_jobs : int, default=None
        Maximum number of threads on a CPU. If None or -1, all that are available. Small data use fewer. The result does not
        depend on it.

    See Also
    --------
    MFRecommender : The estimator, with ``regularization``, ``n_factors`` and ``max_epochs``.
    ALSRecommender : Alternating least squares of the library implicit.

    Notes
    -----
    Initial vectors are absolute values of normal random numbers with the standard deviation ``init_std`` of the estimator.

    Before each half of an epoch, both tables are rotated to the principal axes of the fixed table. The sum over all pairs then
    is a diagonal matrix, and the diagonal of the equations is a good preconditioner. An epoch takes about
    ``4 * (n_steps + 2) * n_events * n_factors + 6 * (n_users + n_items) * n_factors**2`` multiplications and additions.

    References
    ----------
    Rendle, Krichene, Zhang, Koren, "Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys 2022. Hu,
    Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Conjugate gradients: Takacs, Pilaszy,
    Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering", RecSys 2011.

    Examples
    --------
    >>> from skrec import ALS, MFRecommender
    >>> model = MFRecommender(solver=ALS(unobserved_weight=0.3), regularization=0.01)
    >>> model.set_params(solver__n_steps=3).solver
    ALS(n_steps=3, unobserved_weight=0.3)
    """

    unobserved_weight: float | None = None
    regularization_exponent: float = 0.5
    n_steps: int = 2
    n_jobs: int | None = None

    def _check_parameters(self) -> None:
        check_number(self.unobserved_weight, "unobserved_weight", above=0, or_none=True)
        check_number(self.regularization_exponent, "regularization_exponent", at_least=0)
        check_int(self.n_steps, "n_steps", at_least=1)
        check_n_jobs(self.n_jobs)


def check_solver(value: Any) -> None:
    """Check the parameter ``solver`` of a model.

    Raises
    ------
    ValueError, TypeError
        If it is neither "auto", "gradient" nor "als" nor a valid `ALS`.
    """
    check_no_class(value, "solver")
    if isinstance(value, ALS):
        value._check_parameters()
    elif not isinstance(value, str) or value not in ("auto", "gradient", "als"):
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"solver must be 'auto', 'gradient', 'als' or an ALS, got {value!r}")
