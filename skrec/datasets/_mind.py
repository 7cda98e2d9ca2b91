"""MIND, the Microsoft News Dataset: impressions, clicks and articles."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from skrec._checks import read_path
from skrec.data import IdEncoder, Interactions
from skrec.data._times import UNITS
from skrec.datasets._mind_format import Behaviors, read_behaviors, read_news, read_vectors


class Mind(NamedTuple):
    """News impressions and articles. Users and items have the same codes and labels in all parts.

    Parameters
    ----------
    interactions : Interactions
        An event for each candidate of each impression, in the order of the file. The value is 1 for a click, otherwise 0.
        Impressions are numbered from 0 by line. Timestamps are microseconds since 1970. All values are 0 for test
        files, which do not contain clicks.
    history : Interactions
        Earlier clicks of each user, in order, with value 1. The files give no times for them: the last click is placed one
        second before the first impression of the user, the one before it two seconds, and so on. Each click is an impression of
        its own, numbered after the others.
    news : DataFrame of shape (n_items, 7)
        A row for each item code, indexed by label: ``category``, ``subcategory``, ``title``, ``abstract``, ``url``, and
        ``title_entities`` and ``abstract_entities``, lists of Wikidata ids. All are missing (NaN) for articles that the files
        do not describe.
    entity_vectors : DataFrame of float32 or None
        The vectors of ``entity_embedding.vec``, indexed by Wikidata id. None if there is no such file.
    relation_vectors : DataFrame of float32 or None
        The vectors of ``relation_embedding.vec``, indexed by Wikidata id. None if there is no such file.
    """

    interactions: Interactions
    history: Interactions
    news: pd.DataFrame
    entity_vectors: pd.DataFrame | None
    relation_vectors: pd.DataFrame | None

    @property
    def events(self) -> Interactions:
        """History and interactions in one table in order of time, for `fit`. Computed at each access."""
        both = self.history._followed_by(self.interactions)
        return both[both.time_order()]


def load_mind(folder: str | os.PathLike, *, text: Any = None) -> Mind:
    """Load news impressions of MIND (MINDsmall or MINDlarge): training, development or test files.

    Reads ``behaviors.tsv`` and ``news.tsv``, and ``entity_embedding.vec`` and ``relation_embedding.vec`` if they exist. The
    items are all articles that were shown, clicked or described, in sorted order.

    Parameters
    ----------
    folder : str or os.PathLike
        Folder of one unpacked part of the release, such as ``MINDsmall_train``.
    text : transformer of lists of texts, default=None
        If given, it is fitted on the titles, and its vectors are the ``item_features`` of the interactions and the history.
        `skrec.features.text_vectors` makes such a transformer, also from a language model. Articles without a title have an
        empty text. To read another part, pass the fitted transformer in ``sklearn.frozen.FrozenEstimator``.

    Returns
    -------
    Mind
        Impressions, click histories and articles.

    Raises
    ------
    FileNotFoundError
        If ``behaviors.tsv`` or ``news.tsv`` is missing.
    ValueError
        If a line is malformed. The message has the file and the line.

    Notes
    -----
    Times are read as UTC, since the files name no time zone. The release has one history for each user. If the lines of a user
    differ, the history of the earliest impression is used, so that it contains no click after an impression.

    About 25,000 impressions with 38 candidates and 32 history clicks each are read per second. Memory is 36 bytes for each
    event.

    References
    ----------
    Wu, Qiao, Chen, Wu, Qi, Lian, Liu, Xie, Gao, Wu, Zhou, "MIND: A Large-scale Dataset for News Recommendation", ACL 2020.

    Examples
    --------
    If the files are available::

        mind = load_mind("MINDsmall_train")
        mind.news.loc["N34700", "category"]
        # 'news'
        model.fit(mind.events)
    """
    folder = read_path(folder, "folder")
    behaviors = read_behaviors(folder / "behaviors.tsv")
    described = read_news(folder / "news.tsv")
    user_ids, user_of = IdEncoder.learn(list(behaviors.users))
    item_ids, item_of = IdEncoder.learn([*behaviors.news, *described.index])
    lines = behaviors.lines
    users, times, shown = user_of[lines["user"]], lines["time"], lines["n_shown"]
    interactions = Interactions.from_arrays(
        np.repeat(users, shown),
        item_of[behaviors.shown],
        behaviors.clicked,
        timestamps=np.repeat(times, shown),
        impressions=np.repeat(np.arange(len(lines)), shown),
        user_ids=user_ids.ids,
        item_ids=item_ids.ids,
        timestamp_unit="s",
    )
    news = described.reindex(pd.Index(item_ids.ids, name="item"))
    if text is not None:
        titles = news["title"].fillna("").tolist()
        interactions = replace(interactions, item_features=clone(text).fit(titles, None).transform(titles))
    line, read, n_left = _first_histories(behaviors)
    history = replace(
        interactions,
        users=users[line],
        items=item_of[read],
        values=np.ones(len(line), np.float32),
        timestamps=UNITS["s"] * (times[line] - n_left),
        impressions=len(lines) + np.arange(len(line)),
    )
    return Mind(
        interactions,
        history,
        news,
        _vectors(folder / "entity_embedding.vec"),
        _vectors(folder / "relation_embedding.vec"),
    )


def _first_histories(behaviors: Behaviors) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Line, article and position from the end of each click in the earliest history of each user."""
    lines = behaviors.lines
    by_time = np.argsort(lines["time"], kind="stable")
    _, place = np.unique(lines["user"][by_time], return_index=True)
    is_first = np.zeros(len(lines), dtype=bool)
    is_first[by_time[place]] = True
    line = np.repeat(np.arange(len(lines)), lines["n_read"])
    from_the_end = np.cumsum(lines["n_read"])[line] - np.arange(len(line))
    return line[is_first[line]], behaviors.read[is_first[line]], from_the_end[is_first[line]]


def _vectors(path: Path) -> pd.DataFrame | None:
    return read_vectors(path) if path.exists() else None
