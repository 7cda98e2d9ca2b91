"""The files of the LightGCN split."""

import os
from pathlib import Path

import pytest

from skrec.datasets import load_lightgcn


def write(folder, train="0 3 1\n2 0\n", test="0 2\n1 4\n"):
    (folder / "train.txt").write_text(train)
    (folder / "test.txt").write_text(test)
    return folder


def test_a_line_is_a_user_and_their_items_and_both_parts_share_a_frame(tmp_path):
    train, test = load_lightgcn(write(tmp_path))
    assert train.users.tolist() == [0, 0, 2] and train.items.tolist() == [3, 1, 0]
    assert test.users.tolist() == [0, 1] and test.items.tolist() == [2, 4]
    assert (train.n_users, train.n_items) == (test.n_users, test.n_items) == (3, 5)


def test_a_user_without_items_is_part_of_the_frame_only_where_they_have_some_elsewhere(tmp_path):
    train, _ = load_lightgcn(write(tmp_path, train="0 1\n1\n5\n"))
    assert len(train) == 1 and train.n_users == 2


BROKEN = {
    "words": ("0 1\none 2\n", "train.txt, line 2: expected a user and items as integers"),
    "a blank line": ("0 1\n\n2 1\n", "train.txt, line 2: expected a user and items as integers"),
    "fractions": ("0 1.5\n", "train.txt, line 1: expected a user and items as integers"),
    "below zero": ("0 1\n1 -2\n", "train.txt, line 2: expected a user and items as integers >= 0, got '1 -2'"),
    "beyond int64": (f"0 {2**64}\n", "train.txt, line 1: expected a user and items as integers >= 0, got '0 184"),
    "a user beyond int64": (f"{2**64} 0\n", "train.txt, line 1: expected a user and items as integers >= 0"),
    "underscores": ("0 1_0\n", "train.txt, line 1: expected a user and items as integers >= 0, got '0 1_0'"),
    "nothing": ("", "train.txt is empty"),
    "users only": ("0\n1\n", "train.txt has no items"),
}


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_by_file_and_line(tmp_path, text, words):
    with pytest.raises(ValueError) as caught:
        load_lightgcn(write(tmp_path, train=text))
    assert words in str(caught.value)


def test_a_folder_that_is_no_path_is_refused():
    with pytest.raises(TypeError, match=r"folder must be a str or os\.PathLike, got None"):
        load_lightgcn(None)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.txt"):
        load_lightgcn(tmp_path)


@pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA says where the data lie")
def test_gowalla_is_what_its_papers_say():
    train, test = load_lightgcn(Path(os.environ["SKREC_DATA"]) / "gowalla-lightgcn")
    assert (len(train), len(test), train.n_users, train.n_items) == (810_128, 217_242, 29_858, 40_981)
