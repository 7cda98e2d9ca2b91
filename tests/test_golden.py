"""What models must reach on MovieLens 100K: NDCG@10 over the whole catalogue, of a fifth of all likes (4 stars and more).

Those with a test file of their own have their bound there. The popular items have .171.
"""

import pytest

from skrec import ALSRecommender, BPRRecommender, EASERecommender, MFRecommender, NeuMFRecommender, get_scorer
from skrec.model_selection import train_test_split

pytestmark = pytest.mark.usefixtures("one_thread")

AT_LEAST = [
    (EASERecommender(), 0.355),
    (ALSRecommender(n_factors=32, alpha=2, regularization=30, n_jobs=1), 0.35),
    (BPRRecommender(learning_rate=0.03, max_epochs=30), 0.22),
    (MFRecommender(regularization=3, dropout=0.5, batch_size=64, learning_rate=0.02, max_epochs=30), 0.36),
    (MFRecommender(temperature=0.2, batch_size=64), 0.36),
    (NeuMFRecommender(loss="softmax", n_negatives=8, max_epochs=10, regularization=0.06), 0.33),
]


@pytest.mark.parametrize(("model", "at_least"), AT_LEAST, ids=repr)
def test_movielens_is_ranked_well(movielens_100k, model, at_least):
    train, test = train_test_split(movielens_100k.interactions, test_size=0.2, random_state=0)
    model.set_params(positive_from=4)
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    found = get_scorer("ndcg@10", positive_from=4)(model.fit(train), test)
    assert found > at_least
