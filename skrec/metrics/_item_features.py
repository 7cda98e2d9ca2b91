"""Features of items, given as a table by labels or as rows by codes, for any fitted model."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data import IdEncoder
from skrec.data._encoding import as_list
from skrec.data._features import read_features, read_table


@dataclass(frozen=True, eq=False, repr=False)
class ItemFeatures:
    """Features of items.

    Parameters
    ----------
    labels : array of shape (n,) or None
        Label of the item of each row. If None, row i belongs to the item with code i.
    rows : CSR of shape (n, n_features)
        The features.
    """

    labels: NDArray | None
    rows: sp.csr_array

    @classmethod
    def of(cls, features: Any) -> Self:
        """Read a table of numbers indexed by item label, or an array or sparse matrix with one row for each item code."""
        if hasattr(type(features), "columns"):
            labels, table = read_table(features, "item", "item_features")
            IdEncoder(labels, name="labels of item_features")  # refuses repeated labels
            return cls(labels, sp.csr_array(table))
        if not sp.issparse(features):
            features = np.asarray(features)
        n_rows = features.shape[0] if features.ndim == 2 else 0
        return cls(None, sp.csr_array(read_features(features, n_rows, "item")))

    def of_items(self, n_items: int, item_ids: NDArray | None) -> sp.csr_array:
        """The rows in the order of a model's codes, (n_items, n_features)."""
        if self.labels is None:
            if self.rows.shape[0] != n_items:
                raise ValueError(f"item_features must have {n_items} rows, one for each item, got shape {self.rows.shape}")
            return self.rows
        if item_ids is None:
            raise ValueError(
                "item_features has labels, but the model was fitted without labels: pass an array in the order of codes"
            )
        return self.rows[self.places(item_ids, np.arange(n_items), name="the model")]

    def places(self, labels: NDArray, codes: NDArray[np.int64], *, name: str) -> NDArray[np.int64]:
        """The row of each item, by its label if the features have labels, and by its code otherwise."""
        if self.labels is None:
            if codes.max(initial=-1) >= self.rows.shape[0]:
                raise ValueError(
                    f"item_features must have a row for each item of {name}, up to code {codes.max()}, got "
                    f"shape {self.rows.shape}"
                )
            return codes
        encoder = IdEncoder(self.labels, name="labels of item_features")
        places = encoder.encode_same_kind(labels, name=f"the items of {name}")
        if (places < 0).any():
            lacking = labels[places < 0]
            raise ValueError(
                f"item_features must have a row for each item of {name}, but {len(lacking)} have none: {as_list(lacking[:5])}"
            )
        return places

    def _parts(self) -> tuple[NDArray, ...]:
        labels = np.zeros(0) if self.labels is None else self.labels
        return labels, self.rows.indptr, self.rows.indices, self.rows.data

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ItemFeatures)
            and self.rows.shape == other.rows.shape
            and all(map(np.array_equal, self._parts(), other._parts()))
        )

    def __hash__(self) -> int:
        return hash((self.rows.shape, self.rows.data.tobytes()))

    def __repr__(self) -> str:
        return f"<{self.rows.shape[0]} items x {self.rows.shape[1]} features>"
