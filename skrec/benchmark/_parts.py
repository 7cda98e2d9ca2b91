"""Training and test part of a comparison, and queries for the test users."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing

from skrec.data import Interactions, check_interactions, is_matrix
from skrec.data._reading import has_values, is_frame
from skrec.data._vocabulary import Vocabulary, decode
from skrec.model_selection import RandomHoldout


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the data, in the given form and as events.

    Attributes
    ----------
    X : Interactions, DataFrame of events, or users x items matrix
        Input of the steps of a Pipeline.
    y : float32 array of shape (n_events,) or None
        Values of the events, if y was given.
    events : Interactions or None
        The same events with the user and item codes of the whole data. None for given test data.
    """

    X: Any
    y: NDArray[np.float32] | None
    events: Any

    def as_events(self) -> "Part":
        """The input of a recommender that is not in a Pipeline. It has y, since the scorers of a search may need it."""
        return self if self.events is None else Part(self.events, self.events.values, self.events)


def split_parts(X: Any, y: ArrayLike | None, test: Any, cv: Any, seed: int) -> tuple[Part, Part, str]:
    """Training part, test part, and a description of the split."""
    events = check_interactions(X, y)
    whole = Part(X if is_frame(X) else events, None if y is None else events.values, events)
    if test is not None:
        if cv is not None:
            raise ValueError(f"test and cv must not be given together, since X is not split with test data; got cv={cv!r}")
        if y is not None and not has_values(test):
            raise ValueError("test must have values, such as a column 'rating', if y is given")
        return whole, Part(test, None, None), "none: test data were given"
    splitter = RandomHoldout(0.2, random_state=seed) if cv is None else cv
    if isinstance(splitter, str) or not hasattr(splitter, "split"):
        raise TypeError(f"cv must be a splitter such as RandomHoldout() or KFold(), got {cv!r}")
    for train, held_out in splitter.split(events, events.values):
        return _rows(whole, train), _rows(whole, held_out), f"the first of {splitter!r}"
    raise ValueError(f"cv must give at least one split, got none from {cv!r}")


def _rows(whole: Part, rows: NDArray[np.int64]) -> Part:
    events = whole.events[rows]
    return Part(
        X=_safe_indexing(whole.X, rows) if is_frame(whole.X) else events,
        y=None if whole.y is None else events.values,
        events=events,
    )


def queries_for_test_users(train: Interactions, test: Any) -> list[Any]:
    """Queries for test users: ids of users in the training part, and test events of other users."""
    vocabulary = Vocabulary(train.n_users, train.n_items, train.user_ids, train.item_ids, "the training part")
    vocabulary.recode(test, name="test")
    if is_matrix(test):
        return [test]
    events = check_interactions(test)
    codes, user_of_event = np.unique(events.users, return_inverse=True)
    labels = decode(codes, events.user_ids)
    known = pd.Index(labels).isin(decode(np.unique(train.users), train.user_ids))
    return [query for query in (labels[known], events[~known[user_of_event]]) if len(query)]
