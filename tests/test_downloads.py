"""Where data sets come from: downloads that cannot do harm, caches and folders."""

import errno
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal
from small_movielens import RATINGS, files_1m, files_100k, files_below, in_folder, save, zipped

from skrec.datasets import DatasetNotAvailable, _files, _movielens, fetch_movielens


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
def publisher(monkeypatch) -> Iterator[Publisher]:
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(_movielens, "BASE_URL", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield server
        server.shutdown()
        thread.join()


def test_a_download_is_kept_as_one_file_and_not_repeated(small_releases, empty_cache, publisher):
    publisher.body = small_releases["100k"]
    first = fetch_movielens("100k")
    assert files_below(empty_cache) == {"ml-100k.zip"}
    assert_frame_equal(fetch_movielens("100k").frame, first.frame)
    assert_frame_equal(fetch_movielens("100k", download=False).frame, first.frame)
    assert publisher.asked == ["/ml-100k.zip"]
    assert len(first.frame) == len(RATINGS)


def test_a_folder_may_be_called_otherwise_than_its_zip(small_releases, empty_cache, publisher):
    publisher.body = small_releases["10m"]
    assert len(fetch_movielens("10m").frame) == len(RATINGS)
    assert publisher.asked == ["/ml-10m.zip"]
    assert files_below(empty_cache) == {"ml-10m.zip"}


def test_downloads_go_to_data_home_when_it_is_given(small_releases, empty_cache, publisher, tmp_path):
    publisher.body = small_releases["1m"]
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


def test_skrec_data_comes_first_then_the_cached_folder_then_the_cached_archive(
    small_releases, empty_cache, tmp_path, monkeypatch
):
    def occupation_after_saving(folder: Path, occupation: bytes) -> str:
        files = files_100k()
        save(folder / "ml-100k", files | {"u.user": files["u.user"].replace(b"technician", occupation)})
        return fetch_movielens("100k", download=False).users.loc[1, "occupation"]

    save(empty_cache, {"ml-100k.zip": small_releases["100k"]})
    assert fetch_movielens("100k", download=False).users.loc[1, "occupation"] == "technician"
    assert occupation_after_saving(empty_cache, b"baker") == "baker"
    monkeypatch.setenv("SKREC_DATA", str(tmp_path / "data"))
    assert occupation_after_saving(tmp_path / "data", b"astronaut") == "astronaut"


def test_a_folder_that_lacks_a_needed_file_is_not_used(small_releases, empty_cache, tmp_path, monkeypatch):
    files = files_1m()
    save(tmp_path / "ml-1m", {"ratings_head.dat": files.pop("ratings.dat")} | files)
    monkeypatch.setenv("SKREC_DATA", str(tmp_path))
    with pytest.raises(DatasetNotAvailable, match=r"ml-1m/ with ratings\.dat"):
        fetch_movielens("1m", download=False)


def test_download_false_never_touches_the_network(small_releases, empty_cache, publisher):
    publisher.body = small_releases["100k"]
    with pytest.raises(DatasetNotAvailable, match="download=False"):
        fetch_movielens("100k", download=False)
    assert publisher.asked == []
    assert not empty_cache.exists()


def test_offline_one_line_says_what_to_do(small_releases, empty_cache, monkeypatch):
    monkeypatch.setattr(_movielens, "BASE_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DatasetNotAvailable) as caught:
        fetch_movielens("100k")
    message = str(caught.value)
    assert "\n" not in message
    for advice in ("SKREC_DATA", "ml-100k/ with u.data", "http://127.0.0.1:1/ml-100k.zip", str(empty_cache / "ml-100k.zip")):
        assert advice in message
    assert isinstance(caught.value, OSError)
    assert files_below(empty_cache) == set()


def endless() -> Iterator[bytes]:
    while True:
        yield bytes(10_000)


def assert_download_fails(cache: Path, because: str) -> None:
    with pytest.raises(DatasetNotAvailable, match=because):
        fetch_movielens("100k")
    assert files_below(cache) == set()


def test_a_wrong_checksum_leaves_nothing(small_releases, empty_cache, publisher):
    publisher.body = small_releases["100k"][:-1] + b"x"
    assert_download_fails(empty_cache, "published SHA-256")


def test_an_endless_download_is_stopped(small_releases, empty_cache, publisher, monkeypatch):
    monkeypatch.setattr(_movielens, "MAX_ZIP_BYTES", 100_000)
    publisher.body = endless()
    assert_download_fails(empty_cache, "larger than the expected 100000 bytes")


def test_a_download_that_breaks_off_leaves_nothing(small_releases, empty_cache, publisher):
    publisher.body, publisher.length = small_releases["100k"][:100], len(small_releases["100k"])
    assert_download_fails(empty_cache, f"100 bytes read, {len(small_releases['100k']) - 100} more expected")


def test_a_server_that_has_no_such_file_is_reported(small_releases, empty_cache, publisher):
    publisher.status = 404
    assert_download_fails(empty_cache, "404")


def test_a_server_that_falls_silent_is_given_up(small_releases, empty_cache, publisher, monkeypatch):
    monkeypatch.setattr(_files, "TIMEOUT_SECONDS", 0.1)
    done = threading.Event()

    def silence() -> Iterator[bytes]:
        yield small_releases["100k"][:100]
        done.wait(10)

    publisher.body = silence()
    assert_download_fails(empty_cache, "cannot be downloaded .*timed out")
    done.set()


def test_an_interrupted_download_leaves_nothing(small_releases, empty_cache, publisher, monkeypatch):
    def interrupt(response, **options):
        assert len(files_below(empty_cache)) == 1  # something has begun
        raise KeyboardInterrupt

    monkeypatch.setattr("requests.Response.iter_content", interrupt)
    publisher.body = small_releases["100k"]
    with pytest.raises(KeyboardInterrupt):
        fetch_movielens("100k")
    assert files_below(empty_cache) == set()


def test_a_full_disk_is_an_error_of_the_file_and_leaves_nothing(small_releases, empty_cache, publisher, monkeypatch):
    def full(file, chunk):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_files._LimitedFile, "write", full)
    publisher.body = small_releases["100k"]
    with pytest.raises(OSError, match=r"No space left on device: '.*ml-100k\.zip'") as caught:
        fetch_movielens("100k")
    assert not isinstance(caught.value, DatasetNotAvailable)
    assert files_below(empty_cache) == set()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), _files.atomic_write(target) as file:
        file.write(b"new")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert files_below(tmp_path) == {"file"}


def test_an_archive_in_the_cache_that_is_not_the_official_one_is_refused(small_releases, empty_cache, publisher):
    save(empty_cache, {"ml-100k.zip": small_releases["1m"]})
    with pytest.raises(DatasetNotAvailable, match=r"is not the official file .* delete it"):
        fetch_movielens("100k")
    assert publisher.asked == []


def test_members_that_point_outside_are_never_written(declare_official, empty_cache, tmp_path):
    evil = {"../evil": b"x", "ml-100k/../../evil": b"x", f"{tmp_path}/evil": b"x"}
    save(empty_cache, {"ml-100k.zip": declare_official("100k", zipped(evil | in_folder("ml-100k", files_100k())))})
    assert len(fetch_movielens("100k", download=False).frame) == len(RATINGS)
    assert files_below(tmp_path) == {"cache/ml-100k.zip"}


def test_a_zip_that_unpacks_to_far_more_is_refused(declare_official, empty_cache):
    bomb = in_folder("ml-100k", files_100k() | {"u.data": bytes(100_000_000)})
    save(empty_cache, {"ml-100k.zip": declare_official("100k", zipped(bomb))})
    with pytest.raises(ValueError, match=r"ml-100k\.zip has \d+ bytes and unpacks to more than 67108864, the limit"):
        fetch_movielens("100k", download=False)


def test_a_limit_may_be_given(small_releases, empty_cache):
    save(empty_cache, {"ml-100k.zip": small_releases["100k"]})
    with pytest.raises(ValueError, match="unpacks to more than 50, the limit; a larger max_bytes allows it"):
        fetch_movielens("100k", download=False, max_bytes=50)
    assert len(fetch_movielens("100k", download=False, max_bytes=10_000).frame) == len(RATINGS)


@pytest.mark.parametrize("damage", [lambda sound: sound[:-30], lambda sound: sound.replace(b"881250949", b"881250948")])
def test_a_damaged_archive_is_refused(declare_official, empty_cache, damage):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member, content in in_folder("ml-100k", files_100k()).items():
            archive.writestr(member, content)
    save(empty_cache, {"ml-100k.zip": declare_official("100k", damage(buffer.getvalue()))})
    with pytest.raises(ValueError, match=r"ml-100k\.zip is not a valid zip archive"):
        fetch_movielens("100k", download=False)


def test_only_verbose_shows_progress(small_releases, empty_cache, publisher, tmp_path, capsys):
    publisher.body = small_releases["100k"]
    fetch_movielens("100k")
    assert capsys.readouterr() == ("", "")
    fetch_movielens("100k", data_home=tmp_path / "again", verbose=1)
    assert "ml-100k.zip: 100%" in capsys.readouterr().err
