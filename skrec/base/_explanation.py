"""Contributions of a user's items to a score."""

from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skrec._checks import check_int
from skrec.data._vocabulary import decode


def explain(self: Any, user: Any, item: Any, *, k: int = 5) -> pd.DataFrame:
    """Find the k items of a known user's history that contribute most to the score of an item.

    Models other than `ALSRecommender` and linear item-item models such as `EASERecommender` raise a NotImplementedError.

    Parameters
    ----------
    user, item : label
        A user and an item of the training data.
    k : int, default=5
        Number of items.

    Returns
    -------
    DataFrame
        Columns ``item`` and ``contribution``, largest first. Over the whole history, the contributions add up to the score.
        In `ALSRecommender` this is the score that the user has when folded in.

    Raises
    ------
    UnknownUserError, UnknownItemError
        If the user or the item is unknown.
    ValueError
        If the model was saved without the histories of its users.
    """
    check_is_fitted(self)
    check_int(k, "k", at_least=1)
    (of_user,) = self.vocabulary_.user_codes([user], name="user")
    (of_item,) = self.vocabulary_.item_codes([item], name="item")
    if not self.seen_.nnz:
        raise ValueError("explain needs the histories of the users, which were left out when the model was saved")
    items, contributions = self._contributions(int(of_user), int(of_item), k)
    return pd.DataFrame({"item": decode(items, self.item_ids_), "contribution": contributions})


def no_contributions(model: Any, user: int, item: int, k: int) -> Any:
    """Raise NotImplementedError, since the score is not a sum over items."""
    raise NotImplementedError(
        f"the score of {type(model).__name__} is not a sum over the user's past items, so it has no exact explanation; "
        "similar_items(item, candidates=past_items) names the nearest of them"
    )
