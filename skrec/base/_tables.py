"""Tables of answers in the form of pandas, polars or pyarrow."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec._checks import check_choice
from skrec.data._encoding import IdEncoder, as_index, as_list
from skrec.data._reading import column_names

Backend = Literal["pandas", "polars", "pyarrow"]


def make_table(columns: Mapping[str, NDArray], samples: Mapping[str, NDArray | None], backend: Backend) -> Any:
    """Make a table of columns.

    Parameters
    ----------
    columns : dict of arrays of shape (n_rows,)
        Labels and numbers by name.
    samples : dict of arrays of shape (1,)
        Known labels, from which columns without rows get their type. None if there is none.
    backend : {"pandas", "polars", "pyarrow"}
        Library of the table.
    """
    check_choice(backend, "backend", tuple(_BACKENDS))
    make, make_column = _BACKENDS[backend]()

    def typed(name: str, values: NDArray) -> Any:
        sample = samples.get(name)
        return make_column(values if len(values) or sample is None else sample)[: len(values)]

    return make({name: typed(name, values) for name, values in columns.items()})


def without_padding(labels: NDArray, sample: NDArray | None) -> NDArray:
    """Labels in the type of a known one. Padding makes arrays of objects of them."""
    if labels.dtype != object or sample is None or sample.dtype == object:
        return labels
    return np.array(as_list(labels), dtype=sample.dtype)


def _pandas() -> tuple[Callable, Callable]:
    def make_column(labels: NDArray) -> pd.Series:
        return pd.Series(labels.tolist() if labels.dtype == object and len(labels) else as_index(labels))

    return pd.DataFrame, make_column


def _polars() -> tuple[Callable, Callable]:
    try:
        import polars as pl
    except ImportError:
        raise ImportError("backend='polars' needs polars: pip install 'skrec[polars]'") from None
    return pl.DataFrame, _of_one_type("polars", pl.Series, (TypeError, pl.exceptions.PolarsError))


def _pyarrow() -> tuple[Callable, Callable]:
    try:
        import pyarrow as pa
    except ImportError:
        raise ImportError("backend='pyarrow' needs pyarrow: pip install 'skrec[parquet]'") from None
    return pa.table, _of_one_type("pyarrow", pa.array, (TypeError, pa.ArrowException))


def _of_one_type(library: str, make_column: Callable, errors: tuple[type[Exception], ...]) -> Callable:
    """A function that makes a column, with a ValueError for labels that have no common type."""

    def make(values: NDArray) -> Any:
        try:
            return make_column(values if values.dtype.kind in "biuf" else as_list(values))
        except errors as error:
            raise ValueError(f"labels must have a common type in a table of {library}: {error}") from None

    return make


_BACKENDS: dict[str, Callable[[], tuple[Callable, Callable]]] = {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}


def join_items(table: Any, labels: NDArray, items: Any, backend: Backend, *, has_labels: bool) -> Any:
    """Append the columns of a table of items to a table of answers, in the rows of its items.

    Parameters
    ----------
    table : DataFrame or Table
        Table of answers.
    labels : array of shape (n_rows,)
        The item of each row.
    items : DataFrame, Series or Table
        Table of items.
    backend : str
        The form of ``table``.
    has_labels : bool
        Whether items have labels. If not, their codes are the labels.
    """
    items = items.to_frame() if isinstance(items, pd.Series) else items
    names = [name for name in column_names(items, "items") if name != "item"]
    taken = [name for name in names if name in column_names(table, "table")]
    if taken:
        raise ValueError(f"items must not have the columns of the table of answers, but it has {taken[0]!r}: rename it")
    if "item" in column_names(items, "items"):
        known, items = IdEncoder(items["item"], name="column 'item' of items"), _select(items, names)
    elif not isinstance(items, pd.DataFrame) or (has_labels and type(items.index) is pd.RangeIndex):
        raise ValueError(f"items must have the labels of items in a column 'item' or as its index, got the columns {names[:8]}")
    else:
        known = IdEncoder(items.index, name="the index of items")
    rows = known.encode(labels)
    if len(rows) and (rows < 0).all():
        found = f"labels like {as_list(known.ids[:1])[0]!r}" if len(known) else "no rows"
        raise ValueError(f"items must have rows for the items of the answers, such as {as_list(labels[:1])[0]!r}, got {found}")
    return _JOINED[backend](table, items, rows)


def _select(items: Any, names: list) -> Any:
    return items[names] if isinstance(items, pd.DataFrame) else items.select(names)


def _join_pandas(table: pd.DataFrame, items: Any, rows: NDArray[np.int64]) -> pd.DataFrame:
    side = items if isinstance(items, pd.DataFrame) else items.to_pandas()
    side = side.reset_index(drop=True)
    side = side.take(rows).reset_index(drop=True) if (rows >= 0).all() else side.reindex(rows).reset_index(drop=True)
    return pd.concat([table, side], axis=1)


def _join_polars(table: Any, items: Any, rows: NDArray[np.int64]) -> Any:
    import polars as pl

    positions = pl.Series(rows).replace(-1, None)
    return table.hstack(pl.DataFrame(items).select(pl.all().gather(positions)))


def _join_pyarrow(table: Any, items: Any, rows: NDArray[np.int64]) -> Any:
    import pyarrow as pa

    if isinstance(items, pd.DataFrame):
        items = pa.Table.from_pandas(items, preserve_index=False)
    elif not isinstance(items, pa.Table):
        items = _from_polars(items)
    side = items.take(pa.array(rows, mask=rows < 0))
    for field, column in zip(side.schema, side.columns, strict=True):
        table = table.append_column(field, column)
    return table


def _from_polars(items: Any) -> Any:
    import polars as pl

    return items.to_arrow(compat_level=pl.CompatLevel.oldest())  # pyarrow cannot select rows of the newest kind of strings


_JOINED = {"pandas": _join_pandas, "polars": _join_polars, "pyarrow": _join_pyarrow}
