"""The files of the NCF paper, read as published; tests/test_bad_files.py has what is refused."""

import numpy as np
import pytest

from skrec.datasets import load_ncf

FILES = {
    "tiny.train.rating": "0\t2\t5\t978300019\n0\t0\t3\t978300760\n1\t1\t4\t978301968\n",
    "tiny.test.rating": "0\t3\t4\t978824351\n1\t0\t1\t978300174\n",
    "tiny.test.negative": "(0,3)\t1\t4\n(1,0)\t2\t2\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_published_files_are_read(folder):
    data = load_ncf(folder, "tiny")
    assert data.train.users.tolist() == [0, 0, 1]
    assert data.train.items.tolist() == [2, 0, 1]
    assert data.train.timestamps.tolist() == [978300019, 978300760, 978301968]
    assert data.users.tolist() == [0, 1]
    assert data.positives.tolist() == [3, 0]
    assert data.negatives.tolist() == [[1, 4], [2, 2]]


def test_ratings_are_not_used(folder):
    assert load_ncf(folder, "tiny").train.values.tolist() == [1, 1, 1]


def test_the_frame_holds_the_test_files_too(folder):
    train = load_ncf(folder, "tiny").train
    assert (train.n_users, train.n_items) == (2, 5)


def test_events_without_timestamps_keep_the_order_of_their_lines(folder):
    (folder / "tiny.train.rating").write_text("0\t2\t1\n0\t0\t1\n")
    assert load_ncf(folder, "tiny").train.time_order().tolist() == [0, 1]


def test_pairs_in_an_archive_stand_in_for_the_training_file(folder):
    (folder / "tiny.train.rating").unlink()
    np.savez(folder / "train_pairs.npz", user=[0, 0, 1], item=[2, 0, 1], time_rank=[1, 0, 0])
    train = load_ncf(folder, "tiny").train
    assert train.items.tolist() == [2, 0, 1]
    assert train[train.users == 0].time_order().tolist() == [1, 0]
