"""Files for TensorBoard's projector."""

import os
from typing import Any

import pandas as pd

from skrec._checks import read_path
from skrec._writing import atomic_write
from skrec.inspection._tables import counts_of, embedding_table, fitted

_CONFIG = 'embeddings {\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n}\n'


def to_projector(estimator: Any, folder: str | os.PathLike, *, items: Any = None, users: Any = None) -> None:
    """Write the embeddings of items and users for TensorBoard's projector, in one space.

    ``tensorboard --logdir folder`` shows them. The files ``vectors.tsv`` and ``metadata.tsv`` can also be loaded at
    projector.tensorflow.org. Existing files of these names are replaced.

    Parameters
    ----------
    estimator : estimator
        A fitted recommender with ``item_embeddings_`` and ``user_embeddings_``, or a fitted search or Pipeline that ends in
        one.
    folder : str or os.PathLike
        Folder for the files. It is created if it does not exist.
    items, users : DataFrame or Series, optional
        Further columns of the metadata, such as titles and genres, with the labels as index. Labels without a row are empty.

    Raises
    ------
    TypeError
        If the model has no embeddings, or ``items`` or ``users`` is not a DataFrame or Series.
    ValueError
        If the vectors of users and items are of different lengths, so that they are not in one space.

    Notes
    -----
    The metadata have the columns ``label``, ``kind``, which is "item" or "user", and ``n_events``, the number of training users
    or items. Tabs and line breaks in them are replaced by spaces.

    Examples
    --------
    >>> import tempfile
    >>> from skrec import ALSRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import to_projector
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = ALSRecommender(n_factors=4, positive_from=4, n_jobs=1, random_state=0).fit(films)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_projector(model, folder)
    """
    model, target = fitted(estimator), read_path(folder, "folder")
    tables = {"item": embedding_table(model, side="item"), "user": embedding_table(model, side="user")}
    widths = [table.shape[1] for table in tables.values()]
    if widths[0] != widths[1]:
        raise ValueError(
            f"the vectors of items and users must have the same length to be in one space, but those of "
            f"{type(model).__name__} have {widths[0]} and {widths[1]}"
        )
    metadata = pd.concat([_metadata(model, "item", tables["item"], items), _metadata(model, "user", tables["user"], users)])
    target.mkdir(parents=True, exist_ok=True)
    _write(target / "vectors.tsv", pd.concat(tables.values()).to_csv(sep="\t", header=False, index=False, float_format="%.7g"))
    _write(target / "metadata.tsv", _tab_separated(metadata))
    _write(target / "projector_config.pbtxt", _CONFIG)


def _metadata(model: Any, side: str, table: pd.DataFrame, given: Any) -> pd.DataFrame:
    """Labels, kinds and counts of items or users, and the given columns."""
    if isinstance(given, pd.Series):
        given = given.to_frame()
    if given is not None and not isinstance(given, pd.DataFrame):
        raise TypeError(f"{side}s must be a DataFrame or Series with the labels as index, got {type(given).__name__}")
    own = pd.DataFrame({"label": table.index, "kind": side, "n_events": counts_of(model, side)})
    if given is None:
        return own
    columns = given[[name for name in given if name not in own]].loc[~given.index.duplicated()]
    return pd.concat([own, columns.reindex(table.index).reset_index(drop=True)], axis=1)


def _tab_separated(table: pd.DataFrame) -> str:
    """The text of a table, without quotes, which the projector does not read."""
    rows = [table.columns, *table.astype(object).where(table.notna(), "").to_numpy()]
    return "".join("\t".join(" ".join(str(value).split()) for value in row) + "\n" for row in rows)


def _write(path: Any, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))
