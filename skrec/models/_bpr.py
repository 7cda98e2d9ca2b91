"""implicit's Bayesian personalised ranking."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skrec.base._checks import check_int, check_number
from skrec.data import Interactions
from skrec.engine import DotProduct, DotProductEmbeddings, NetworkInference, build_seeded
from skrec.models._implicit import check_finite, check_n_jobs, confidences, seed_of, single_threaded_blas


class BPRRecommender(DotProductEmbeddings, NetworkInference):
    """Matrix factorisation that ranks each user's items above others: the library implicit's compiled BPR.

    It draws negatives in proportion to their popularity and skips those that the user knows;
    ``MFRecommender(loss="bpr")`` draws them uniformly.

    Parameters
    ----------
    n_factors : int, default=64
    learning_rate : float, default=0.01
    regularization : float, default=0.01
    max_epochs : int, default=100
    positive_from : float, default=None
        Least value of a positive event; None counts every value above 0.
    n_jobs : int, default=1
        Threads; -1 means all cores. More than one write to the same factors unlocked, so that a fit cannot be repeated
        exactly.
    verbose : int, default=0
        A progress bar, if not 0.
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    user_embeddings_ : float32 array of shape (n_users_, n_factors)
    item_embeddings_ : float32 array of shape (n_items_, n_factors)
    item_biases_ : float32 array of shape (n_items_,)

    Notes
    -----
    New users are folded in as for `MFRecommender`: the most probable vector under the same loss, in a fixed number of steps.

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

    loss = "bpr"
    negatives = "popularity"
    n_negatives = 1

    n_factors: int = 64
    learning_rate: float = 0.01
    regularization: float = 0.01
    max_epochs: int = 100
    positive_from: float | None = None
    n_jobs: int = 1
    verbose: int = 0
    random_state: Any = None

    def _fit(self, data: Interactions) -> None:
        check_n_jobs(self.n_jobs)
        for name in ("n_factors", "max_epochs"):
            check_int(getattr(self, name), name, at_least=1)
        check_int(self.verbose, "verbose", at_least=0)
        check_number(self.learning_rate, "learning_rate", above=0)
        check_number(self.regularization, "regularization", at_least=0)
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        self.seed_ = seed_of(self.random_state)
        with single_threaded_blas():
            solver = BayesianPersonalizedRanking(
                factors=self.n_factors,
                learning_rate=self.learning_rate,
                regularization=self.regularization,
                iterations=self.max_epochs,
                num_threads=0 if self.n_jobs in (None, -1) else self.n_jobs,
                random_state=self.seed_,
            )
            solver.fit(confidences(self._positives(data, self.positive_from)), show_progress=bool(self.verbose))
        shape = data.n_users, data.n_items, self.n_factors
        network = build_seeded(lambda: DotProduct(*shape, std=1.0, user_bias=False), self.seed_)
        _copy_into(network.user_embeddings, solver.user_factors[:, :-1])
        _copy_into(network.item_embeddings, solver.item_factors[:, :-1])
        _copy_into(network.item_biases, solver.item_factors[:, -1:])
        self._adopt(network.eval(), torch.device("cpu"), train_loss=1.0)


@torch.no_grad()
def _copy_into(table: torch.nn.Embedding, rows: NDArray[np.float32]) -> None:
    table.weight.copy_(torch.tensor(check_finite(rows, "BPRRecommender")))
