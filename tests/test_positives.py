"""What counts as positive where nothing was said: which values are taken for ratings, and where the warning points."""

import numpy as np
import pytest

from skrec.data import Interactions, positive_mask
from skrec.data._positives import look_like_ratings

RNG = np.random.default_rng(0)


def repeated(levels, counts):
    return np.repeat(np.asarray(levels, np.float32), counts)


RATINGS = {
    "stars, MovieLens 100K": repeated([1, 2, 3, 4, 5], [61, 114, 271, 342, 212]),
    "half stars": repeated(np.arange(1, 11) / 2, [16, 34, 16, 71, 43, 201, 122, 276, 86, 135]),
    "1 to 10": repeated(range(1, 11), [11, 10, 17, 31, 63, 122, 207, 248, 174, 117]),
    "0 to 10": repeated(range(11), [30, 11, 10, 17, 31, 63, 122, 207, 248, 174, 117]),
    "0 to 10, mostly 0 for unrated": repeated(range(11), [1600, 5, 7, 15, 20, 120, 100, 200, 260, 170, 200]),
    "0 to 5 with zeros": repeated(range(6), [300, 61, 114, 271, 342, 212]),
    "1 to 7": repeated(range(1, 8), [20, 30, 50, 90, 110, 80, 40]),
    "steps of ten up to 100": repeated(range(0, 101, 10), [5, 5, 8, 12, 20, 40, 60, 80, 70, 40, 25]),
    "percentages": RNG.integers(0, 101, 5000),
    "five stars or one": repeated([1, 2, 3, 4, 5], [400, 50, 60, 150, 350]),
    "mostly the best": repeated([1, 2, 3, 4, 5], [30, 20, 40, 150, 600]),
    "a few stars, each once": repeated([1, 3, 4, 5], [1, 1, 1, 1]),
    "all stars alike": repeated([1, 2, 3, 4, 5], [20, 20, 20, 20, 20]),
}
OTHERS = {
    "likes and dislikes": repeated([-1, 1], [100, 300]),
    "a scale around zero": RNG.integers(-5, 6, 1000),
    "real numbers around zero": RNG.uniform(-10, 10, 1000),
    "plays, at most 3": repeated([1, 2, 3], [700, 200, 100]),
    "1, 2, 3, each once": repeated([1, 2, 3], [1, 1, 1]),
    "counts from 1 to 5": repeated([1, 2, 3, 4, 5], [450, 250, 150, 100, 50]),
    "counts that fall slowly": repeated([1, 2, 3, 4, 5], [30, 25, 20, 15, 10]),
    "counts, geometric": RNG.geometric(0.3, 1000),
    "counts, cut at 10": np.minimum(RNG.zipf(1.7, 3000), 10),
    "counts around 3": 1 + RNG.poisson(2, 2000),
    "counts with zeros": repeated([0, 1, 2, 3, 4], [500, 300, 100, 40, 10]),
    "binary": repeated([0, 1], [500, 500]),
    "clicks": repeated([1], [100]),
    "a constant": repeated([4], [100]),
    "two values": repeated([1, 5], [100, 100]),
    "seconds": RNG.integers(1, 400, 1000),
    "shares": RNG.random(1000),
    "real numbers up to 5": 5 * RNG.random(1000),
    "zeros": repeated([0], [10]),
    "nothing": repeated([], []),
}


@pytest.mark.parametrize("values", RATINGS.values(), ids=RATINGS)
def test_these_look_like_ratings(values):
    assert look_like_ratings(values.astype(np.float32))


@pytest.mark.parametrize("values", OTHERS.values(), ids=OTHERS)
def test_these_do_not_look_like_ratings(values):
    assert not look_like_ratings(values.astype(np.float32))


@pytest.mark.parametrize("factor", [1, 50])
def test_the_order_and_the_number_of_events_do_not_matter(factor):
    for values in [*RATINGS.values(), *OTHERS.values()]:
        again = np.random.default_rng(1).permutation(np.tile(values, factor)).astype(np.float32)
        assert look_like_ratings(again) == look_like_ratings(values.astype(np.float32))


def test_a_threshold_silences_the_warning():
    stars = Interactions.from_arrays(range(4), range(4), [1, 3, 4, 5])
    with pytest.warns(UserWarning, match="look like ratings"):
        assert positive_mask(stars, None).all()
    assert positive_mask(stars, 4).tolist() == [False, False, True, True]
    assert positive_mask(stars, 0).all()
