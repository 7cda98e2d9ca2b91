"""Models from outside the package: each is short, knows public names only, and passes every check."""

import ast
import inspect
import sys

import numpy as np
import pytest

from skrec import EmbeddingRecommender, HistoryRecommender, PairRecommender
from skrec.engine import EmbeddingNetwork, embedding
from skrec.testing import parametrize_recommender_checks

pytestmark = pytest.mark.usefixtures("one_thread")


class ItemCosineRecommender(HistoryRecommender):
    """Items are alike if the same users like them; a user is the row of what they liked."""

    shrinkage: float = 1.0

    def _fit(self, data):
        rows = self._keep_rows(data)
        if not isinstance(self.shrinkage, int | float) or self.shrinkage < 0:
            raise ValueError(f"shrinkage must be a number of at least 0, got {self.shrinkage!r}")
        common = (rows.T @ rows).toarray()
        n_users = np.sqrt(np.diag(common) + self.shrinkage)
        self.similarities_ = (common / n_users[:, None] / n_users).astype(np.float32)
        np.fill_diagonal(self.similarities_, 0)

    def _score(self, rows, items):
        return rows @ self.similarities_[:, items]


class SVDRecommender(EmbeddingRecommender):
    """The best approximation of the matrix by one of low rank; a user is a vector."""

    n_factors: int = 3

    def _fit(self, data):
        if not isinstance(self.n_factors, int) or self.n_factors < 1:
            raise ValueError(f"n_factors must be an integer of at least 1, got {self.n_factors!r}")
        matrix = self._matrix(data)
        directions = np.linalg.eigh((matrix.T @ matrix).toarray())[1]
        self.item_embeddings_ = np.ascontiguousarray(directions[:, -self.n_factors :])
        self.user_embeddings_ = matrix @ self.item_embeddings_

    def _matrix(self, data):
        return data[data.values > 0].to_csr(duplicates="any").astype(np.float32)

    def _informative(self, data):
        return data.values > 0

    def _known_state(self, users):
        return self.user_embeddings_[users]

    def _new_state(self, histories):
        return self._matrix(histories) @ self.item_embeddings_

    def _score(self, state, items):
        return state @ self.item_embeddings_[items].T

    def _state_vectors(self, state):
        return state


class Distances(EmbeddingNetwork):
    """Users and items are points; the nearer, the better."""

    def __init__(self, n_users, n_items, n_factors):
        super().__init__()
        self.users, self.items = embedding(n_users, n_factors, std=0.1), embedding(n_items, n_factors, std=0.1)
        self.floats_per_score = 2 * n_factors

    @property
    def user_tables(self):
        return [self.users]

    @property
    def item_tables(self):
        return [self.items]

    def score(self, state, items):
        points = state[0][:, None] if items.ndim == 2 else state[0]
        return -(points - self.items(items)).square().sum(-1)


class MetricRecommender(PairRecommender):
    """Metric learning: people stand near what they like."""

    loss: str = "bpr"
    n_factors: int = 8

    def _check_parameters(self):
        super()._check_parameters()
        if not isinstance(self.n_factors, int) or self.n_factors < 1:
            raise ValueError(f"n_factors must be an integer of at least 1, got {self.n_factors!r}")

    def _build(self, data):
        return Distances(data.n_users, data.n_items, self.n_factors)


MODELS = [ItemCosineRecommender(), SVDRecommender(), MetricRecommender(max_epochs=40, learning_rate=0.05)]


@parametrize_recommender_checks(MODELS)
def test_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("classes", [(ItemCosineRecommender,), (SVDRecommender,), (Distances, MetricRecommender)])
def test_a_model_with_its_imports_has_fewer_than_60_lines(classes):
    n_imports = len([node for node in this_file().body if isinstance(node, ast.Import | ast.ImportFrom)])
    assert n_imports + sum(len(inspect.getsource(part).splitlines()) for part in classes) < 60


def test_the_models_need_public_names_only():
    imports = [node for node in this_file().body if isinstance(node, ast.ImportFrom) and node.module.startswith("skrec")]
    assert {node.module for node in imports} == {"skrec", "skrec.engine", "skrec.testing"}
    for node in imports:
        assert {name.name for name in node.names} <= set(sys.modules[node.module].__all__)


def this_file():
    return ast.parse(inspect.getsource(sys.modules[__name__]))
