"""Users of a query: known users by codes, new users by histories."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skrec.base._divergence import overflow
from skrec.data import Interactions
from skrec.data._histories import select_users, slice_users
from skrec.data._pairs import sorted_pairs
from skrec.data._vocabulary import Vocabulary, decode, read_labels
from skrec.topk import RowPattern


@dataclass(frozen=True, eq=False)
class KnownUsers:
    """Users of the training data.

    Attributes
    ----------
    codes : int64 array of shape (n_users,)
        -1 for a label that is not in the training data.
    labels : array of shape (n_users,)
    """

    codes: NDArray[np.int64]
    labels: NDArray

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, users: slice | NDArray[np.int64]) -> Self:
        return replace(self, codes=self.codes[users], labels=self.labels[users])

    @property
    def is_unknown(self) -> NDArray[np.bool_]:
        """Whether each user is one that the model does not know."""
        return self.codes < 0

    def check_known(self, vocabulary: Vocabulary, *, name: str) -> None:
        """Raise UnknownUserError if a user is unknown."""
        vocabulary.check_known_users(self.codes, self.labels, name=name)

    def where(self, choose: Callable[[Interactions], NDArray[np.bool_]]) -> Self:
        """The same users: they have no events to choose from."""
        return self

    def state(self, model: Any) -> Any:
        """What the model scores the users by."""
        return model._known_state(self.codes)

    def seen(self, model: Any) -> RowPattern:
        """The items of each user in the training data."""
        return RowPattern.of(model.seen_, self.codes)

    def is_familiar(self, model: Any) -> NDArray[np.bool_]:
        """Whether the model ranks for each user. Others get the most popular items."""
        return model._familiar_users(self.codes)

    def check_scores(self, scores: Any) -> None:
        """Training has made sure that the scores of known users are finite."""


@dataclass(frozen=True, eq=False)
class NewUsers:
    """Users who are known by a history alone, with the same methods as `KnownUsers`.

    Attributes
    ----------
    histories : Interactions
        Their events in the codes of the model, sorted by user. Users are coded from 0.
    labels : array of shape (n_users,)
    """

    histories: Interactions
    labels: NDArray

    def __len__(self) -> int:
        return self.histories.n_users

    def __getitem__(self, users: slice | NDArray[np.int64]) -> Self:
        """Some of the users. Positions are ascending."""
        if isinstance(users, slice) and users == slice(0, len(self)):
            return self
        histories = slice_users(self.histories, users) if isinstance(users, slice) else select_users(self.histories, users)
        return replace(self, histories=histories, labels=self.labels[users])

    @property
    def is_unknown(self) -> NDArray[np.bool_]:
        """False for all: a history is enough."""
        return np.zeros(len(self), bool)

    def check_known(self, vocabulary: Vocabulary, *, name: str) -> None:
        """Do nothing. New users do not have to be known."""

    def where(self, choose: Callable[[Interactions], NDArray[np.bool_]]) -> Self:
        """The same users with those of their events that a function chooses."""
        return replace(self, histories=self.histories[choose(self.histories)])

    def state(self, model: Any) -> Any:
        """What the model scores the users by, found by fold-in."""
        return model._new_state(self.histories)

    def seen(self, model: Any) -> RowPattern:
        """The items of each history."""
        pairs = sorted_pairs(self.histories)
        bounds = pairs.indptr.astype(np.int64)
        return RowPattern(bounds[:-1], bounds[1:], pairs.items)

    def is_familiar(self, model: Any) -> NDArray[np.bool_]:
        """Whether the model ranks for each user. Others get the most popular items."""
        return model._familiar_histories(self.histories)

    def check_scores(self, scores: Any) -> None:
        """ValueError if a score is NaN or infinite, which large values in a history can cause."""
        if not scores.max() < np.inf:  # NaN is not below it either
            raise overflow(self.histories, "the model's scores must be numbers, but some are NaN or infinite")


Query = KnownUsers | NewUsers


def known_users(vocabulary: Vocabulary, users: Any, *, name: str) -> KnownUsers:
    """Users by their labels, all if None. Unknown labels have the code -1."""
    if users is None:
        codes = np.arange(vocabulary.n_users)
        return KnownUsers(codes, decode(codes, vocabulary.user_ids))
    labels = read_labels(users, name)
    codes = vocabulary.find_users(labels, name=name)
    return KnownUsers(codes, decode(codes, vocabulary.user_ids) if (codes >= 0).all() else labels)
