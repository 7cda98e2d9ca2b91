"""Networks that read rows: what they share, whatever they make of a row."""

import pickle

import numpy as np
import pytest
import torch
from small_models import N_USERS, likes, ratings

from skrec import AutoRecRecommender, MultVAERecommender
from skrec.engine import SparseLinear

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = {"n_factors": 4, "batch_size": 4, "max_epochs": 2, "random_state": 0}
READERS = {
    "AutoRec": AutoRecRecommender(**SETTINGS),
    "AutoRec of ratings": AutoRecRecommender(loss="mse", **SETTINGS),
    "MultVAE": MultVAERecommender(hidden_layer_sizes=(6,), **SETTINGS),
}


@pytest.fixture(params=READERS)
def network(request, one_thread):
    model = READERS[request.param]
    return model.fit(ratings() if model.loss == "mse" else likes()).module_.eval()


@pytest.mark.parametrize("users", [[5], [7, 0, 3], [2, 2, 9, 2, 0, 9], []], ids=str)
def test_states_are_those_of_each_user_alone_in_any_order_and_however_often(network, users):
    alone = torch.cat([network.encode(torch.tensor([user]))[0] for user in range(N_USERS)])
    (found,) = network.encode(torch.tensor(users, dtype=torch.int64))
    torch.testing.assert_close(found, alone[users])
    assert not torch.allclose(alone[2], alone[9], atol=1e-4)


def test_a_row_that_is_asked_for_many_times_is_read_once(network, monkeypatch):
    n_read, read = [], SparseLinear.forward

    def counted(layer, rows):
        n_read.append(len(rows.lengths))
        return read(layer, rows)

    monkeypatch.setattr(SparseLinear, "forward", counted)
    network(torch.tensor([4, 1, 4, 4, 1]), torch.tensor([0, 1, 2, 3, 4]))
    assert n_read == [2]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("side", ["user", "item"])
def test_a_pickled_model_gives_the_same_scores(side, activation):
    fitted = AutoRecRecommender(side=side, activation=activation, **SETTINGS).fit(likes())
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(likes()), fitted.predict(likes()))
    np.testing.assert_array_equal(again.predict(likes().to_csr()), fitted.predict(likes().to_csr()))
