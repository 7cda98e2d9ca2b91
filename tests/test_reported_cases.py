"""Inputs that people reported, and the right answer to each."""

import gzip
import io
import json
import zipfile

import numpy as np
import pytest

from skrec.data import Interactions
from skrec.datasets import fetch_movielens, load_amazon, load_lightgcn, load_ncf

# ---- What a machine does to it: files --------------------------------------------------------------------------------

ZEROS = gzip.compress(bytes(1_000_000))  # a thousandth of its content


def test_a_gzip_file_of_one_megabyte_that_unpacks_to_a_gigabyte_is_refused(tmp_path):
    (tmp_path / "reviews.json.gz").write_bytes(ZEROS * 1000)
    with pytest.raises(ValueError, match=r"^reviews\.json\.gz has \d+ bytes and unpacks to more than \d+, the limit; a larger"):
        load_amazon(tmp_path / "reviews.json.gz")


def test_a_gzipped_table_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path):
    (tmp_path / "plays.csv.gz").write_bytes(gzip.compress(b"user,item\n" + b"ann,x\n" * 12_000_000))
    with pytest.raises(
        ValueError, match=r"^plays\.csv\.gz has \d+ bytes and unpacks to more than 67108864, the limit; a larger"
    ):
        Interactions.from_csv(tmp_path / "plays.csv.gz")


def test_what_a_gzip_file_may_unpack_to_can_be_said(tmp_path):
    (tmp_path / "plays.csv.gz").write_bytes(gzip.compress(b"user,item\n" + b"ann,x\n" * 100))
    with pytest.raises(ValueError, match="unpacks to more than 500, the limit; a larger max_bytes allows it"):
        Interactions.from_csv(tmp_path / "plays.csv.gz", max_bytes=500)
    assert len(Interactions.from_csv(tmp_path / "plays.csv.gz", max_bytes=1000)) == 100


@pytest.fixture
def split(tmp_path):
    """The test files of a leave-one-out split, whose training file is an archive yet to be written."""
    (tmp_path / "ml-1m.test.rating").write_text("0\t3\t4\t978824351\n")
    (tmp_path / "ml-1m.test.negative").write_text("(0,3)\t1\t4\n")
    return tmp_path


def npy(shape: int) -> bytes:
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({shape},), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)


def archive_of(shape: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("user", "item", "time_rank"):
            archive.writestr(f"{name}.npy", npy(shape))
    return buffer.getvalue()


def test_an_archive_of_arrays_that_unpacks_to_far_more_than_its_size_is_refused(split):
    zeros = np.zeros(4_000_000, np.int64)
    np.savez_compressed(split / "train_pairs.npz", user=zeros, item=zeros, time_rank=zeros)
    with pytest.raises(
        ValueError, match=r"^train_pairs\.npz has \d+ bytes and unpacks to more than 67108864, the limit; a larger"
    ):
        load_ncf(split)
    assert len(load_ncf(split, max_bytes=10**8).train) == 4_000_000


def test_an_array_that_claims_more_numbers_than_it_has_is_refused(split):
    (split / "train_pairs.npz").write_bytes(archive_of(10**13))
    with pytest.raises(ValueError, match=r"^train_pairs\.npz, array 'user': its header announces 10000000000000 numbers"):
        load_ncf(split)


def test_an_encrypted_archive_is_refused_by_name(split):
    content = archive_of(1)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start, *members = content.split(mark)
        content = start + b"".join(mark + member[: place - 4] + b"\x01" + member[place - 3 :] for member in members)
    (split / "train_pairs.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"train_pairs\.npz is not a sound zip archive: .* is encrypted"):
        load_ncf(split)


@pytest.mark.parametrize("damage", [lambda sound: sound[:-10], lambda sound: sound[:-8] + b"wxyz" + sound[-4:]])
def test_a_gzip_file_that_is_broken_off_or_has_another_checksum_is_refused_by_name(tmp_path, damage):
    (tmp_path / "plays.csv.gz").write_bytes(damage(gzip.compress(b"user,item\nann,x\nbob,y\n")))
    with pytest.raises(ValueError, match=r"^plays\.csv\.gz cannot be unpacked: "):
        Interactions.from_csv(tmp_path / "plays.csv.gz")


@pytest.mark.parametrize("line", [f"1 {2**64}", f"{2**64} 1"])
def test_a_number_beyond_int64_is_refused_by_file_and_line(tmp_path, line):
    (tmp_path / "train.txt").write_text(f"0 1\n{line}\n")
    (tmp_path / "test.txt").write_text("0 2\n")
    with pytest.raises(ValueError, match=r"^train\.txt, line 2: expected a user and items"):
        load_lightgcn(tmp_path)


# ---- Silence where a word is due: loaders ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["10m", "20m", "25m", "32m"])
def test_the_large_releases_of_movielens_are_read_by_the_same_call(small_releases, empty_cache, name):
    empty_cache.mkdir()
    (empty_cache / f"ml-{name}.zip").write_bytes(small_releases[name])
    films = fetch_movielens(name, download=False)
    assert films.frame["rating"].tolist() == [4.5, 2.5, 0.5, 4, 2]
    assert films.items["genres"].iloc[0] == ("Action",) and films.name == f"ml-{name}"


def test_amazon_reviews_of_2018_are_read_with_and_without_their_texts(tmp_path):
    review = {
        "reviewerID": "A1V6B6TNIC10QE",
        "asin": "0143026860",
        "overall": 4.0,
        "verified": True,
        "unixReviewTime": 1424304000,
    }
    (tmp_path / "Books.json.gz").write_bytes(gzip.compress(json.dumps(review).encode() + b"\n"))
    (tmp_path / "Books.csv").write_text("0143026860,A1V6B6TNIC10QE,4.0,1424304000\n")  # the item comes first
    for name in ("Books.json.gz", "Books.csv"):
        events = load_amazon(tmp_path / name).interactions.to_frame()
        assert events.to_numpy().tolist() == [["A1V6B6TNIC10QE", "0143026860", 4.0, 1424304000]]


def test_amazon_reviews_of_2023_are_read_with_and_without_their_texts(tmp_path):
    review = {
        "user_id": "AGKASBHYZPGT",
        "asin": "B006GBITXD",
        "parent_asin": "B006GBITXC",
        "rating": 3.0,
        "timestamp": 1452647382000,
    }
    (tmp_path / "Toys.jsonl.gz").write_bytes(gzip.compress(json.dumps(review | {"title": "fine", "text": "so so"}).encode()))
    (tmp_path / "Toys.csv").write_text("user_id,parent_asin,rating,timestamp\nAGKASBHYZPGT,B006GBITXC,3.0,1452647382000\n")
    for name in ("Toys.jsonl.gz", "Toys.csv"):
        events = load_amazon(tmp_path / name).interactions.to_frame()
        assert events.to_numpy().tolist() == [["AGKASBHYZPGT", "B006GBITXC", 3.0, 1452647382000]]
