"""The checks themselves: each catches a model that breaks its promise."""

from pathlib import Path

import broken_answers
import broken_learning
import pytest

from skrec import testing

CAUGHT = broken_answers.CAUGHT + broken_learning.CAUGHT
SHOWN = broken_answers.SHOWN + broken_learning.SHOWN


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Some of the models leave files where they stand."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("broken", "check"), CAUGHT)
def test_broken_promise_is_caught(broken, check):
    with pytest.raises(AssertionError):
        check(broken(regularization=1.0))


@pytest.mark.parametrize(("broken", "check", "error"), SHOWN)
def test_broken_promise_shows_its_own_error(broken, check, error):
    with pytest.raises(error):
        check(broken(regularization=1.0))


def test_every_check_can_fail():
    assert {check for _, check, *_ in CAUGHT + SHOWN} == set(testing.recommender_checks())


def test_every_check_is_in_the_list_once():
    names = [name for name in dir(testing) if name.startswith("check_")]
    assert [check.__name__ for check in testing.recommender_checks()] == names
    assert {"recommender_checks", "parametrize_recommender_checks", *names} <= set(testing.__all__)


def test_every_check_is_on_the_page_about_them():
    page = Path(__file__).parents[1].joinpath("docs", "testing.md").read_text("utf-8")
    names = [check.__name__.removeprefix("check_") for check in testing.recommender_checks()]
    assert [name for name in names if f"`{name}`" not in page] == []
