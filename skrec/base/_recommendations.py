"""Answers: ranked labels with their scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray


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
    """

    queries: NDArray
    labels: NDArray
    scores: NDArray[np.float32]
    codes: NDArray[np.int64]

    query_column: ClassVar[str] = "query"
    label_column: ClassVar[str] = "item"

    def __iter__(self) -> Iterator[NDArray]:
        return iter((self.labels, self.scores))

    def __len__(self) -> int:
        return len(self.queries)

    def __repr__(self) -> str:
        n, k = self.codes.shape
        return f"{type(self).__name__}({n} {self.query_column}s, {k} {self.label_column}s each)"

    def to_frame(self) -> pd.DataFrame:
        """Convert to a table with a row for each answer, without padding.

        Returns
        -------
        DataFrame
            Columns for the query and the answer, and ``score`` and ``rank``, which begins at 1.
        """
        rows, ranks = np.nonzero(self.codes >= 0)
        label_column = self.label_column if self.label_column != self.query_column else f"similar_{self.label_column}"
        labels = self.labels[rows, ranks]
        return pd.DataFrame(
            {
                self.query_column: self.queries[rows],
                label_column: labels if labels.dtype != object else pd.Series(labels.tolist()),
                "score": self.scores[rows, ranks],
                "rank": ranks + 1,
            }
        )


class Recommendations(Ranking):
    """Items recommended to users: ``items, scores = model.recommend(...)``. See `Ranking`.

    Parameters
    ----------
    queries, labels, scores, codes
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
    queries, labels, scores, codes
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
    queries, labels, scores, codes
        As for `Ranking`.
    """

    query_column: ClassVar[str] = "item"


class SimilarUsers(Ranking):
    """Nearest users of users. See `Ranking`.

    Parameters
    ----------
    queries, labels, scores, codes
        As for `Ranking`.
    """

    query_column: ClassVar[str] = "user"
    label_column: ClassVar[str] = "user"
