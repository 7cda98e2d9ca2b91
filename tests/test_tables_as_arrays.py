"""Arrays of events, which are refused, and matrices of few items, which are not."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skrec.data import check_interactions

RNG = np.random.default_rng(0)
N = 400
USERS, ITEMS = np.divmod(RNG.permutation(60 * 90)[:N], 90)
STARS, COUNTS, TIMES = RNG.integers(1, 6, N), 1 + RNG.poisson(20, N), RNG.integers(8e8, 9e8, N)
RECORDS = np.rec.fromarrays([USERS, ITEMS, STARS / 2], names="user,film,stars")

TABLES = {
    "pairs": np.c_[USERS, ITEMS],
    "pairs of floats": np.c_[USERS, ITEMS].astype(float),
    "ratings": np.c_[USERS, ITEMS, STARS],
    "half ratings": np.c_[USERS, ITEMS, STARS / 2],
    "counts": np.c_[USERS, ITEMS, COUNTS],
    "ones": np.c_[USERS, ITEMS, np.ones(N)],
    "times": np.c_[USERS, ITEMS, TIMES],
    "ratings and times": np.c_[USERS, ITEMS, STARS, TIMES],
    "ratings and milliseconds": np.c_[USERS, ITEMS, STARS, TIMES * 1000],
    "large identifiers": np.c_[USERS + 10**7, ITEMS + 10**6, STARS],
    "float32": np.c_[USERS, ITEMS, STARS].astype(np.float32),
    "few events with times": np.array([[0, 1, 5, 881250949], [1, 0, 3, 881250950]]),
    "few events": np.array([[1, 10, 5.0], [1, 11, 3.0]]),
    "every user has every item": np.c_[np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6), np.tile([1, 2, 3], 10)],
    "events that occur again": np.repeat(np.c_[USERS, ITEMS, np.ones(N)], 2, axis=0),
    "plays of pairs that occur again": np.c_[RNG.integers(0, 60, N), RNG.integers(0, 25, N), COUNTS],
    "plays sorted by user": np.c_[np.sort(RNG.integers(0, 60, N)), RNG.integers(0, 60, N), COUNTS],
    "plays sorted by day": np.c_[RNG.zipf(2, N), 5 + RNG.zipf(2, N), COUNTS, np.sort(RNG.integers(0, 300, N))],
    "seconds of pairs that occur again": np.c_[RNG.zipf(2, N) + 10, RNG.zipf(2, N), RNG.gamma(1, 200, N)],
    "objects": np.c_[USERS, ITEMS, STARS].astype(object),
    "a list of lists": np.c_[USERS, ITEMS, STARS].tolist(),
    "tuples": [(0, 1, 1.0), (1, 0, 1.0)],
    "tuples with words": [("ann", "Alien", 5), ("bob", "Brazil", 3)],
    "named tuples": list(pd.DataFrame({"user": [0, 1], "item": [1, 0]}).itertuples(index=False)),
    "records": RECORDS,
    "a structured array": np.array([(0, 1)], dtype=[("user", int), ("item", int)]),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_array_of_events_is_refused(table):
    with pytest.raises(ValueError, match=r"X is an (integer )?array of .*, which looks like \(user, .*\. Pass a DataFrame"):
        check_interactions(table)


MATRICES = {
    "ratings of a few": np.array([[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 0, 4], [0, 1, 5, 4]]),
    "all ratings": RNG.integers(1, 6, (30, 3)),
    "all ratings from 1 to 10": RNG.integers(1, 11, (200, 4)).astype(float),
    "ratings of two items": np.array([[5.0, 3.0], [4.0, 0.0], [1.0, 1.0]]),
    "clicks": (RNG.random((100, 3)) < 0.5).astype(int),
    "clicks on two items": np.eye(2),
    "play counts with gaps": RNG.poisson(30, (100, 3)) * (RNG.random((100, 3)) < 0.6),
    "play counts": RNG.poisson(30, (400, 3)),
    "percentages": RNG.integers(0, 101, (1000, 3)),
    "heavy tails": np.minimum(RNG.zipf(1.5, (1000, 4)), 10**6),
    "play counts of two groups of users": np.r_[RNG.poisson(3, (200, 3)), RNG.poisson(40, (200, 3))],
    "block of plays": np.kron(np.eye(3), np.full((30, 1), 20)),
    "fractions": RNG.normal(size=(20, 3)),
    "numbers up to 20": (20 * RNG.random((20, 5))).astype(int),
    "ones": np.ones((10, 4)),
    "one user": np.array([[1, 10, 5]]),
    "lists": [[1, 10, 5], [0, 0, 3]],
    "a wide matrix": np.c_[USERS, ITEMS, STARS, TIMES, STARS, STARS],
    "a sparse matrix": sp.csr_array(np.c_[USERS, ITEMS, STARS]),
    "rows of records' width, as a tuple": ([1, 0, 2], [0, 3, 0]),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_a_matrix_of_few_items_is_read(matrix):
    assert check_interactions(matrix).n_items >= 2


@pytest.mark.parametrize("n_rows", [30, 300, 3000])
def test_matrices_of_counts_with_repeated_rows_are_read(n_rows):
    for seed in range(30):
        rng = np.random.default_rng(seed)
        for matrix in (
            rng.poisson(30, (n_rows, 3)) * (rng.random((n_rows, 3)) < 0.5),
            rng.geometric(0.1, (n_rows, 4)) * (rng.random((n_rows, 4)) < 0.6),
            np.floor(rng.gamma(1, 20, (n_rows, 5))) * (rng.random((n_rows, 5)) < 0.7),
        ):
            assert check_interactions(matrix).n_items == matrix.shape[1]
