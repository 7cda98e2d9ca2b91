"""Answers: ranked labels with their scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.base._tables import Backend, join_items, make_table, without_padding

_MOST_ROWS, _MOST_COLUMNS = 10, 10  # of the table in a notebook


@dataclass(frozen=True, eq=False, repr=False)
class Ranking:
    """Ranked lists of k labels with scores, one for each query.

    A ranking can be unpacked: ``labels, scores = ranking``.

    Parameters
    ----------
    queries : array of shape (n,)
        Labels of the queries.
    labels : array of shape (n, k)
        Labels of the answers, best first. Padded with None, or with -1 if codes are the labels.
    scores : float32 array of shape (n, k)
        Scores, padded with NaN. Minus infinity for items without training events and features.
    codes : int64 array of shape (n, k)
        Positions in the model's vocabulary, padded with -1.
    query_sample, label_sample : arrays of shape (1,), optional
        A known label of each kind, from which columns of tables without rows get their type. None if codes are the labels.
    """

    queries: NDArray
    labels: NDArray
    scores: NDArray[np.float32]
    codes: NDArray[np.int64]
    query_sample: NDArray | None = None
    label_sample: NDArray | None = None

    query_column: ClassVar[str] = "query"
    label_column: ClassVar[str] = "item"

    def __iter__(self) -> Iterator[NDArray]:
        return iter((self.labels, self.scores))

    def __len__(self) -> int:
        return len(self.queries)

    def __repr__(self) -> str:
        n, k = self.codes.shape
        return f"{type(self).__name__}({n} {self.query_column}s, {k} {self.label_column}s each)"

    def _repr_html_(self) -> str:
        """Return the first lists as a table, for notebooks."""
        shown = self.codes[:_MOST_ROWS, :_MOST_COLUMNS]
        labels = np.where(shown >= 0, self.labels[:_MOST_ROWS, :_MOST_COLUMNS].astype(object), "")
        index = pd.Index(self.queries[:_MOST_ROWS], name=self.query_column)
        table = pd.DataFrame(labels, index=index, columns=pd.RangeIndex(1, shown.shape[1] + 1, name="rank"))
        return f"{table.to_html()}\n<p>{self!r}</p>"

    def to_frame(self, *, backend: Backend = "pandas", items: Any = None) -> Any:
        """Convert to a table with a row for each answer, without padding.

        Parameters
        ----------
        backend : {"pandas", "polars", "pyarrow"}, default="pandas"
            Library of the table. polars and pyarrow have to be installed.
        items : DataFrame, Series or Table, optional
            Table of items, such as their titles, of which all columns are appended. The labels of items are in its column
            ``item``, or in the index of a pandas object. Items that are not in it get missing values.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns for the query and the answer, ``score`` (float32) and ``rank`` (int64), which begins at 1, and those of
            ``items``. Types of columns do not depend on the number of rows.

        Raises
        ------
        ValueError, TypeError
            If ``items`` is not a table of items: it has a label twice, none of the labels of the answers, or a column with the
            name of another column. If labels are of several types, which only pandas can store in a column.
        ImportError
            If the library is not installed.
        """
        rows, ranks = np.nonzero(self.codes >= 0)
        label_column = self.label_column if self.label_column != self.query_column else f"similar_{self.label_column}"
        labels = without_padding(self.labels[rows, ranks], self.label_sample)
        columns: dict[str, NDArray] = {self.query_column: self.queries[rows], label_column: labels}
        samples = {self.query_column: _first(self.queries, self.query_sample), label_column: self.label_sample}
        numbers: dict[str, NDArray] = {"score": self.scores[rows, ranks], "rank": ranks + 1}
        table = make_table(columns | numbers, samples, backend)
        if items is None:
            return table
        if "item" not in (self.label_column, self.query_column):
            raise ValueError(f"items must be None for {type(self).__name__}, which have no items")
        name, sample = (label_column, self.label_sample) if self.label_column == "item" else ("item", self.query_sample)
        return join_items(table, columns[name], items, backend, has_labels=sample is not None)


def _first(labels: NDArray, sample: NDArray | None) -> NDArray | None:
    return labels[:1] if len(labels) else sample


class Recommendations(Ranking):
    """Items recommended to users: ``items, scores = model.recommend(...)``. See `Ranking`.

    Parameters
    ----------
    queries, labels, scores, codes, query_sample, label_sample
        As for `Ranking`.
    """

    query_column: ClassVar[str] = "user"

    @property
    def users(self) -> NDArray:
        """Labels of the users of the query, shape (n,)."""
        return self.queries

    @property
    def items(self) -> NDArray:
        """Labels of the recommended items, shape (n, k)."""
        return self.labels


class Audience(Ranking):
    """Users with the highest scores for items: ``users, scores = model.recommend_users(...)``. See `Ranking`.

    Parameters
    ----------
    queries, labels, scores, codes, query_sample, label_sample
        As for `Ranking`.
    """

    query_column: ClassVar[str] = "item"
    label_column: ClassVar[str] = "user"

    @property
    def items(self) -> NDArray:
        """Labels of the items of the query, shape (n,)."""
        return self.queries

    @property
    def users(self) -> NDArray:
        """Labels of the users found, shape (n, k)."""
        return self.labels


class SimilarItems(Ranking):
    """Nearest items of items. See `Ranking`.

    Parameters
    ----------
    queries, labels, scores, codes, query_sample, label_sample
        As for `Ranking`.
    """

    query_column: ClassVar[str] = "item"


class SimilarUsers(Ranking):
    """Nearest users of users. See `Ranking`.

    Parameters
    ----------
    queries, labels, scores, codes, query_sample, label_sample
        As for `Ranking`.
    """

    query_column: ClassVar[str] = "user"
    label_column: ClassVar[str] = "user"
