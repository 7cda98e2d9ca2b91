"""What several test files share."""

import os

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

# An example's time says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", settings(), deadline=None, derandomize=True)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def movielens_100k():
    """MovieLens 100K as published: skipped where SKREC_DATA is unset, an error where it is set to a wrong place."""
    if not os.environ.get("SKREC_DATA"):
        pytest.skip("SKREC_DATA does not say where the real data lie")
    from skrec.datasets import fetch_movielens

    return fetch_movielens("100k", download=False)


@pytest.fixture(scope="module")
def one_thread():
    """Tiny models are slower on several threads, by far where other processes want the cores too."""
    with threadpool_limits(1):
        yield
