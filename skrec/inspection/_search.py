"""Scores of a search over two parameters."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from skrec.inspection._axes import ORANGE, read_axes, shortened


class SearchDisplay:
    """Mean test score for each pair of values of two parameters, as a heat map with the best pair framed.

    Parameters
    ----------
    scores : DataFrame
        Scores, with the values of one parameter as rows and those of the other as columns. NaN for pairs that were not tried.
        The names of the index and of the columns are those of the parameters.
    scorer : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : Axes
        Axes with the heat map.
    figure_ : Figure
        The figure.
    image_ : AxesImage
        The heat map.
    texts_ : array of Text or None, shape of ``scores``
        The number in each cell.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV, KFold
    >>> from skrec import ItemKNNRecommender, get_scorer
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import SearchDisplay
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> search = GridSearchCV(
    ...     ItemKNNRecommender(positive_from=4),
    ...     {"n_neighbors": [5, 10], "shrinkage": [0.0, 10.0]},
    ...     scoring=get_scorer("ndcg@10", positive_from=4),
    ...     cv=KFold(2, shuffle=True, random_state=0),
    ... ).fit(films)
    >>> display = SearchDisplay.from_search(search)
    """

    def __init__(self, *, scores: pd.DataFrame, scorer: str = "score"):
        self.scores = scores
        self.scorer = scorer

    @classmethod
    def from_search(
        cls, search: Any, *, x: str | None = None, y: str | None = None, scorer: str | None = None, ax: Any = None
    ) -> Self:
        """Draw the scores of a fitted search of scikit-learn.

        Parameters
        ----------
        search : estimator or dict
            A fitted search with ``cv_results_``, such as GridSearchCV, or ``cv_results_`` itself.
        x, y : str, default=None
            Names of the parameters of the columns and of the rows. If None, the first two parameters with several values, the
            first one as rows. If the search has more parameters, the best score over their values is shown.
        scorer : str, default=None
            Name of a score of a search with several. If None, the first one.
        ax : Axes, default=None
            As for `plot`.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        ValueError
            If there are not two parameters with several values, or no such parameter or score.
        TypeError
            If the search has no results.
        """
        results = search if isinstance(search, dict) else getattr(search, "cv_results_", None)
        if results is None or "params" not in results:
            raise TypeError(f"search must be a fitted search with cv_results_, got {search!r}")
        x, y = _axes_of(results["params"], x, y)
        column = _score_column(results, scorer)
        tried = [(params, score) for params, score in zip(results["params"], results[column]) if x in params and y in params]
        keys = [(repr(params[y]), repr(params[x]), float(score)) for params, score in tried]
        best = pd.DataFrame(keys, columns=["y", "x", "score"]).groupby(["y", "x"])["score"].max().unstack()
        rows, columns = (_in_order(params[name] for params, _ in tried) for name in (y, x))
        scores = best.reindex(index=list(rows), columns=list(columns))
        scores.index = pd.Index([_text(value) for value in rows.values()], name=y)
        scores.columns = pd.Index([_text(value) for value in columns.values()], name=x)
        return cls(scores=scores, scorer=_score_name(search, column)).plot(ax=ax)

    def plot(self, ax: Any = None, *, values_format: str = ".4f") -> Self:
        """Draw the heat map.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in. If None, a new figure is made.
        values_format : str, default=".4f"
            Format of the numbers in the cells.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        numbers = self.scores.to_numpy(float)
        n_rows, n_columns = numbers.shape
        self.ax_ = ax = read_axes(ax, (max(4.8, 1.6 + 0.75 * n_columns), max(3.2, 1.2 + 0.45 * n_rows)))
        self.figure_ = ax.figure
        self.image_ = ax.imshow(np.ma.masked_invalid(numbers), cmap="viridis", aspect="auto")
        self.figure_.colorbar(self.image_, ax=ax, label=self.scorer)
        self.texts_ = np.full(numbers.shape, None, dtype=object)
        for row, column in np.argwhere(np.isfinite(numbers)):
            score = numbers[row, column]
            shade = "black" if self.image_.norm(score) > 0.55 else "white"
            self.texts_[row, column] = ax.text(
                column, row, format(score, values_format), ha="center", va="center", color=shade, fontsize=8.5
            )
        if np.isfinite(numbers).any():
            row, column = np.unravel_index(np.nanargmax(numbers), numbers.shape)
            from matplotlib.patches import Rectangle

            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=2.5))
        is_wide = max(len(str(label)) for label in self.scores.columns) > 8
        columns = [shortened(label, 24) for label in self.scores.columns]
        ax.set_xticks(range(n_columns), columns, rotation=30 if is_wide else 0, ha="right" if is_wide else "center")
        ax.set_yticks(range(n_rows), [shortened(label, 24) for label in self.scores.index])
        ax.set_xlabel(str(self.scores.columns.name))
        ax.set_ylabel(str(self.scores.index.name))
        return self


def _axes_of(candidates: Sequence[dict[str, Any]], x: str | None, y: str | None) -> tuple[str, str]:
    """Names of the parameters of the columns and of the rows."""
    names = list(dict.fromkeys(name for params in candidates for name in params))
    for name, given in (("x", x), ("y", y)):
        if given is not None and given not in names:
            raise ValueError(f"{name} must be a parameter of the search, {', '.join(map(repr, names))}, got {given!r}")
    varied = [name for name in names if len(_in_order(params[name] for params in candidates if name in params)) > 1]
    free = [name for name in varied if name not in (x, y)]
    y = y if y is not None else free.pop(0) if free else None
    x = x if x is not None else free.pop(0) if free else None
    if x is None or y is None or x == y:
        raise ValueError(
            f"the search must have two parameters with several values, got {', '.join(map(repr, varied)) or 'none'}"
        )
    return x, y


def _score_column(results: Any, scorer: str | None) -> str:
    columns = [name for name in results if name.startswith("mean_test_")]
    if scorer is None:
        return columns[0]
    if f"mean_test_{scorer}" not in columns:
        names = ", ".join(repr(name.removeprefix("mean_test_")) for name in columns)
        raise ValueError(f"scorer must be a score of the search, {names}, got {scorer!r}")
    return f"mean_test_{scorer}"


def _score_name(search: Any, column: str) -> str:
    """Name of a score. scikit-learn names the only one "score", and a scorer of this package has a name of its own."""
    name = column.removeprefix("mean_test_")
    return getattr(getattr(search, "scorer_", None), "name", name) if name == "score" else name


def _in_order(values: Iterable[Any]) -> dict[str, Any]:
    """Distinct values by their representation, ascending if they are numbers, and in the order of the search otherwise."""
    distinct = {repr(value): value for value in values}
    numbers = all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in distinct.values())
    return dict(sorted(distinct.items(), key=lambda item: item[1])) if numbers else distinct


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
