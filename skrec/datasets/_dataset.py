"""The result of loaders and generators."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.data import Interactions


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Events with tables of users and items, which have the same labels in all parts.

    Parameters
    ----------
    name : str
        Name of the data set.
    interactions : Interactions
        The events. Event ``i`` is row ``i`` of ``frame``. Timestamps are microseconds since 1970.
    frame : DataFrame of shape (n_events, 4)
        Columns ``user``, ``item``, ``rating`` and ``timestamp`` (datetime64[us], UTC), in the order of the source.
    items : DataFrame
        Properties of items, indexed by item label: ``movie_id``, ``title``, ``year`` (Int64, missing if not given), ``genres``
        (a tuple of str, empty if none is given) and further columns of the source. ``items.loc[interactions.item_ids]`` has one
        row for each item code.
    users : DataFrame or None, default=None
        Properties of users, indexed by user label.
    folds : list of (train, test) pairs of int64 arrays, or None, default=None
        Official splits as positions of events. Can be passed as ``cv`` to scikit-learn.
    citation : str, default=""
        Publication to cite.
    license : str, default=""
        Terms of use of the data.
    """

    name: str
    interactions: Interactions
    frame: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame | None = None
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None
    citation: str = ""
    license: str = ""

    def __repr__(self) -> str:
        X = self.interactions
        return f"Dataset({self.name!r}: {len(X)} events, {X.n_users} users x {X.n_items} items)"
