"""A model that lacks a method is refused by `fit`, before anything is learned."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from skrec import PairRecommender
from skrec.base import BaseRecommender, EmbeddingRecommender, HistoryRecommender
from skrec.engine import TorchRecommender

LIKES = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))

REQUIRED = {
    BaseRecommender: "_fit, _known_state, _new_state, _score",
    HistoryRecommender: "_fit, _score",
    EmbeddingRecommender: "_fit, _known_state, _new_state, _score, _state_vectors",
    TorchRecommender: "_build, _objective",
    PairRecommender: "_build",
}


@pytest.mark.parametrize(("base", "names"), REQUIRED.items(), ids=lambda part: getattr(part, "__name__", None))
def test_the_error_names_the_class_and_each_missing_method(base, names):
    class Incomplete(base):
        """A model without methods."""

    with pytest.raises(NotImplementedError, match=f"^Incomplete must implement {names}$"):
        Incomplete().fit(LIKES)


def test_methods_that_are_there_are_not_named():
    class HalfDone(BaseRecommender):
        """A model with half of its methods."""

        def _fit(self, data):
            raise AssertionError("fit must not begin")

        def _score(self, state, items):
            return state

    with pytest.raises(NotImplementedError, match=r"^HalfDone must implement _known_state, _new_state$"):
        HalfDone().fit(LIKES)


@pytest.mark.parametrize(("positive_from", "n_learned"), [(None, 3), (2, 2)])
def test_a_model_learns_from_positive_events_by_default(positive_from, n_learned):
    class Counts(BaseRecommender):
        """A model that learns nothing but the counts that all models have."""

        positive_from: float | None = None

        def _fit(self, data):
            pass

        def _known_state(self, users):
            return users

        def _new_state(self, histories):
            return np.zeros(histories.n_users)

        def _score(self, state, items):
            return np.zeros((len(state), items.stop - items.start), np.float32)

    values = csr_array((np.array([0.0, 1, 2, 3]), ([0, 1, 2, 3], [0, 0, 1, 1])), shape=(4, 2))
    model = Counts(positive_from=positive_from).fit(values)
    assert model.has_past_.sum() == model.popularity_.sum() == n_learned
