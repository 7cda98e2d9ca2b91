"""The sequence files of the SASRec paper."""

import os
from pathlib import Path

import numpy as np
import pytest

from skrec.datasets import load_sasrec


@pytest.fixture
def path(tmp_path):
    return tmp_path / "Video.txt"


def test_labels_are_the_numbers_and_times_the_places_in_a_sequence(path):
    path.write_text("1 30\n1 7\n3 7\n1 30\n")
    X = load_sasrec(path)
    assert X.to_frame().to_numpy().tolist() == [[1, 30, 1, 0], [1, 7, 1, 1], [3, 7, 1, 0], [1, 30, 1, 2]]
    assert (X.user_ids.tolist(), X.item_ids.tolist()) == ([1, 3], [7, 30])


BROKEN = {
    "a blank line": ("\n", "expected a user and an item, got 0 fields"),
    "a field too many": ("1 2 3\n", "expected a user and an item, got 3 fields"),
    "broken off": ("1", "expected a user and an item, got 1 fields"),
    "a word": ("ann 2\n", "expected an integer >= 1, got 'ann'"),
    "the item 0": ("1 0\n", "expected an integer >= 1, got '0'"),
    "the user 0": ("0 1\n", "expected an integer >= 1, got '0'"),
    "beyond int64": (f"1 {10**19}\n", "expected an integer >= 1, got '1000"),
    "other digits": ("1 ٣\n", "expected an integer >= 1, got '٣'"),
}


@pytest.mark.parametrize(("line", "words"), BROKEN.values(), ids=BROKEN)
def test_a_malformed_line_is_refused_by_file_and_line(path, line, words):
    path.write_text("1 2\n" + line, encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        load_sasrec(path)
    assert str(caught.value).startswith("Video.txt, line 2: " + words)


def test_an_empty_file_no_file_and_no_path_are_refused_by_name(path):
    with pytest.raises(FileNotFoundError, match=r"Video\.txt"):
        load_sasrec(path)
    path.write_text("")
    with pytest.raises(ValueError, match=r"^Video\.txt is empty"):
        load_sasrec(path)
    with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike, got None"):
        load_sasrec(None)


@pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA does not say where the data lie")
def test_the_published_sequences_are_read_whole():
    path = Path(os.environ["SKREC_DATA"], "sasrec-video", "Video.txt")
    X, official = load_sasrec(path), np.loadtxt(path, dtype=np.int64)
    assert (len(X), X.n_users, X.n_items) == (287_107, 31_013, 23_715)
    assert np.array_equal(np.column_stack([X.user_ids[X.users], X.item_ids[X.items]]), official)
    in_time = X[X.time_order()]
    for user in (0, 31_012):
        assert np.array_equal(in_time.items[in_time.users == user], X.items[X.users == user])
    assert np.array_equal(X.timestamps[X.users == 0], np.arange((X.users == 0).sum()))
