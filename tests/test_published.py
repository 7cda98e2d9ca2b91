"""Published numbers, met on the data they were published for."""

import os
from pathlib import Path

import pytest
from sklearn.metrics import root_mean_squared_error

from skrec import EASERecommender, ItemKNNRecommender, MFRecommender, PopularityRecommender, UserKNNRecommender
from skrec.datasets import load_ncf
from skrec.metrics import sampled_leave_one_out


@pytest.fixture(scope="module")
def ncf():
    if not os.environ.get("SKREC_DATA"):
        pytest.skip("SKREC_DATA does not say where the real data lie")
    return load_ncf(Path(os.environ["SKREC_DATA"]) / "ml-1m-ncf")


@pytest.mark.parametrize(
    ("model", "hit_rate", "ndcg"),
    [
        (PopularityRecommender(), 0.4533, 0.2542),
        (ItemKNNRecommender(n_neighbors=111, weighting="bm25", shrinkage=298), 0.6694, 0.3979),
        (UserKNNRecommender(n_neighbors=516, weighting="bm25", shrinkage=0, neighborhood="reverse"), 0.6606, 0.3951),
        (EASERecommender(regularization=1320), 0.7192, 0.4494),
    ],
    ids=["popularity", "neighbors of items", "neighbors of users", "EASE"],
)
def test_ncf_protocol_gives_the_numbers_of_ferrari_dacrema_et_al(ncf, model, hit_rate, ndcg):
    found = sampled_leave_one_out(model.fit(ncf.train), ncf.users, ncf.positives, ncf.negatives)
    assert found == {"hit_rate": pytest.approx(hit_rate, abs=0.002), "ndcg": pytest.approx(ndcg, abs=0.002)}


def test_biased_mf_predicts_ratings_better_than_published_svd(movielens_100k):
    """Surprise's SVD has an RMSE of .951 on u1, the harder one of the official folds; benchmarks/reproduce.py has all five."""
    train, test = movielens_100k.folds[0]
    ratings = movielens_100k.interactions
    model = MFRecommender(
        loss="mse",
        y_range=(0, 5.5),
        n_factors=50,
        batch_size=256,
        max_epochs=5,
        lr_schedule="one_cycle",
        learning_rate=1e-2,
        regularization=0.07,
        random_state=0,
    ).fit(ratings[train])
    assert root_mean_squared_error(ratings[test].values, model.predict(ratings[test]).clip(1, 5)) < 0.93
