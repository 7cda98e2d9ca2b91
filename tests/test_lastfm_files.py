"""The files of Last.fm (HetRec 2011), read as published."""

import os
from pathlib import Path

import numpy as np
import pytest

from skrec.datasets import load_lastfm

# "Twins" is the name of two artists; tags are latin-1, and two files have the line ends of Windows
FILES = {
    "artists.dat": (
        "id\tname\turl\tpictureURL\n"
        "1\tBjörk\thttp://x/1\thttp://x/1.jpg\n3\tTwins\thttp://x/3\t\n5\tTwins \thttp://x/5\t\n8\tNobody's\thttp://x/8\t\n"
    ).encode(),
    "user_artists.dat": b"userID\tartistID\tweight\n2\t5\t13883\n2\t1\t1\n7\t3\t40\n",
    "tags.dat": "tagID\ttagValue\r\n1\tmetal\r\n4571\trock français\r\n".encode("latin-1"),
    "user_friends.dat": b"userID\tfriendID\r\n2\t7\r\n7\t2\r\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_values_are_play_counts_and_labels_are_names(folder):
    plays = load_lastfm(folder).interactions.to_frame()
    assert plays.to_numpy().tolist() == [[2, "Twins [5]", 13883], [2, "Björk", 1], [7, "Twins [3]", 40]]
    assert list(plays) == ["user", "item", "rating"]


def test_artists_are_described_by_their_labels_as_published(folder):
    music = load_lastfm(folder)
    assert music.artists.index.tolist() == ["Björk", "Twins [3]", "Twins [5]", "Nobody's"]
    assert list(music.artists) == ["artist_id", "name", "url", "picture_url"]
    assert music.artists.loc["Twins [5]"].tolist() == [5, "Twins ", "http://x/5", ""]
    assert music.artists.loc[music.interactions.item_ids, "artist_id"].tolist() == [1, 3, 5]


def test_tags_and_friends_are_read(folder):
    music = load_lastfm(folder)
    assert music.tags.to_dict() == {1: "metal", 4571: "rock français"}
    assert list(music.friends) == ["user", "friend"] and music.friends.to_numpy().tolist() == [[2, 7], [7, 2]]


NUMBER = "line 5: expected an integer >= 0, got "
# file, what is put behind its last line, words
BROKEN = {
    "no url": ("artists.dat", "9\tAir\n", "artists.dat, line 6: expected 4 fields between tabs (id, name, url, "),
    "no name": ("artists.dat", "9\t \thttp://x\t\n", "artists.dat, line 6: expected a name, got ' '"),
    "an artist in words": ("artists.dat", "nine\tAir\t\t\n", "artists.dat, line 6: expected an integer >= 0, got 'nine'"),
    "an artist twice": ("artists.dat", "3\tAir\t\t\n", "artists.dat, line 6: duplicate artist"),
    "artists in Latin-1": ("artists.dat", "9\tBjörk\t\t\n".encode("latin-1"), "artists.dat, line 6: not utf-8 text"),
    "spaces for tabs": ("user_artists.dat", "7 1 2\n", "user_artists.dat, line 5: expected 3 fields between tabs (userID, "),
    "a user in words": ("user_artists.dat", "x\t1\t2\n", "user_artists.dat, " + NUMBER + "'x'"),
    "an artist below 0": ("user_artists.dat", "7\t-1\t2\n", "user_artists.dat, " + NUMBER + "'-1'"),
    "no play": ("user_artists.dat", "7\t1\t0\n", "user_artists.dat, line 5: expected an integer >= 1, got '0'"),
    "half a play": ("user_artists.dat", "7\t1\t1.5\n", "user_artists.dat, line 5: expected an integer >= 1, got '1.5'"),
    "an unknown artist": ("user_artists.dat", "7\t4\t2\n", "user_artists.dat, line 5: artist is not in artists.dat"),
    "a pair twice": ("user_artists.dat", "7\t3\t2\n", "user_artists.dat, line 5: duplicate pair of user and artist"),
    "a blank line": ("tags.dat", "\r\n", "tags.dat, line 4: expected 2 fields between tabs (tagID, tagValue), got 1"),
    "a tag without number": ("tags.dat", "\tpop\r\n", "tags.dat, line 4: expected an integer >= 0, got ''"),
    "a tag twice": ("tags.dat", "1\tpop\r\n", "tags.dat, line 4: duplicate tag"),
    "a friend missing": ("user_friends.dat", "7\r\n", "user_friends.dat, line 4: expected 2 fields between tabs (userID, "),
    "a friend in words": ("user_friends.dat", "7\tann\r\n", "user_friends.dat, line 4: expected an integer >= 0, got 'ann'"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "more", "words"), BROKEN.values(), ids=BROKEN)
def test_a_malformed_line_is_refused_by_file_and_line(folder, file, more, words):
    (folder / file).write_bytes(FILES[file] + (more if isinstance(more, bytes) else more.encode()))
    with pytest.raises(ValueError) as caught:
        load_lastfm(folder)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("file", FILES)
def test_another_header_no_lines_and_no_file_are_named(folder, file):
    header, _, body = FILES[file].partition(b"\n")
    (folder / file).write_bytes(body)
    with pytest.raises(ValueError) as caught:
        load_lastfm(folder)
    assert str(caught.value).startswith(f"{file}, line 1: expected {header.decode().strip()!r}, got ")
    for content in (b"", header + b"\n"):
        (folder / file).write_bytes(content)
        with pytest.raises(ValueError, match=f"^{file} is empty"):
            load_lastfm(folder)
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=file):
        load_lastfm(folder)


def test_a_folder_that_is_no_path_is_refused():
    with pytest.raises(TypeError, match=r"folder must be a str or os\.PathLike, got 3"):
        load_lastfm(3)


@pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA does not say where the data lie")
def test_the_release_is_read_whole():
    folder = Path(os.environ["SKREC_DATA"], "hetrec2011-lastfm-2k")
    music = load_lastfm(folder)
    plays = music.interactions
    assert (len(plays), plays.n_users, plays.n_items, len(music.artists)) == (92_834, 1_892, 17_632, 17_632)
    assert (plays.values.min(), plays.values.max()) == (1, 352_698)
    ids = music.artists.loc[plays.item_ids, "artist_id"].to_numpy()
    official = np.loadtxt(folder / "user_artists.dat", dtype=np.int64, skiprows=1)
    assert np.array_equal(np.column_stack([plays.user_ids[plays.users], ids[plays.items], plays.values]), official)
    assert music.artists.index.is_unique and "Björk" in music.artists.index and music.tags[4571] == "rock français"
    pairs = set(map(tuple, music.friends.to_numpy().tolist()))
    assert len(pairs) == 25_434 and {(friend, user) for user, friend in pairs} == pairs
    assert set(music.friends["user"]) <= set(plays.user_ids)
