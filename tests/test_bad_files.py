"""Text files and archives that hold something else than they should: file, content, words."""

import gzip
import io
import zipfile

import numpy as np
import pytest

from skrec.data import Interactions
from skrec.datasets import fetch_movielens, load_ncf

# Text files with a header line: content, keywords, words after the file's name
CSV = {
    "empty": ("", {}, " is empty"),
    "blank lines alone": ("\n\n", {}, " is empty"),
    "a header alone": ("user,item\n", {}, " cannot be read: it has no line after the header"),
    "no header": ("ann,x\nbob,y\n", {}, ", line 1: no column 'user' (user); it has ['ann', 'x']"),
    "other columns": ("who,item\nann,x\n", {}, ", line 1: no column 'user' (user); it has ['who', 'item']"),
    "another separator": ("user;item\nann;x\n", {}, ", line 1: no column 'user' (user); it has ['user;item']"),
    "no such rating": ("user,item\nann,x\n", {"rating": "stars"}, ", line 1: no column 'stars' (rating); it has ['user'"),
    "a column twice": ("user,item,user\nann,x,bob\n", {}, ", line 1: more than one column 'user'"),
    "a field too many": ("user,item\nann,x\nbob,y,z\n", {}, ", line 3: expected 2 fields, got 3"),
    "too many in all lines": ("user,item\nann,x,5\nbob,y,3\n", {}, ", line 2: expected 2 fields, got 3"),
    "broken off": ("user,item,rating\nann,x,5\nbob", {}, ", line 3: expected 3 fields, got 1"),
    "a quote not closed": ('user,item\nann,x\nbob,"y\ncid,z\n', {}, ", line 3: cannot be split into fields (unexpected end"),
    "no user": ("user,item\nann,x\n,y\n", {}, ", line 3: user must be a label, got ''"),
    "a rating in words": ("user,item,rating\nann,x,5\nbob,y,good\n", {}, ", line 3: rating must be a finite number, got 'go"),
    "no rating": ("user,item,rating\nann,x,\n", {}, ", line 2: rating must be a finite number, got ''"),
    "NaN": ("user,item,stars\nann,x,NaN\n", {"rating": "stars"}, ", line 2: stars must be a finite number, got 'NaN'"),
    "infinity": ("user,item,value\nann,x,inf\n", {}, ", line 2: value must be a finite number, got 'inf'"),
    "beyond float32": ("user,item,rating\nann,x,1e39\n", {}, ", line 2: rating must be a finite number, got '1e39'"),
    "a weight below 0": ("user,item,weight\nann,x,-1\n", {}, ", line 2: weight must be a finite number from 0, got '-1'"),
    "a time in words": ("user,item,timestamp\nann,x,1 May 2020\n", {}, ", line 2: timestamp must be a whole number, such as"),
    "half a second": ("user,item,timestamp\nann,x,1\nbob,y,1.5\n", {}, ", line 3: timestamp must be a whole number, such as"),
    "a time beyond int64": ("user,item,timestamp\nann,x,9223372036854775808\n", {}, ", line 2: timestamp must be"),
    "Latin-1": ("user,item\nann,x\nbob,Léon\n".encode("latin-1"), {}, ", line 3: not UTF-8 text"),
    "UTF-16": ("user,item\nann,x\n".encode("utf-16"), {}, ", line 1: not UTF-8 text"),
    "compressed": (b"\x1f\x8b\x08\x00", {}, ", line 1: not UTF-8 text"),
    "a blank line before a fault": ("user,item\n\nann,x\n\nbob\n", {}, ", line 5: expected 2 fields, got 1"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "columns", "words"), CSV.values(), ids=CSV)
def test_a_malformed_text_file_is_refused_by_name_and_line(tmp_path, content, columns, words):
    path = tmp_path / "plays.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as caught:
        Interactions.from_csv(path, **columns)
    assert str(caught.value).startswith("plays.csv" + words)


# Odd, but not bad: content, keywords, the rows of events
ODD_CSV = {
    "words that mean nothing to others": ("user,item\nNA,null\nNone,nan\n", {}, [["NA", "null"], ["None", "nan"]]),
    "words and numbers": ("user,item\n7,x\na,y\n", {}, [["7", "x"], ["a", "y"]]),
    "large numbers": (f"user,item\n{2**63},{2**64}\n7,5\n", {}, [[str(2**63), str(2**64)], ["7", "5"]]),
    "a separator in quotes": ('user,item\nann,"x, y"\n', {}, [["ann", "x, y"]]),
    "a line's end in quotes": ('user,item\nann,"x\ny"\n', {}, [["ann", "x\ny"]]),
    "a byte order mark": ("\ufeffuser,item\nann,x\n", {}, [["ann", "x"]]),
    "Windows": ("user,item\r\nann,x\r\n", {}, [["ann", "x"]]),
    "no last line end": ("user,item\nann,x", {}, [["ann", "x"]]),
    "columns of no interest": ("note,item,note,user\n,x,?,ann\n", {}, [["ann", "x"]]),
    "bars": ("user|item\nann|x\n", {"sep": "|"}, [["ann", "x"]]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "rows"), ODD_CSV.values(), ids=ODD_CSV)
def test_an_odd_text_file_is_read(tmp_path, content, options, rows):
    (tmp_path / "plays.csv").write_bytes(content.encode())
    data = Interactions.from_csv(tmp_path / "plays.csv", **options)
    assert [list(row) for row in zip(data.user_ids[data.users].tolist(), data.item_ids[data.items].tolist())] == rows


def test_a_gzipped_text_file_is_read_and_its_faults_are_named(tmp_path):
    path = tmp_path / "plays.csv.gz"
    path.write_bytes(gzip.compress(b"user,item,rating\nann,x,5\n"))
    assert Interactions.from_csv(path).values.tolist() == [5]
    path.write_bytes(gzip.compress(b"user,item,rating\nann,x,5\nbob,y,?\n"))
    with pytest.raises(ValueError, match=r"plays\.csv\.gz, line 3: rating must be a finite number, got"):
        Interactions.from_csv(path)
    path.write_bytes(b"user,item\nann,x\n")
    with pytest.raises(ValueError, match=r"plays\.csv\.gz"):
        Interactions.from_csv(path)


# The files of the NCF paper: file, content, words
NCF = {
    "train.rating": "0\t2\t5\t978300019\n0\t0\t3\t978300760\n1\t1\t4\t978301968\n",
    "test.rating": "0\t3\t4\t978824351\n1\t0\t1\t978300174\n",
    "test.negative": "(0,3)\t1\t4\n(1,0)\t2\t2\n",
}
BAD_NCF = {
    "empty": ("train.rating", "", "tiny.train.rating is empty"),
    "another separator": ("train.rating", "0\t2\t5\t1\n0 0 3 2\n", "tiny.train.rating, line 2: expected user, item, rating"),
    "a word": ("train.rating", "0\t2\t5\t1\n0\tx\t3\t2\n", "tiny.train.rating, line 2: expected an integer >= 0, got 'x'"),
    "below 0": ("train.rating", "-1\t2\t5\t1\n", "tiny.train.rating, line 1: expected an integer >= 0, got '-1'"),
    "beyond int64": ("train.rating", f"0\t{10**19}\t5\t1\n", "tiny.train.rating, line 1: expected an integer >= 0, got '1000"),
    "a time beyond int64": ("train.rating", f"0\t2\t5\t{10**19}\n", "tiny.train.rating, line 1: expected an integer >= 0"),
    "not ASCII": ("train.rating", "0\t2\t5\t1\n0\t0\t3\té\n", "tiny.train.rating, line 2: expected an integer >= 0"),
    "a blank line": ("test.rating", "0\t3\t4\t1\n\n", "tiny.test.rating, line 2: expected user, item, rating"),
    "broken off": ("test.rating", "0\t3\t4\t1\n1\t0", "tiny.test.rating, line 2: expected user, item, rating"),
    "a line missing": ("test.negative", "(0,3)\t1\t4\n", "tiny.test.negative has 1 lines, the test file 2"),
    "no brackets": ("test.negative", "(0,3)\t1\t4\n1,0\t2\t2\n", "tiny.test.negative, line 2: expected (user,item)"),
    "a pair beyond int64": ("test.negative", f"(0,{10**19})\t1\n", "tiny.test.negative, line 1: expected (user,item)"),
    "no negatives": ("test.negative", "(0,3)\n(1,0)\n", "tiny.test.negative, line 1: expected (user,item) and its negatives"),
    "too few negatives": ("test.negative", "(0,3)\t1\t4\n(1,0)\t2\n", "tiny.test.negative, line 2: 1 negatives, line 1 has 2"),
    "another pair": (
        "test.negative",
        "(0,3)\t1\t4\n(1,2)\t2\t2\n",
        "tiny.test.negative, line 2: (1, 2) instead of the pair of",
    ),
}


@pytest.fixture
def folder(tmp_path):
    for name, text in NCF.items():
        (tmp_path / f"tiny.{name}").write_text(text)
    return tmp_path


@pytest.mark.parametrize(("file", "text", "words"), BAD_NCF.values(), ids=BAD_NCF)
def test_a_malformed_file_of_the_ncf_paper_is_refused_by_name_and_line(folder, file, text, words):
    (folder / f"tiny.{file}").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        load_ncf(folder, "tiny")
    assert str(caught.value).startswith(words)


def archive(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


PAIRS = {"user": [0, 0, 1], "item": [2, 0, 1], "time_rank": [1, 0, 0]}
SOUND = archive(**PAIRS)
UNSOUND = " is not a valid zip archive: "

# content of the archive that stands in for the training file, words after its name
ARCHIVES = {
    "empty": (b"", UNSOUND + "File is not a zip file"),
    "text": (b"0\t2\t5\t1\n", UNSOUND + "File is not a zip file"),
    "broken off": (SOUND[: len(SOUND) // 2], UNSOUND + "File is not a zip file"),
    "a byte changed": (SOUND.replace(b"'descr'", b"'dexcr'", 1), UNSOUND + "Bad CRC-32 for file 'user.npy'"),
    "no arrays": (archive(), " has no array 'user'"),
    "an array missing": (archive(user=[0], item=[0]), " has no array 'time_rank'"),
    "objects": (archive(**PAIRS | {"item": np.array([{}, 0, 1])}), ", array 'item': expected integers >= 0, got object, "),
    "words": (archive(**PAIRS | {"item": ["a", "b", "c"]}), ", array 'item': expected integers >= 0, got <U1, shape (3,)"),
    "fractions": (archive(**PAIRS | {"item": [0.5, 0, 1]}), ", array 'item': expected integers >= 0, got float64, shape (3,)"),
    "below 0": (archive(**PAIRS | {"user": [-1, 0, 1]}), ", array 'user': expected integers >= 0 within int64, got -1"),
    "beyond int64": (archive(**PAIRS | {"user": np.array([0, 2**64 - 1, 1], np.uint64)}),
                     ", array 'user': expected integers >= 0 within int64, got 18446744073709551615"),
    "2-D": (archive(**PAIRS | {"user": [[0, 0, 1]]}), ", array 'user': expected integers >= 0, got int64, shape (1, 3)"),
    "no events": (archive(user=[], item=[], time_rank=[]), ", array 'user': expected integers >= 0, got float64, shape (0,)"),
    "lengths": (archive(**PAIRS | {"item": [2, 0]}), ", array 'item': it has 2 values, but array 'user' has 3"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_does_not_hold_pairs_is_refused_by_name(folder, content, words):
    (folder / "tiny.train.rating").unlink()
    (folder / "train_pairs.npz").write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load_ncf(folder, "tiny")
    assert "train_pairs.npz" + words in str(caught.value)


def test_an_array_of_an_archive_that_was_damaged_is_refused(folder):
    (folder / "tiny.train.rating").unlink()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as damaged:
        for name in PAIRS:
            damaged.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00")
    (folder / "train_pairs.npz").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match=r"^train_pairs\.npz, array 'user': not an array in numpy's format: "):
        load_ncf(folder, "tiny")


# call, type of error, words; {} is an empty folder
MISSING = {
    "a text file": (lambda folder: Interactions.from_csv(folder / "plays.csv"), FileNotFoundError, "{}/plays.csv"),
    "a folder for a file": (lambda folder: Interactions.from_csv(folder), IsADirectoryError, "{}"),
    "both training files": (lambda folder: load_ncf(folder), FileNotFoundError,
                            "{} contains neither ml-1m.train.rating nor train_pairs.npz"),
    "the folder": (lambda folder: load_ncf(folder / "Data"), FileNotFoundError, "{}/Data contains neither ml-1m.train.rating"),
    "a release": (lambda folder: fetch_movielens("1m", data_home=folder, download=False), OSError,
                  "ml-1m is not available locally, and download=False; set SKREC_DATA"),
}  # fmt: skip


@pytest.mark.parametrize(("load", "error", "words"), MISSING.values(), ids=MISSING)
def test_what_is_not_there_is_named(tmp_path, monkeypatch, load, error, words):
    monkeypatch.delenv("SKREC_DATA", raising=False)
    with pytest.raises(error) as caught:
        load(tmp_path)
    assert words.format(tmp_path) in str(caught.value)


@pytest.mark.parametrize("file", ["test.rating", "test.negative"])
def test_a_missing_test_file_is_named(folder, file):
    (folder / f"tiny.{file}").unlink()
    with pytest.raises(FileNotFoundError, match=f"tiny.{file}"):
        load_ncf(folder, "tiny")


RELEASE = "name must be one of '100k', 'latest-small', '1m', '10m', '20m', '25m', '32m', got "

# call, type of error, words
ARGUMENTS = {
    "path None": (lambda: Interactions.from_csv(None), TypeError, "path must be a str or os.PathLike, got None"),
    "path a file": (lambda: Interactions.from_csv(io.StringIO()), TypeError, "path must be a str or os.PathLike, got <_io.S"),
    "sep None": (lambda: Interactions.from_csv("plays.csv", sep=None), ValueError, "sep must be one or more characters"),
    "sep a quote": (lambda: Interactions.from_csv("plays.csv", sep='"'), ValueError, "sep must be one or more characters"),
    "quoting": (lambda: Interactions.from_csv("plays.csv", quoting=5), ValueError, "quoting must be csv.QUOTE_MINIMAL, "),
    "encoding": (lambda: Interactions.from_csv("plays.csv", encoding="base64"), ValueError, "encoding must be the name of an "),
    "decimal": (lambda: Interactions.from_csv("plays.csv", decimal=","), ValueError, "decimal must be one character other"),
    "header": (lambda: Interactions.from_csv("plays.csv", header=True), ValueError, "header must be an integer of at least 0"),
    "on_bad_lines": (lambda: Interactions.from_csv("a", on_bad_lines="warn"), ValueError, "on_bad_lines must be one of"),
    "labels of text": (lambda: Interactions.from_csv("a", labels="int"), ValueError, "labels must be one of 'auto', 'text'"),
    "unit": (lambda: Interactions.from_csv("a", timestamp_unit="y"), ValueError, "timestamp_unit must be one of 'D', 'h', "),
    "folder None": (lambda: load_ncf(None), TypeError, "folder must be a str or os.PathLike, got None"),
    "folder bytes": (lambda: load_ncf(b"Data"), TypeError, "folder must be a str or os.PathLike, got b'Data'"),
    "name None": (lambda: load_ncf("Data", None), TypeError, "name must be a str such as 'ml-1m', got None"),
    "release in a list": (lambda: fetch_movielens(["100k"]), ValueError, RELEASE + "['100k']"),
    "release None": (lambda: fetch_movielens(None), ValueError, RELEASE + "None"),
    "release unknown": (lambda: fetch_movielens("2m"), ValueError, RELEASE + "'2m'"),
    "labels": (lambda: fetch_movielens(item_labels="titles"), ValueError, "item_labels must be one of 'title', 'id', got"),
    "data_home 3": (lambda: fetch_movielens(data_home=3), TypeError, "data_home must be a str or os.PathLike, got 3"),
    "download in words": (lambda: fetch_movielens(download="no"), TypeError, "download must be True or False, got 'no'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_an_argument_of_another_kind_is_refused_by_name(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(words)
