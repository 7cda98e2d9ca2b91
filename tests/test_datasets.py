"""Data sets: official files parsed, downloads that cannot do harm."""

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import cross_val_score

from skrec.datasets import DatasetNotAvailable, _files, _movielens, fetch_movielens
from skrec.datasets._movielens_format import read_1m

needs_real_data = pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA does not say where it is")

# Three releases as their publisher would make them, of three users and four films. Titles are outside ASCII, one of
# them belongs to two films, one holds the latin-1 "next line" character, at which str.splitlines would split.
TITLES = ["Léon (1994)", "Up\x85 (2009)", "Twins (1988)", "Twins (1988)"]
FLAGS = ["0|1" + "|0" * 17, "0|0|0|1|1|1" + "|0" * 13, "1" + "|0" * 18, "0" + "|0" * 18]
RATINGS = [(1, 1, 5, 881250949), (2, 3, 3, 881250950), (3, 4, 1, 881250940), (1, 2, 4, 881250941), (2, 4, 2, 881250999)]
FOLDS = [([0, 1, 2, 3], [4]), ([1, 0, 2, 4], [3]), ([0, 1, 3, 4], [2]), ([0, 2, 3, 4], [1]), ([4, 3, 2, 1], [0])]


def text_of(rows, separator) -> str:
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def files_100k() -> dict[str, bytes]:
    dates = ["01-Jan-1995", "4-Feb-1971", "31-Dec-1988", ""]
    films = [(n, t, d, "", "http://x", f) for n, t, d, f in zip(range(1, 5), TITLES, dates, FLAGS)]
    people = [(1, 24, "M", "technician", "85711"), (2, 53, "F", "other", "0B1"), (3, 7, "M", "student", "02139")]
    parts = {f"u{n}.{part}": rows for n, fold in enumerate(FOLDS, 1) for part, rows in zip(("base", "test"), fold)}
    files = {"u.data": text_of(RATINGS, "\t"), "u.item": text_of(films, "|"), "u.user": text_of(people, "|")}
    files |= {name: text_of([RATINGS[row] for row in rows], "\t") for name, rows in parts.items()}
    return {name: text.encode("latin-1") for name, text in files.items()}


def files_1m() -> dict[str, bytes]:
    genres = ["Action", "Animation|Children's|Comedy", "Drama", "Drama"]
    people = [(1, "F", 1, 10, "48067"), (2, "M", 56, 16, "70072-1234"), (3, "M", 25, 0, "55117")]
    films = zip(range(1, 5), TITLES, genres)
    files = {"ratings.dat": RATINGS, "movies.dat": films, "users.dat": people}
    return {name: text_of(rows, "::").encode("latin-1") for name, rows in files.items()}


def files_latest_small() -> dict[str, bytes]:
    films = '1,Léon (1994),Action\n2,"Up, again",Animation|Comedy\n3,"Say ""Hi"" (1899) (1990) ",(no genres listed)\n'
    films += "4,Death Note (2006–2007),Drama\n"
    ratings = text_of([(user, item, stars - 0.5, time) for user, item, stars, time in RATINGS], ",")
    files = {
        "movies.csv": "movieId,title,genres\n" + films,
        "ratings.csv": "userId,movieId,rating,timestamp\n" + ratings,
    }
    return {name: text.replace("\n", "\r\n").encode() for name, text in files.items()}


FILES = {"100k": files_100k, "1m": files_1m, "latest-small": files_latest_small}


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return buffer.getvalue()


def in_folder(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def save(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


class Publisher(ThreadingHTTPServer):
    """GroupLens on this machine: serves ``body``, announces ``length``, remembers what it was asked for."""

    body: bytes | Iterator[bytes] = b""
    length: int | None = None
    status = 200

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Answer(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.body
        self.send_response(self.server.status)
        length = self.server.length if self.server.length is not None or not isinstance(body, bytes) else len(body)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        try:
            for part in [body] if isinstance(body, bytes) else body:
                self.wfile.write(part)
        except ConnectionError:
            pass  # the client has had enough

    def log_message(self, *args):
        pass


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, and no other place to look in."""
    monkeypatch.delenv("SKREC_DATA", raising=False)
    monkeypatch.setenv("SKREC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def publisher(monkeypatch) -> Iterator[Publisher]:
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(_movielens, "BASE_URL", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def release(monkeypatch):
    """Declare some bytes the official zip of a small release, and return them."""

    def declare(name: str, content: bytes) -> bytes:
        official = replace(_movielens.RELEASES[name], sha256=hashlib.sha256(content).hexdigest(), n_ratings=len(RATINGS))
        monkeypatch.setitem(_movielens.RELEASES, name, official)
        return content

    return declare


@pytest.fixture
def small(release):
    """The small releases are official, as zips and as folders."""
    return {name: release(name, zipped(in_folder(f"ml-{name}", make()))) for name, make in FILES.items()}


# Formats


@pytest.fixture(params=FILES)
def read_small(request, small, cache):
    """Save one release's files, changed as told, where `fetch_movielens` looks; then call it."""

    def read(changed: dict[str, bytes] | None = None, **keywords):
        save(cache / f"ml-{request.param}", FILES[request.param]() | (changed or {}))
        return fetch_movielens(request.param, download=False, **keywords)

    read.release = request.param
    return read


def fetch_changed(cache: Path, name: str, **changed: bytes):
    files = FILES[name]()
    save(cache / f"ml-{name}", files | {file.replace("__", "."): content for file, content in changed.items()})
    return fetch_movielens(name, download=False)


def test_ratings_keep_the_order_and_the_numbers_of_their_file(read_small):
    frame = read_small(item_labels="id").frame
    stars_less = 0.5 if read_small.release == "latest-small" else 0
    expected = pd.DataFrame(RATINGS, columns=["user", "item", "rating", "timestamp"])
    assert_frame_equal(frame, expected.assign(rating=expected["rating"] - stars_less))


@pytest.mark.parametrize("item_labels", ["title", "id"])
def test_frame_items_and_interactions_agree(read_small, item_labels):
    data = read_small(item_labels=item_labels)
    assert data.items.index.is_unique
    assert data.items.loc[data.frame["item"], "movie_id"].tolist() == [item for _, item, _, _ in RATINGS]
    assert_frame_equal(data.interactions.to_frame(), data.frame, check_dtype=False)
    assert len(data.items.loc[data.interactions.item_ids]) == data.interactions.n_items


def test_a_title_that_two_films_bear_is_followed_by_the_id(small, cache):
    data = fetch_changed(cache, "100k")
    assert data.items.index.tolist() == ["Léon (1994)", "Up\x85 (2009)", "Twins (1988) [3]", "Twins (1988) [4]"]
    assert data.items["title"].tolist() == TITLES
    assert data.frame["item"].tolist()[:3] == ["Léon (1994)", "Twins (1988) [3]", "Twins (1988) [4]"]


def test_100k_has_dates_genres_and_people(small, cache):
    data = fetch_changed(cache, "100k")
    dates = data.items["release_date"].dt.strftime("%Y-%m-%d").fillna("unknown")
    assert dates.tolist() == ["1995-01-01", "1971-02-04", "1988-12-31", "unknown"]
    assert data.items["year"].tolist() == [1994, 2009, 1988, 1988]
    assert data.items["genres"].tolist() == [("Action",), ("Animation", "Children's", "Comedy"), (), ()]
    assert data.users.loc[2].to_dict() == {"age": 53, "gender": "F", "occupation": "other", "zip": "0B1"}


def test_1m_has_genres_and_people(small, cache):
    data = fetch_changed(cache, "1m")
    assert data.items["genres"].tolist() == [("Action",), ("Animation", "Children's", "Comedy"), ("Drama",), ("Drama",)]
    assert data.users.loc[1].to_dict() == {"age": 1, "gender": "F", "occupation": "K-12 student", "zip": "48067"}
    assert data.folds is None


def test_latest_small_is_csv_with_quotes_and_windows_line_ends(small, cache):
    data = fetch_changed(cache, "latest-small")
    assert data.items.index.tolist() == ["Léon (1994)", "Up, again", 'Say "Hi" (1899) (1990)', "Death Note (2006–2007)"]
    assert data.items["year"].tolist() == [1994, pd.NA, 1990, pd.NA]
    assert data.items["genres"].tolist() == [("Action",), ("Animation", "Comedy"), (), ("Drama",)]
    assert data.users is None


def test_folds_are_positions_in_the_order_of_their_files(small, cache):
    folds = fetch_changed(cache, "100k").folds
    assert [(train.tolist(), test.tolist()) for train, test in folds] == FOLDS


def test_without_all_fold_files_there_are_no_folds(small, cache):
    files = FILES["100k"]()
    del files["u3.test"]
    save(cache / "ml-100k", files)
    assert fetch_movielens("100k", download=False).folds is None


def with_line(content: bytes, number: int, line: bytes) -> bytes:
    lines = content.split(b"\n")
    lines[number - 1] = line
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("release_name", "file", "number", "line"),
    [
        ("100k", "u.data", 2, b"2\t3\t3"),
        ("100k", "u.data", 2, b"2\t3\t3\t881250950\t7"),
        ("100k", "u.data", 3, b"3\tfour\t1\t881250940"),
        ("100k", "u.data", 3, b"3\t99999999999999999999\t1\t881250940"),
        ("100k", "u.data", 3, b"3\t4\t6\t881250940"),
        ("100k", "u.data", 3, b"3\t4\tnan\t881250940"),
        ("100k", "u.data", 3, b"3\t4\t1\t881250940.5"),
        ("100k", "u.data", 4, b""),
        ("100k", "u.data", 5, b"2\t99\t2\t881250999"),
        ("100k", "u.data", 5, b"9\t4\t2\t881250999"),
        ("100k", "u.data", 5, b"2\t3\t2\t881250999"),
        ("100k", "u2.base", 1, b"1\t3\t3\t881250950"),
        ("100k", "u.item", 2, b"2|Up (2009)|01-Jan-1995"),
        ("100k", "u.item", 2, b"2|Up (2009)|01-Foo-1995||http://x|" + FLAGS[0].encode()),
        ("100k", "u.item", 2, b"2|Up (2009)|01-Jan-1995||http://x|" + FLAGS[0].replace("1", "2").encode()),
        ("100k", "u.item", 4, b"3|Up (2009)|01-Jan-1995||http://x|" + FLAGS[0].encode()),
        ("100k", "u.user", 3, b"3|old|M|student|02139"),
        ("100k", "u.user", 3, b"2|7|M|student|02139"),
        ("1m", "ratings.dat", 2, b"2:3:3:881250950"),
        ("1m", "users.dat", 2, b"2::M::56::21::70072"),
        ("1m", "movies.dat", 1, b"one::Leon::Action"),
        ("latest-small", "ratings.csv", 1, b"user,movie,rating,timestamp\r"),
        ("latest-small", "ratings.csv", 3, b"2,3,2.75,881250950\r"),
        ("latest-small", "ratings.csv", 6, b"2,99,2.5,881250999\r"),
        ("latest-small", "movies.csv", 3, b'2,"Up, again,Animation\r'),
        ("latest-small", "movies.csv", 3, b"2,\xff,Animation\r"),
    ],
)
def test_a_malformed_line_is_refused_by_file_and_number(small, cache, release_name, file, number, line):
    files = FILES[release_name]()
    save(cache / f"ml-{release_name}", files | {file: with_line(files[file], number, line)})
    with pytest.raises(ValueError, match=rf"^{file}, line {number}: "):
        fetch_movielens(release_name, download=False)


def test_a_release_with_missing_ratings_is_refused(small, cache):
    with pytest.raises(ValueError, match="ml-1m holds 4 ratings, the official release 5"):
        fetch_changed(cache, "1m", ratings__dat=text_of(RATINGS[:-1], "::").encode())


@pytest.mark.parametrize("content", [b"", b"\n\n"])
@pytest.mark.parametrize(
    ("release_name", "file"),
    [("100k", "u.data"), ("100k", "u.item"), ("100k", "u.user"), ("latest-small", "ratings.csv")],
)
def test_an_empty_file_is_refused(small, cache, release_name, file, content):
    save(cache / f"ml-{release_name}", FILES[release_name]() | {file: content})
    with pytest.raises(ValueError, match=f"^{file}"):
        fetch_movielens(release_name, download=False)


# Where the files come from


def test_a_download_is_kept_as_one_file_and_not_repeated(small, cache, publisher):
    publisher.body = small["100k"]
    first = fetch_movielens("100k")
    assert files_below(cache) == {"ml-100k.zip"}
    assert_frame_equal(fetch_movielens("100k").frame, first.frame)
    assert_frame_equal(fetch_movielens("100k", download=False).frame, first.frame)
    assert publisher.asked == ["/ml-100k.zip"]
    assert len(first.frame) == len(RATINGS)


def test_downloads_go_to_data_home_when_it_is_given(small, cache, publisher, tmp_path):
    publisher.body = small["1m"]
    fetch_movielens("1m", data_home=tmp_path / "mine")
    assert files_below(tmp_path) == {"mine/ml-1m.zip"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SKREC_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"SKREC_CACHE": "", "XDG_CACHE_HOME": "/b"}, "/b/skrec"),
        ({"SKREC_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/c"}, "/c/.cache/skrec"),
        ({"SKREC_CACHE": "~/d", "HOME": "/c"}, "/c/d"),
    ],
)
def test_the_cache_follows_the_environment(monkeypatch, variables, expected):
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert _files.cache_dir() == Path(expected)


def test_skrec_data_comes_first_then_the_cached_folder_then_the_cached_archive(small, cache, tmp_path, monkeypatch):
    def occupation_after_saving(folder: Path, occupation: bytes) -> str:
        files = files_100k()
        save(folder / "ml-100k", files | {"u.user": files["u.user"].replace(b"technician", occupation)})
        return fetch_movielens("100k", download=False).users.loc[1, "occupation"]

    save(cache, {"ml-100k.zip": small["100k"]})
    assert fetch_movielens("100k", download=False).users.loc[1, "occupation"] == "technician"
    assert occupation_after_saving(cache, b"baker") == "baker"
    monkeypatch.setenv("SKREC_DATA", str(tmp_path / "data"))
    assert occupation_after_saving(tmp_path / "data", b"astronaut") == "astronaut"


def test_a_folder_that_lacks_a_needed_file_is_not_used(small, cache, tmp_path, monkeypatch):
    files = files_1m()
    save(tmp_path / "ml-1m", {"ratings_head.dat": files.pop("ratings.dat")} | files)
    monkeypatch.setenv("SKREC_DATA", str(tmp_path))
    with pytest.raises(DatasetNotAvailable, match=r"ml-1m/ with ratings\.dat"):
        fetch_movielens("1m", download=False)


def test_download_false_never_touches_the_network(small, cache, publisher):
    publisher.body = small["100k"]
    with pytest.raises(DatasetNotAvailable, match="download=False"):
        fetch_movielens("100k", download=False)
    assert publisher.asked == []
    assert not cache.exists()


def test_offline_one_line_says_what_to_do(small, cache, monkeypatch):
    monkeypatch.setattr(_movielens, "BASE_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DatasetNotAvailable) as caught:
        fetch_movielens("100k")
    message = str(caught.value)
    assert "\n" not in message
    for advice in ("SKREC_DATA", "ml-100k/ with u.data", "http://127.0.0.1:1/ml-100k.zip", str(cache / "ml-100k.zip")):
        assert advice in message
    assert isinstance(caught.value, OSError)
    assert not cache.exists()


def endless() -> Iterator[bytes]:
    while True:
        yield bytes(10_000)


def assert_download_fails(cache: Path, because: str) -> None:
    with pytest.raises(DatasetNotAvailable, match=because):
        fetch_movielens("100k")
    assert files_below(cache) == set()


def test_a_wrong_checksum_leaves_nothing(small, cache, publisher):
    publisher.body = small["100k"][:-1] + b"x"
    assert_download_fails(cache, "published content")


def test_an_endless_download_is_stopped(small, cache, publisher, monkeypatch):
    monkeypatch.setattr(_movielens, "MAX_ZIP_BYTES", 100_000)
    publisher.body = endless()
    assert_download_fails(cache, "more than the 100000 bytes")


def test_a_download_that_breaks_off_leaves_nothing(small, cache, publisher):
    publisher.body, publisher.length = small["100k"][:100], len(small["100k"])
    assert_download_fails(cache, f"broke off after 100 bytes, {len(small['100k']) - 100} are missing")


def test_a_server_that_has_no_such_file_is_reported(small, cache, publisher):
    publisher.status = 404
    assert_download_fails(cache, "404")


def test_a_server_that_falls_silent_is_given_up(small, cache, publisher, monkeypatch):
    monkeypatch.setattr(_files, "TIMEOUT_SECONDS", 0.1)
    done = threading.Event()

    def silence() -> Iterator[bytes]:
        yield small["100k"][:100]
        done.wait(10)

    publisher.body = silence()
    assert_download_fails(cache, "broke off .*timed out")
    done.set()


def test_an_interrupted_download_leaves_nothing(small, cache, publisher, monkeypatch):
    def interrupt(response, url):
        assert len(files_below(cache)) == 1  # something has begun
        raise KeyboardInterrupt

    monkeypatch.setattr(_files, "_read_chunk", interrupt)
    publisher.body = small["100k"]
    with pytest.raises(KeyboardInterrupt):
        fetch_movielens("100k")
    assert files_below(cache) == set()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), _files.atomic_write(target) as file:
        file.write(b"new")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert files_below(tmp_path) == {"file"}


def test_an_archive_in_the_cache_that_is_not_the_official_one_is_refused(small, cache, publisher):
    save(cache, {"ml-100k.zip": small["1m"]})
    with pytest.raises(DatasetNotAvailable, match=r"is not the official file .* delete it"):
        fetch_movielens("100k")
    assert publisher.asked == []


def test_members_that_point_outside_are_never_written(release, cache, tmp_path):
    evil = {"../evil": b"x", "ml-100k/../../evil": b"x", f"{tmp_path}/evil": b"x"}
    save(cache, {"ml-100k.zip": release("100k", zipped(evil | in_folder("ml-100k", files_100k())))})
    assert len(fetch_movielens("100k", download=False).frame) == len(RATINGS)
    assert files_below(tmp_path) == {"cache/ml-100k.zip"}


def test_a_member_that_unpacks_to_far_more_is_refused(release, cache):
    bomb = in_folder("ml-100k", files_100k() | {"u.data": bytes(1_000_000)})
    save(cache, {"ml-100k.zip": release("100k", zipped(bomb))})
    with pytest.raises(ValueError, match=r"u\.data .* unpacks from \d+ to 1000000 bytes"):
        fetch_movielens("100k", download=False)


def test_a_member_that_is_too_large_is_refused(small, cache, monkeypatch):
    save(cache, {"ml-100k.zip": small["100k"]})
    monkeypatch.setattr(_files, "MAX_MEMBER_BYTES", 50)
    with pytest.raises(ValueError, match="at most 50 bytes"):
        fetch_movielens("100k", download=False)


@pytest.mark.parametrize("damage", [lambda sound: sound[:-30], lambda sound: sound.replace(b"881250949", b"881250948")])
def test_a_damaged_archive_is_refused(release, cache, damage):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member, content in in_folder("ml-100k", files_100k()).items():
            archive.writestr(member, content)
    save(cache, {"ml-100k.zip": release("100k", damage(buffer.getvalue()))})
    with pytest.raises(ValueError, match=r"ml-100k\.zip is not a sound zip archive"):
        fetch_movielens("100k", download=False)


def test_only_verbose_shows_progress(small, cache, publisher, tmp_path, capsys):
    publisher.body = small["100k"]
    fetch_movielens("100k")
    assert capsys.readouterr() == ("", "")
    fetch_movielens("100k", data_home=tmp_path / "again", verbose=1)
    assert "ml-100k.zip: 100%" in capsys.readouterr().err


# The real files


@pytest.fixture(scope="module")
def by_id():
    return fetch_movielens("100k", item_labels="id", download=False)


def official_rows(file: str) -> np.ndarray:
    return np.loadtxt(Path(os.environ["SKREC_DATA"], "ml-100k", file), dtype=np.int64)


@needs_real_data
def test_100k_is_the_official_data(by_id):
    assert np.array_equal(by_id.frame.to_numpy(), official_rows("u.data"))
    assert (by_id.interactions.n_users, by_id.interactions.n_items, len(by_id.interactions)) == (943, 1682, 100_000)
    assert (len(by_id.items), len(by_id.users)) == (1682, 943)


@needs_real_data
def test_100k_folds_are_the_official_ones_row_by_row(by_id):
    rows = by_id.frame.to_numpy()
    for number, (train, test) in enumerate(by_id.folds, start=1):
        assert np.array_equal(rows[train], official_rows(f"u{number}.base"))
        assert np.array_equal(rows[test], official_rows(f"u{number}.test"))
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(100_000))
    assert np.array_equal(np.sort(np.concatenate([test for _, test in by_id.folds])), np.arange(100_000))


@needs_real_data
def test_100k_folds_are_a_cv_for_scikit_learn(by_id):
    X, y = by_id.frame[["user", "item"]], by_id.frame["rating"]
    scores = cross_val_score(DummyRegressor(), X, y, cv=by_id.folds, scoring="neg_mean_squared_error")
    stars = [(official_rows(f"u{n}.base")[:, 2], official_rows(f"u{n}.test")[:, 2]) for n in range(1, 6)]
    assert -scores == pytest.approx([np.mean((test - train.mean()) ** 2) for train, test in stars])


@needs_real_data
def test_100k_speaks_in_titles(movielens_100k, by_id):
    assert movielens_100k.frame.iloc[0].tolist() == [196, "Kolya (1996)", 3, 881250949]
    assert movielens_100k.items.loc["Chasing Amy (1997) [268]", "movie_id"] == 268
    assert movielens_100k.items.loc["Star Wars (1977)", "genres"] == ("Action", "Adventure", "Romance", "Sci-Fi", "War")
    assert movielens_100k.items["release_date"].isna().sum() == 1
    assert movielens_100k.items.index.is_unique
    assert movielens_100k.items.index.str.contains(r"\[\d+\]$").sum() == 36
    ids = movielens_100k.items.loc[movielens_100k.frame["item"], "movie_id"]
    assert np.array_equal(ids.to_numpy(), by_id.frame["item"].to_numpy())


@needs_real_data
def test_latest_small_is_the_official_data():
    data = fetch_movielens("latest-small", download=False)
    X = data.interactions
    assert (X.n_users, X.n_items, len(X), len(data.items)) == (610, 9724, 100_836, 9742)
    assert sorted(data.frame["rating"].unique()) == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert {"Emma (1996) [838]", "Emma (1996) [26958]"} <= set(data.items.index)
    official = pd.read_csv(Path(os.environ["SKREC_DATA"], "ml-latest-small", "ratings.csv"))
    assert np.array_equal(data.frame[["user", "rating", "timestamp"]], official[["userId", "rating", "timestamp"]])
    assert np.array_equal(data.items.loc[data.frame["item"], "movie_id"], official["movieId"])


@needs_real_data
def test_1m_without_its_official_ratings_is_not_available_rather_than_partial(tmp_path):
    folder = Path(os.environ["SKREC_DATA"], "ml-1m")
    if (folder / "ratings.dat").exists():
        pytest.skip("the official ratings are here")
    with pytest.raises(DatasetNotAvailable):
        fetch_movielens("1m", data_home=tmp_path, download=False)


@needs_real_data
def test_the_real_format_of_1m_is_understood():
    folder = Path(os.environ["SKREC_DATA"], "ml-1m")
    files = {"movies.dat": "movies.dat", "users.dat": "users.dat", "ratings.dat": "ratings_head10000.dat"}
    tables = read_1m({name: (folder / file).read_bytes() for name, file in files.items()})
    assert (len(tables.ratings), len(tables.items), len(tables.users)) == (10_000, 3883, 6040)
    assert tables.ratings.iloc[0].tolist() == [1, 1193, 5, 978300760]
    assert tables.users.loc[6040].tolist() == [25, "M", "doctor/health care", "11106"]
    assert tables.items["title"].str.contains("é").any()
