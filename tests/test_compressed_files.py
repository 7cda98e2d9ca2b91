"""Compressed files: a limit on what they unpack to, and damage, for every reader of such files."""

import gzip
import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from small_movielens import RATINGS, files_100k, in_folder, save, zipped
from test_amazon_files import OTHER, RATINGS_ALONE, REVIEW_2023, as_lines
from test_ncf_files import FILES as NCF_FILES

from skrec.data import Interactions
from skrec.data._compressed import open_binary
from skrec.datasets import _lines, fetch_movielens, load_amazon, load_ncf, load_sasrec


def load_pairs(folder, **keywords):
    for name, text in NCF_FILES.items():
        if "train" not in name:
            (folder / name).write_text(text)
    return load_ncf(folder, "tiny", **keywords).train


def pairs(n: int = 3) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: np.zeros(n, np.int64) for name in ("user", "item", "time_rank")})
    return buffer.getvalue()


def repeated(text: str, times: int) -> bytes:
    """A gzip file of a hundred million bytes or so, quickly made."""
    return gzip.compress(text.encode() * (1_000_000 // len(text))) * times


# file, a small one's content, the content of one that unpacks to a hundred million bytes, how it is read
READERS = {
    "a table": ("plays.csv.gz", gzip.compress(b"user,item\nann,x\n"), repeated("user,item\n", 100), Interactions.from_csv),
    "Amazon reviews": ("reviews.json.gz", gzip.compress(as_lines(OTHER).encode()), repeated("[", 100), load_amazon),
    "reviews of 2023": (
        "Books.jsonl.gz", gzip.compress(as_lines(REVIEW_2023).encode()), repeated(as_lines(REVIEW_2023), 100), load_amazon
    ),
    "Amazon ratings": (
        "ratings.csv.gz", gzip.compress(RATINGS_ALONE["2014"][1].encode()),
        repeated("AAAAAAAAAAAA,0000000000,5.0,1\n", 100), load_amazon,
    ),
    "sequences": ("Video.txt.gz", gzip.compress(b"1 2\n"), repeated("1 2\n", 100), load_sasrec),
    "pairs of the NCF paper": (
        "train_pairs.npz", pairs(), pairs(5_000_000), lambda path, **options: load_pairs(path.parent, **options)
    ),
}  # fmt: skip


@pytest.fixture(params=READERS)
def reader(request, tmp_path):
    """Where a small file lies, and how it is read."""
    name, small, _, load = READERS[request.param]
    path = tmp_path / name
    path.write_bytes(small)
    return path, load


@pytest.mark.parametrize(
    ("name", "large", "load"), [(name, large, load) for name, _, large, load in READERS.values()], ids=READERS
)
def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, name, large, load):
    path = tmp_path / name
    path.write_bytes(large)
    with pytest.raises(ValueError, match=rf"^{name} has \d+ bytes and unpacks to more than \d+, the limit; a larger max_bytes"):
        load(path)


def test_the_limit_may_be_lowered_and_raised(reader):
    path, load = reader
    with pytest.raises(
        ValueError, match=f"^{path.name} has .* unpacks to more than 3, the limit; a larger max_bytes allows it"
    ):
        load(path, max_bytes=3)
    load(path, max_bytes=10**12)


@pytest.mark.parametrize(
    ("limit", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("1", TypeError), (True, TypeError)]
)
def test_a_limit_that_is_none_is_refused_by_name(reader, limit, error):
    path, load = reader
    with pytest.raises(error, match=r"^max_bytes must be an integer of at least 1 or None, got "):
        load(path, max_bytes=limit)


def test_a_file_of_moderate_size_needs_no_limit(tmp_path):
    (tmp_path / "Video.txt.gz").write_bytes(gzip.compress(b"1 2\n" * 1000))  # to a hundredth
    assert len(load_sasrec(tmp_path / "Video.txt.gz")) == 1000


def test_a_file_that_is_not_compressed_has_no_limit(tmp_path):
    (tmp_path / "Video.txt").write_text("1 2\n" * 1000)
    assert len(load_sasrec(tmp_path / "Video.txt", max_bytes=10)) == 1000


def test_several_parts_in_one_gzip_file_are_one_text(tmp_path):
    (tmp_path / "Video.txt.gz").write_bytes(gzip.compress(b"1 2\n1") + gzip.compress(b" 3\n"))
    assert load_sasrec(tmp_path / "Video.txt.gz").to_frame()["item"].tolist() == [2, 3]


MEASURED = """
import sys
from pathlib import Path
from skrec.data import Interactions
from skrec.datasets import load_amazon

def largest_size():  # not ru_maxrss, which a process inherits
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

before = largest_size()
for path in sys.argv[1:]:
    try:
        Interactions.from_csv(path) if "plays" in path else load_amazon(path)
    except ValueError:
        print(largest_size() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_refusal_takes_little_memory(tmp_path):
    paths = [tmp_path / name for name in ("plays.csv.gz", "reviews.json.gz", "ratings.csv.gz")]
    for path in paths:
        path.write_bytes(repeated("A", 300))
    grown = subprocess.check_output([sys.executable, "-c", MEASURED, *paths], text=True).split()
    assert len(grown) == 3 and max(map(int, grown)) < 30_000  # kB


def test_a_line_without_end_is_refused_by_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(_lines, "MAX_LINE_BYTES", 100)
    (tmp_path / "Video.txt").write_text("1 2\n" + "1" * 1000)
    with pytest.raises(ValueError, match=r"^Video\.txt, line 2: longer than 100 bytes"):
        load_sasrec(tmp_path / "Video.txt")


def test_a_broken_off_file_is_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "Video.txt.gz"
    path.write_bytes(gzip.compress(b"not a number\n" + os.urandom(1000))[:-20])
    with pytest.raises(ValueError, match=r"^Video\.txt\.gz cannot be unpacked: "):
        load_sasrec(path)


def test_errors_of_the_file_system_pass(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Video\.txt\.gz"):
        open_binary(tmp_path / "Video.txt.gz")
    (tmp_path / "folder.gz").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.gz"):
        open_binary(tmp_path / "folder.gz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "Video.txt.gz")
    with pytest.raises(ValueError, match=r"Video\.txt\.gz is not a regular file, as a compressed file must be"):
        load_sasrec(tmp_path / "Video.txt.gz")


# ---- zip archives ----------------------------------------------------------------------------------------------------


def npy(*, shape: str = "(3,)", descr: str = "<i8", numbers: bytes = bytes(24)) -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + numbers


def pairs_with(user: bytes, **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in {"user": user, "item": npy(), "time_rank": npy()}.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def encrypted(content: bytes) -> bytes:
    """Every member is marked as encrypted, at its own head and in the directory."""
    for head, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        parts = content.split(head)
        content = head.join([parts[0], *(part[: place - 4] + b"\x01" + part[place - 3 :] for part in parts[1:])])
    return content


def by_method(content: bytes, method: int) -> bytes:
    for head, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        parts = content.split(head)
        content = head.join([parts[0], *(part[: place - 4] + bytes([method]) + part[place - 3 :] for part in parts[1:])])
    return content


def twice() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        for name in ("user", "item", "time_rank", "user"):
            archive.writestr(f"{name}.npy", npy())
    return buffer.getvalue()


HUGE = (10**9).to_bytes(4, "little")
SOUND = pairs_with(npy())
ODD = {
    "a shape beyond any memory": (lambda: pairs_with(npy(shape="(100000000000,)")), "declares 100000000000 values of int64"),
    "a shape beyond int64": (lambda: pairs_with(npy(shape=f"({2**70},)")), "array 'user': "),
    "too few numbers": (lambda: pairs_with(npy(numbers=bytes(16))), "declares 3 values of int64, but the data have 16 bytes"),
    "too many numbers": (lambda: pairs_with(npy(numbers=bytes(32))), "declares 3 values of int64, but the data have 32 bytes"),
    "a shape below 0": (lambda: pairs_with(npy(shape="(-3,)")), "array 'user': "),
    "objects": (lambda: pairs_with(npy(descr="|O")), "array 'user': "),
    "a header of nonsense": (lambda: pairs_with(npy(descr="((((")), "array 'user': "),
    "a header that is not closed": (lambda: pairs_with(npy(shape="('")), "array 'user': "),
    "a header nested without end": (lambda: pairs_with(npy(shape="(" * 5000)), "array 'user': "),
    "a header of unknown version": (lambda: pairs_with(npy().replace(b"NUMPY\x01", b"NUMPY\x09")), "array 'user': "),
    "encrypted": (lambda: encrypted(SOUND), " is encrypted, password required"),
    "an unknown method": (lambda: by_method(SOUND, 99), "is not a valid zip archive: "),
    "compressed otherwise than said": (lambda: by_method(SOUND, zipfile.ZIP_LZMA), "is not a valid zip archive: "),
    "a member twice": (twice, "is not a valid zip archive: it has more than one member 'user.npy'"),
    "a size that is not so": (
        lambda: SOUND.replace(len(npy()).to_bytes(4, "little"), HUGE), "unpacks to more than 67108864, the limit"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "words"), ODD.values(), ids=ODD)
def test_an_odd_archive_is_refused_by_name(tmp_path, make, words):
    (tmp_path / "train_pairs.npz").write_bytes(make())
    with pytest.raises(ValueError) as caught:
        load_pairs(tmp_path)
    assert "train_pairs.npz" in str(caught.value) and words in str(caught.value)


def test_numbers_of_other_widths_and_byte_orders_are_read(tmp_path):
    for dtype in (">i8", "<u2", "|i1", "<u8"):
        np.savez(tmp_path / "train_pairs.npz", **{name: np.array([1, 0], dtype) for name in ("user", "item", "time_rank")})
        assert load_pairs(tmp_path).users.tolist() == [1, 0]


@pytest.mark.parametrize("damage", [encrypted, lambda content: by_method(content, 99)])
def test_an_odd_archive_of_movielens_is_refused_by_name(declare_official, empty_cache, damage):
    content = damage(zipped(in_folder("ml-100k", files_100k())))
    save(empty_cache, {"ml-100k.zip": declare_official("100k", content)})
    with pytest.raises(ValueError, match=r"ml-100k\.zip is not a valid zip archive: "):
        fetch_movielens("100k", download=False)


def test_only_the_wanted_members_are_unpacked(declare_official, empty_cache):
    members = in_folder("ml-100k", files_100k()) | {"ml-100k/tags.csv": bytes(100_000_000)}
    save(empty_cache, {"ml-100k.zip": declare_official("100k", zipped(members))})
    assert len(fetch_movielens("100k", download=False).frame) == len(RATINGS)
