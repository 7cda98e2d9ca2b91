"""Damage to every kind of file that is read: broken off anywhere, or with other bytes in it."""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from small_movielens import FILES as MOVIELENS
from small_movielens import RATINGS, folder_of, in_folder, zipped
from test_amazon_files import OTHER, RATINGS_ALONE, REVIEW, REVIEW_2018, REVIEW_2023, as_lines
from test_bad_files import PAIRS, archive
from test_lastfm_files import FILES as LASTFM
from test_mind_files import BEHAVIORS, NEWS, VECTORS
from test_ncf_files import FILES as NCF

from skrec.data import Interactions
from skrec.datasets import fetch_movielens, load_amazon, load_lastfm, load_lightgcn, load_mind, load_ncf, load_sasrec

# a damaged header, of which a warning tells
pytestmark = pytest.mark.filterwarnings("ignore:.* has no column 'rating'")


class Source(NamedTuple):
    """Files, how their events are read, and whether a checksum in them tells that a byte is wrong."""

    files: dict[str, bytes]
    load: Callable[[Path], Interactions]
    has_checksum: bool = False


def one_file(name: str, text: str, load: Callable[[Path], Interactions]) -> Source:
    return Source({name: text.encode()}, lambda folder: load(folder / name))


def packed(source: Source) -> Source:
    """The same file gzipped."""
    ((name, content),) = source.files.items()
    packed_name = f"{name}.gz"
    return Source({packed_name: gzip.compress(content, mtime=0)}, lambda folder: LOADERS[name](folder / packed_name), True)


def reviews(path: Path) -> Interactions:
    return load_amazon(path).interactions


def pairs(folder: Path) -> Interactions:
    return load_ncf(folder, "tiny").train


def movielens(name: str) -> Source:
    files = in_folder(folder_of(name), MOVIELENS[name]())
    return Source(files, lambda folder: fetch_movielens(name, data_home=folder, download=False).interactions)


def as_bytes(texts: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in texts.items()}


TABLE = "user,item,rating,timestamp\n" + "".join(f"{user},{item},3.5,{10**9 + item}\n" for user in (1, 2) for item in (4, 5))
LOADERS = {"plays.csv": Interactions.from_csv, "reviews.json": reviews, "Books.csv": reviews, "Video.txt": load_sasrec}
ALONE = {
    "table": one_file("plays.csv", TABLE, Interactions.from_csv),
    "reviews": one_file("reviews.json", as_lines(REVIEW, OTHER, REVIEW_2018), reviews),
    "ratings of 2018": one_file("Books.csv", RATINGS_ALONE["2018"][1], reviews),
    "sequences": one_file("Video.txt", "1 30\n1 7\n3 7\n1 30\n", load_sasrec),
}
SOURCES = ALONE | {f"packed {name}": packed(source) for name, source in ALONE.items()} | {
    "reviews of 2023": one_file("Books.jsonl", as_lines(REVIEW_2023, REVIEW_2023), reviews),
    "ratings of 2014": one_file("ratings_Books.csv", RATINGS_ALONE["2014"][1], reviews),
    "ratings of 2023": one_file("Books.csv", RATINGS_ALONE["2023"][1], reviews),
    "lists": Source({"train.txt": b"0 3 1\n2 0\n", "test.txt": b"0 2\n1 4\n"}, lambda folder: load_lightgcn(folder).train),
    "plays": Source(LASTFM, lambda folder: load_lastfm(folder).interactions),
    "impressions": Source(
        as_bytes({"behaviors.tsv": BEHAVIORS, "news.tsv": NEWS, "entity_embedding.vec": VECTORS}),
        lambda folder: load_mind(folder).events,
    ),
    "leave-one-out": Source(as_bytes(NCF), pairs),
    "pairs": Source({"train_pairs.npz": archive(**PAIRS)}, pairs, True),
} | {f"films {name}": movielens(name) for name in ("100k", "1m", "10m", "25m")}  # fmt: skip


def save(folder: Path, source: Source) -> None:
    if "train_pairs.npz" in source.files:  # the test files of the split are needed too
        save(folder, Source({name: text.encode() for name, text in NCF.items() if "train" not in name}, pairs))
    for name, content in source.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def check_damage(source: Source, folder: Path, file: str, content: bytes) -> None:
    """A damaged file is read, to the same events if it has a checksum, or refused by name."""
    names = {part.removesuffix("M100K").lower() for name in source.files for part in Path(name).parts}
    sound = source.load(folder) if source.has_checksum else None
    (folder / file).write_bytes(content)
    try:
        events = source.load(folder)
    except (ValueError, OSError) as error:
        assert any(name in str(error).lower() for name in names), (file, content, error)
    except Exception as error:
        raise AssertionError(f"{file} that holds {content!r} raises {error!r}") from error
    else:
        assert sound is None or events.to_frame().equals(sound.to_frame()), (file, content)
    finally:
        (folder / file).write_bytes(source.files[file])


def broken_off(content: bytes, step: int) -> Iterator[bytes]:
    return (content[:end] for end in range(0, len(content), step))


def with_other_bytes(content: bytes, n: int) -> Iterator[bytes]:
    """One bit, or one to three bytes, are others."""
    rng = np.random.default_rng(len(content))
    for _ in range(n):
        damaged = bytearray(content)
        if rng.random() < 0.5:
            damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
        else:
            for place in rng.integers(len(damaged), size=rng.integers(1, 4)):
                damaged[place] = rng.choice(list(b"0123456789-+.,:;|\t\n\r \x00\xff\"'[]{}e_"))
        yield bytes(damaged)


FILES = [(name, file) for name, source in SOURCES.items() for file in source.files if not re.search("u[2-5]", file)]


@pytest.fixture
def folder(small_releases, empty_cache, tmp_path):
    return tmp_path


@pytest.mark.parametrize(("name", "file"), FILES)
def test_damage_is_refused_by_name(folder, name, file):
    source = SOURCES[name]
    save(folder, source)
    content = source.files[file]
    for damaged in [*broken_off(content, 1 + len(content) // 6), *with_other_bytes(content, 6)]:
        check_damage(source, folder, file, damaged)


@pytest.mark.faults
@pytest.mark.parametrize(("name", "file"), FILES)
def test_damage_anywhere_is_refused_by_name(folder, name, file):
    source = SOURCES[name]
    save(folder, source)
    content = source.files[file]
    for damaged in [*broken_off(content, 1), *with_other_bytes(content, 500)]:
        check_damage(source, folder, file, damaged)


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if source.has_checksum])
def test_a_packed_file_that_is_broken_off_is_always_refused(folder, name):
    source = SOURCES[name]
    save(folder, source)
    ((file, content),) = source.files.items()
    for part in broken_off(content, 5):
        (folder / file).write_bytes(part)
        with pytest.raises(ValueError, match=file):
            source.load(folder)


def check_zip(folder: Path, declare_official: Callable[[str, bytes], bytes], damaged: bytes) -> None:
    (folder / "ml-1m.zip").write_bytes(declare_official("1m", damaged))
    try:
        data = fetch_movielens("1m", data_home=folder, download=False)
    except ValueError as error:
        assert "ml-1m" in str(error) or ".dat" in str(error), error
    except Exception as error:
        raise AssertionError(f"{damaged!r} raises {error!r}") from error
    else:
        assert data.interactions.timestamps.sum() == 10**6 * sum(time for *_, time in RATINGS)


@pytest.mark.parametrize("n", [30, pytest.param(2000, marks=pytest.mark.faults)])
def test_a_damaged_zip_is_refused_by_name(folder, declare_official, n):
    content = zipped(in_folder("ml-1m", MOVIELENS["1m"]()))
    for damaged in [*broken_off(content, 1 + len(content) // n), *with_other_bytes(content, n)]:
        check_zip(folder, declare_official, damaged)
