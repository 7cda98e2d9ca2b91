"""The lists of files in `docs/architecture.md` are those that a traced call enters, in this order. Limits of size.

The limits are what has been reached. They may be lowered, and are raised only for a good reason.
"""

import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

import skrec
from skrec import ALSRecommender, MFRecommender, NewsRecommender, SASRecRecommender

PACKAGE = Path(skrec.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text("utf-8")
MOST_FILES = {"fit": 51, "recommend": 44}
MOST_METHODS_AT_SEVERAL_LEVELS = {MFRecommender: 11, SASRecRecommender: 10, NewsRecommender: 17, ALSRecommender: 8}
LIKES = csr_array(np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8))


def documented(call):
    """For each file in the list of a call, the functions that are named beside it."""
    block = re.search(rf"^```{call}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
    lines = (line.split(None, 1) for line in block.splitlines())
    return {file: functions.split(", ") for file, functions in lines}


def traced(call):
    """For each file of the package that a call enters, in order, the functions that it enters there."""
    entered = {}

    def note(frame, event, _):
        file = Path(frame.f_code.co_filename)
        if event == "call" and PACKAGE in file.parents:
            entered.setdefault(file.relative_to(PACKAGE).as_posix(), set()).add(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return entered


@pytest.fixture(scope="module")
def calls():
    model = MFRecommender(n_factors=2, max_epochs=2, solver="gradient", random_state=0)
    model.fit(LIKES).recommend(LIKES[:2], k=2)  # imports come before
    return {"fit": traced(lambda: model.fit(LIKES)), "recommend": traced(lambda: model.recommend(LIKES[:2], k=2))}


@pytest.mark.parametrize("call", ["fit", "recommend"])
def test_the_documented_way_is_that_of_the_call(calls, call):
    assert list(documented(call)) == list(calls[call])
    missing = {file: set(names) - calls[call][file] for file, names in documented(call).items()}
    assert {file: names for file, names in missing.items() if names} == {}


@pytest.mark.parametrize("call", MOST_FILES)
def test_a_call_of_matrix_factorization_enters_few_files(calls, call):
    assert len(calls[call]) <= MOST_FILES[call]


def methods_at_several_levels(estimator):
    """Names of methods that several of our classes define, including properties and generated constructors."""
    classes = [cls for cls in estimator.__mro__ if cls.__module__.startswith("skrec")]
    kinds = (property, staticmethod, classmethod)
    members = ((name, value) for cls in classes for name, value in vars(cls).items())
    counts = Counter(name for name, value in members if callable(value) or isinstance(value, kinds))
    return sorted(name for name, count in counts.items() if count > 1)


@pytest.mark.parametrize(("estimator", "most"), MOST_METHODS_AT_SEVERAL_LEVELS.items())
def test_few_methods_are_defined_at_several_levels(estimator, most):
    names = methods_at_several_levels(estimator)
    assert len(names) <= most, names
