"""The benchmarks' settings can be made, and are what the tables are measured with."""

import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from settings import GRIDS, PUBLISHED, ROWS, make

NAMES = [(table, name) for table, rows in ROWS.items() for name in rows]


@pytest.mark.parametrize(("table", "name"), NAMES)
def test_a_row_is_an_unfitted_estimator_of_the_class_that_it_is_named_after(table, name):
    first, second = make(table, name), make(table, name)
    assert isinstance(first, BaseEstimator) and type(first).__name__ == name.partition("-")[0]
    assert first is not second and not [attribute for attribute in vars(first) if attribute.endswith("_")]


@pytest.mark.parametrize(
    ("table", "name", "words"), [("netflix", "x", "table must be one of"), ("gowalla", "x", "name must be")]
)
def test_what_is_not_there_is_refused(table, name, words):
    with pytest.raises(ValueError, match=words):
        make(table, name)


def test_grids_and_published_figures_belong_to_rows():
    assert set(GRIDS) <= set(NAMES)
    assert {(table, name) for table, rows in PUBLISHED.items() for name in rows} <= set(NAMES)
