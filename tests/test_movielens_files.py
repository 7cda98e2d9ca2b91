"""The files of MovieLens: small releases of all formats, and the official ones where they are at hand."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import cross_val_score
from small_movielens import CSV, FILES, FLAGS, FOLDS, HALF_STARS, RATINGS, TITLES, folder_of, save, text_of

from skrec.datasets import DatasetNotAvailable, fetch_movielens
from skrec.datasets._movielens_format import read_1m

# ---- small releases --------------------------------------------------------------------------------------------------


@pytest.fixture(params=FILES)
def read_small(request, small_releases, empty_cache):
    """Save one release's files, changed as told, where `fetch_movielens` looks; then call it."""

    def read(changed: dict[str, bytes] | None = None, **keywords):
        save(empty_cache / folder_of(request.param), FILES[request.param]() | (changed or {}))
        return fetch_movielens(request.param, download=False, **keywords)

    read.release = request.param
    return read


def fetch_changed(cache: Path, name: str, **changed: bytes):
    files = FILES[name]()
    save(cache / folder_of(name), files | {file.replace("__", "."): content for file, content in changed.items()})
    return fetch_movielens(name, download=False)


def test_ratings_keep_the_order_and_the_numbers_of_their_file(read_small):
    frame = read_small(item_labels="id").frame
    rows = RATINGS if read_small.release in ("100k", "1m") else HALF_STARS
    written = pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"])
    assert_frame_equal(in_seconds(frame), written)


def in_seconds(frame):
    """A table of ratings with its timestamps as the files have them."""
    return frame.assign(timestamp=frame["timestamp"].astype("int64") // 10**6)


@pytest.mark.parametrize("item_labels", ["title", "id"])
def test_frame_items_and_interactions_agree(read_small, item_labels):
    data = read_small(item_labels=item_labels)
    assert data.items.index.is_unique
    assert data.items.loc[data.frame["item"], "movie_id"].tolist() == [item for _, item, _, _ in RATINGS]
    assert_frame_equal(data.interactions.to_frame(), data.frame, check_dtype=False)
    assert len(data.items.loc[data.interactions.item_ids]) == data.interactions.n_items


def test_a_title_that_two_films_bear_is_followed_by_the_id(small_releases, empty_cache):
    data = fetch_changed(empty_cache, "100k")
    assert data.items.index.tolist() == ["Léon (1994)", "Up\x85 (2009)", "Twins (1988) [3]", "Twins (1988) [4]"]
    assert data.items["title"].tolist() == TITLES
    assert data.frame["item"].tolist()[:3] == ["Léon (1994)", "Twins (1988) [3]", "Twins (1988) [4]"]


def test_100k_has_dates_genres_and_people(small_releases, empty_cache):
    data = fetch_changed(empty_cache, "100k")
    dates = data.items["release_date"].dt.strftime("%Y-%m-%d").fillna("unknown")
    assert dates.tolist() == ["1995-01-01", "1971-02-04", "1988-12-31", "unknown"]
    assert data.items["year"].tolist() == [1994, 2009, 1988, 1988]
    assert data.items["genres"].tolist() == [("Action",), ("Animation", "Children's", "Comedy"), (), ()]
    assert data.users.loc[2].to_dict() == {"age": 53, "gender": "F", "occupation": "other", "zip": "0B1"}


def test_1m_has_genres_and_people(small_releases, empty_cache):
    data = fetch_changed(empty_cache, "1m")
    assert data.items["genres"].tolist() == [("Action",), ("Animation", "Children's", "Comedy"), ("Drama",), ("Drama",)]
    assert data.users.loc[1].to_dict() == {"age": 1, "gender": "F", "occupation": "K-12 student", "zip": "48067"}
    assert data.folds is None


def test_10m_is_utf_8_and_has_no_users(small_releases, empty_cache):
    data = fetch_changed(empty_cache, "10m")
    assert data.items["title"].tolist() == TITLES
    assert data.items["genres"].tolist() == [("Action",), ("Animation", "Children", "Comedy"), ("Drama",), ()]
    assert (data.name, data.users, data.folds) == ("ml-10m", None, None)


@pytest.mark.parametrize("name", CSV)
def test_later_releases_are_csv_with_quotes_and_windows_line_ends(small_releases, empty_cache, name):
    data = fetch_changed(empty_cache, name)
    assert data.items.index.tolist() == ["Léon (1994)", "Up, again", 'Say "Hi" (1899) (1990)', "Death Note (2006–2007)"]
    assert data.items["year"].tolist() == [1994, pd.NA, 1990, pd.NA]
    assert data.items["genres"].tolist() == [("Action",), ("Animation", "Comedy"), (), ("Drama",)]
    assert data.users is None


def test_folds_are_positions_in_the_order_of_their_files(small_releases, empty_cache):
    folds = fetch_changed(empty_cache, "100k").folds
    assert [(train.tolist(), test.tolist()) for train, test in folds] == FOLDS


def test_without_all_fold_files_there_are_no_folds(small_releases, empty_cache):
    files = FILES["100k"]()
    del files["u3.test"]
    save(empty_cache / "ml-100k", files)
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
        ("100k", "u.data", 3, b"3\t4\t1\t881250940000"),
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
        ("100k", "u.data", 3, b"3\t-4\t1\t881250940"),
        ("100k", "u.data", 3, b"3\t4\t1\t8e8"),
        ("100k", "u.data", 3, b"3\t4\t1\t8812509.0"),
        ("20m", "ratings.csv", 3, b"2,3,2.5,8812509.0\r"),
        ("10m", "ratings.dat", 2, b"2::3::3::99999999999999999999999.0"),
        ("100k", "u.item", 2, b"2|Up (2009)|01-Jan-99999999999||http://x|" + FLAGS[0].encode()),
        ("100k", "u.user", 3, b"3|7|L|student|02139"),
        ("1m", "ratings.dat", 2, b"2\t3::3::881250950"),
        ("10m", "ratings.dat", 2, b"2::3::3.7::881250950"),
        ("10m", "ratings.dat", 2, b"2::18446744073709551616::3.5::881250950"),
        ("10m", "ratings.dat", 1, b"1::1::5::881250949::0"),
        ("10m", "movies.dat", 1, "1::Léon (1994)::Action".encode("latin-1")),
        ("20m", "ratings.csv", 2, b"1,1,5.0,881250949,7\r"),
        ("25m", "ratings.csv", 4, b"\r"),
        ("32m", "ratings.csv", 4, b"3,4,,881250940\r"),
        ("25m", "movies.csv", 3, b'2,"Up" again,Animation\r'),
        ("25m", "movies.csv", 3, b"2,Up\r again,Animation\r"),
        ("latest-small", "ratings.csv", 1, b"user,movie,rating,timestamp\r"),
        ("latest-small", "ratings.csv", 3, b"2,3,2.75,881250950\r"),
        ("25m", "ratings.csv", 3, b"2,3,2.5,881250950000\r"),
        ("latest-small", "ratings.csv", 6, b"2,99,2.5,881250999\r"),
        ("latest-small", "movies.csv", 3, b'2,"Up, again,Animation\r'),
        ("latest-small", "movies.csv", 3, b"2,\xff,Animation\r"),
    ],
)
def test_a_malformed_line_is_refused_by_file_and_number(small_releases, empty_cache, release_name, file, number, line):
    files = FILES[release_name]()
    save(empty_cache / folder_of(release_name), files | {file: with_line(files[file], number, line)})
    with pytest.raises(ValueError, match=rf"^{file}, line {number}: "):
        fetch_movielens(release_name, download=False)


def test_a_release_with_missing_ratings_is_refused(small_releases, empty_cache):
    with pytest.raises(ValueError, match="ml-1m is not complete: it has 4 ratings instead of 5"):
        fetch_changed(empty_cache, "1m", ratings__dat=text_of(RATINGS[:-1], "::").encode())


@pytest.mark.parametrize("content", [b"", b"\n\n"])
@pytest.mark.parametrize(
    ("release_name", "file"),
    [("100k", "u.data"), ("100k", "u.item"), ("100k", "u.user"), ("10m", "ratings.dat"), ("latest-small", "ratings.csv")],
)
def test_an_empty_file_is_refused(small_releases, empty_cache, release_name, file, content):
    save(empty_cache / folder_of(release_name), FILES[release_name]() | {file: content})
    with pytest.raises(ValueError, match=f"^{file}"):
        fetch_movielens(release_name, download=False)


# ---- the official files ----------------------------------------------------------------------------------------------

needs_real_data = pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA does not say where it is")


@pytest.fixture(scope="module")
def by_id():
    return fetch_movielens("100k", item_labels="id", download=False)


def official_rows(file: str) -> np.ndarray:
    return np.loadtxt(Path(os.environ["SKREC_DATA"], "ml-100k", file), dtype=np.int64)


@needs_real_data
def test_100k_is_the_official_data(by_id):
    assert np.array_equal(in_seconds(by_id.frame).to_numpy(), official_rows("u.data"))
    assert (by_id.interactions.n_users, by_id.interactions.n_items, len(by_id.interactions)) == (943, 1682, 100_000)
    assert (len(by_id.items), len(by_id.users)) == (1682, 943)


@needs_real_data
def test_100k_folds_are_the_official_ones_row_by_row(by_id):
    rows = in_seconds(by_id.frame).to_numpy()
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
    assert movielens_100k.frame.iloc[0].tolist() == [196, "Kolya (1996)", 3, pd.Timestamp("1997-12-04 15:55:49")]
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
    assert np.array_equal(in_seconds(data.frame)[["user", "rating", "timestamp"]], official[["userId", "rating", "timestamp"]])
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
