"""Last.fm of HetRec 2011: play counts of artists, and friendships of users."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skrec._checks import read_path
from skrec.data import Interactions
from skrec.datasets._labels import unique_names
from skrec.datasets._lines import convert_lines, parse_integer, raise_if_any, split_tabs

PLAYS = np.dtype([("user", np.int64), ("item", np.int64), ("value", np.int64)])
FRIENDS = np.dtype([("user", np.int64), ("friend", np.int64)])


class LastFM(NamedTuple):
    """Play counts with artists, tags and friends.

    Parameters
    ----------
    interactions : Interactions
        Values are the number of times that a user played an artist. There are no timestamps. User labels are the numbers of the
        files, item labels the names of artists.
    artists : DataFrame
        Indexed by item label: ``artist_id``, ``name``, ``url``, ``picture_url`` (empty if not given). Includes artists without
        plays. ``artists.loc[interactions.item_ids]`` has one row for each item code.
    tags : Series of str
        Tags of artists, indexed by the numbers of the files.
    friends : DataFrame
        Columns ``user`` and ``friend``, which are user labels. Each friendship is listed in both directions.
    """

    interactions: Interactions
    artists: pd.DataFrame
    tags: pd.Series
    friends: pd.DataFrame


def load_lastfm(folder: str | os.PathLike) -> LastFM:
    """Load the play counts of hetrec2011-lastfm-2k.

    Reads ``user_artists.dat``, ``artists.dat``, ``tags.dat`` and ``user_friends.dat``.

    Parameters
    ----------
    folder : str or os.PathLike
        Folder of the unpacked release.

    Returns
    -------
    LastFM
        Play counts and tables. A name of several artists is followed by the number, as in "Air [65]". Surrounding white space
        of names is removed.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a line is malformed. The message has the file and the line.

    References
    ----------
    Cantador, Brusilovsky, Kuflik, "Second Workshop on Information Heterogeneity and Fusion in Recommender Systems",
    RecSys 2011.

    Examples
    --------
    If the files are available::

        music = load_lastfm("hetrec2011-lastfm-2k")
        music.interactions
        # Interactions(92834 events, 1892 users x 17632 items, values 1 to 352698)
        music.artists.loc["Portishead", "url"]
        # 'http://www.last.fm/music/Portishead'
    """
    folder = read_path(folder, "folder")
    artists = _artists(folder / "artists.dat")
    plays = _plays(folder / "user_artists.dat", artists)
    friends = np.fromiter(convert_lines(folder / "user_friends.dat", _friends, header="userID\tfriendID"), FRIENDS)
    labels = unique_names(artists["name"], artists["artist_id"])
    return LastFM(
        Interactions.from_frame(plays.assign(item=labels.loc[plays["item"]].to_numpy())),
        artists.set_axis(pd.Index(labels, name="item")),
        _tags(folder / "tags.dat"),
        pd.DataFrame(friends),
    )


def _artists(path: Path) -> pd.DataFrame:
    """Table of artists, indexed by number."""
    artists = pd.DataFrame(list(convert_lines(path, _artist, header="id\tname\turl\tpictureURL")))
    raise_if_any(path.name, artists["artist_id"].duplicated().to_numpy(), "duplicate artist", 2)
    return artists.set_index("artist_id", drop=False)


def _artist(line: str) -> dict[str, Any]:
    number, name, url, picture_url = split_tabs(line, "id, name, url, pictureURL")
    if not name.strip():
        raise ValueError(f"expected a name, got {name!r}")
    return {"artist_id": parse_integer(number), "name": name, "url": url, "picture_url": picture_url}


def _plays(path: Path, artists: pd.DataFrame) -> pd.DataFrame:
    plays = pd.DataFrame(np.fromiter(convert_lines(path, _play, header="userID\tartistID\tweight"), PLAYS))
    raise_if_any(path.name, ~plays["item"].isin(artists.index).to_numpy(), "artist is not in artists.dat", 2)
    raise_if_any(path.name, plays.duplicated(["user", "item"]).to_numpy(), "duplicate pair of user and artist", 2)
    return plays


def _play(line: str) -> tuple[int, int, int]:
    user, artist, plays = split_tabs(line, "userID, artistID, weight")
    return parse_integer(user), parse_integer(artist), parse_integer(plays, least=1)


def _tags(path: Path) -> pd.Series:
    numbers, tags = zip(*convert_lines(path, _tag, encoding="latin-1", header="tagID\ttagValue"))
    index = pd.Index(numbers, name="tag_id")
    raise_if_any(path.name, index.duplicated(), "duplicate tag", 2)
    return pd.Series(tags, index=index, name="tag")


def _tag(line: str) -> tuple[int, str]:
    number, tag = split_tabs(line, "tagID, tagValue")
    return parse_integer(number), tag


def _friends(line: str) -> tuple[int, int]:
    user, friend = split_tabs(line, "userID, friendID")
    return parse_integer(user), parse_integer(friend)
