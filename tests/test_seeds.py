"""The parameter ``random_state``: whoever takes one takes an int, a RandomState, a Generator and None."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from skrec import ALSRecommender, BPRRecommender, MFRecommender, PopularityRecommender, RandomRecommender, compare
from skrec.data._random import draw_seed
from skrec.datasets import make_interactions
from skrec.features import text_vectors
from skrec.metrics import bootstrap_interval
from skrec.model_selection import RandomHoldout, UserKFold, train_test_split

LIKES = sp.csr_array((np.random.default_rng(0).random((12, 9)) < 0.5).astype(np.float32))
FRAME = pd.DataFrame({"user": np.repeat(np.arange(8), 6), "item": np.arange(48) * 7 % 11})
TEXTS = [f"robots {word} and {word}" for word in "abcdefgh"]

DRAWS = {
    "RandomHoldout": lambda seed: next(RandomHoldout(random_state=seed).split(FRAME))[1],
    "UserKFold": lambda seed: next(UserKFold(2, random_state=seed).split(FRAME))[1],
    "train_test_split": lambda seed: train_test_split(FRAME, random_state=seed)[1].to_numpy(),
    "bootstrap_interval": lambda seed: bootstrap_interval(np.arange(50.0), random_state=seed),
    "make_interactions": lambda seed: make_interactions(9, 9, density=0.5, random_state=seed).interactions.items,
    "compare": lambda seed: compare([PopularityRecommender()], FRAME, ["recall@3"], random_state=seed)["recall@3"],
    "text_vectors": lambda seed: text_vectors(2, random_state=seed).fit_transform(TEXTS),
    "Random": lambda seed: RandomRecommender(random_state=seed).fit(LIKES).recommend().scores,
    "ALS": lambda seed: ALSRecommender(n_factors=3, n_jobs=1, random_state=seed).fit(LIKES).item_embeddings_,
    "BPR": lambda seed: BPRRecommender(n_factors=3, max_epochs=2, random_state=seed).fit(LIKES).item_embeddings_,
    "MF": lambda seed: MFRecommender(n_factors=3, max_epochs=1, random_state=seed).fit(LIKES).item_embeddings_,
}


@pytest.mark.parametrize("make", [int, np.int64, np.random.RandomState, np.random.default_rng], ids=lambda make: make.__name__)
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_equal_seeds_of_every_kind_draw_alike(draw, make):
    np.testing.assert_array_equal(draw(make(3)), draw(make(3)))


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_none_is_a_seed(draw):
    draw(None)


def test_a_generator_draws_on_and_a_clone_has_one_of_its_own():
    model = RandomRecommender(random_state=np.random.default_rng(0))
    copy = clone(model)
    first, second = (model.fit(LIKES).seed_ for _ in range(2))
    assert first != second
    assert copy.fit(LIKES).seed_ == first


def test_an_int_and_a_random_state_draw_the_seeds_of_scikit_learn():
    assert draw_seed(5) == draw_seed(np.random.RandomState(5)) == np.random.RandomState(5).randint(2**31 - 1)


def test_an_interrupted_fit_goes_on_with_the_same_generator(tmp_path):
    model = MFRecommender(n_factors=3, max_epochs=2, random_state=np.random.default_rng(0), checkpoint_dir=tmp_path)
    model.fit(LIKES)
    model.set_params(random_state=np.random.default_rng(0)).fit(LIKES)
    assert len(list(tmp_path.iterdir())) == 1
    model.fit(LIKES)
    assert len(list(tmp_path.iterdir())) == 2  # the generator has moved on
