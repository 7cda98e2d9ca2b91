"""What every loader and generator answers with."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.data import Interactions


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Events with their side tables; the labels of users and items are the same in every part.

    Attributes
    ----------
    name : str
    interactions : Interactions
        The events, row ``i`` of ``frame`` being event ``i``.
    frame : DataFrame of shape (n_events, 4)
        Columns ``user``, ``item``, ``rating`` and ``timestamp`` (Unix seconds), in the order of the source.
    items : DataFrame
        What is known of each item, indexed by item label: ``movie_id``, ``title``, ``year`` (Int64, missing where not
        given), ``genres`` (a tuple of names, empty where none is given) and whatever else the source has.
        ``items.loc[interactions.item_ids]`` has one row for each item code.
    users : DataFrame or None
        What is known of each user, indexed by user label.
    folds : list of (train, test) pairs of int64 arrays, or None
        Official splits, as positions of events: a ``cv=`` for scikit-learn.
    citation, licence : str
        What to cite, and what the data may be used for.
    """

    name: str
    interactions: Interactions
    frame: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame | None = None
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None
    citation: str = ""
    licence: str = ""

    def __repr__(self) -> str:
        X = self.interactions
        return f"Dataset({self.name!r}: {len(X)} events, {X.n_users} users x {X.n_items} items)"
