"""Learning curves of models that are trained in epochs."""

from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from skrec._checks import check_choice
from skrec.inspection._axes import BLUE, GREEN, GREY, ORANGE, import_pyplot
from skrec.inspection._tables import attribute_of, fitted

_COSTS = ("epoch", "seconds", "memory")  # columns that are no curve; names of costs begin or end with these words
_WIDTH, _HEIGHT, _PER_ROW = 3.2, 2.6, 3


class LearningCurveDisplay:
    """Losses, metrics and learning rate after each epoch, with one panel for each.

    Curves have panels of their own, since losses of training and validation data, scores and rates have different scales.

    Parameters
    ----------
    history : DataFrame
        One row for each epoch, with the column ``epoch`` and one column for each curve, as in ``history_`` of an estimator.
    best_epoch : int, default=None
        Epoch with the weights that were kept. If None, none is marked.
    name : str, default=None
        Title of the figure, such as the name of the model.

    Attributes
    ----------
    ax_ : array of Axes, shape (n_curves,)
        The panels.
    figure_ : Figure
        The figure.
    lines_ : list of Line2D
        The curves, one in each panel.

    Examples
    --------
    >>> from skrec import MFRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import LearningCurveDisplay
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = MFRecommender(positive_from=4, max_epochs=3, random_state=0).fit(films)
    >>> display = LearningCurveDisplay.from_estimator(model)
    """

    def __init__(self, *, history: pd.DataFrame, best_epoch: int | None = None, name: str | None = None):
        self.history = history
        self.best_epoch = best_epoch
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, ax: Any = None, x: Literal["epoch", "seconds"] = "epoch"
    ) -> Self:
        """Draw the curves of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender with ``history_``, or a fitted search or Pipeline that ends in one.
        name : str, default=None
            Title. If None, the name of the class.
        ax, x
            As for `plot`.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        TypeError
            If the model is not trained in epochs.
        """
        model = fitted(estimator)
        history = attribute_of(model, "history_", "learning curve")
        name = type(model).__name__ if name is None else name
        return cls(history=history, best_epoch=getattr(model, "best_epoch_", None), name=name).plot(ax=ax, x=x)

    def plot(self, ax: Any = None, *, x: Literal["epoch", "seconds"] = "epoch") -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Axes with one panel for each curve, or a single Axes, which is replaced by panels. If None, a new figure is made.
        x : {"epoch", "seconds"}, default="epoch"
            Horizontal axis: the number of epochs, or the seconds since the start of training.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no curve, or the number of axes is not that of the curves.
        """
        check_choice(x, "x", ("epoch", "seconds"))
        curves = [name for name in self.history if not _is_cost(name) and self.history[name].notna().any()]
        if not curves:
            raise ValueError(f"history has no column with a curve, got {list(self.history)}")
        time = self.history["epoch"] + 1 if x == "epoch" else self.history["seconds"].cumsum()
        self.ax_ = _panels(ax, len(curves))
        self.figure_ = self.ax_[0].figure
        self.lines_ = [self._plot_curve(panel, time, name, x) for panel, name in zip(self.ax_, curves, strict=True)]
        if self.name is not None and ax is None:
            self.figure_.suptitle(self.name, fontsize=11)
        return self

    def _plot_curve(self, ax: Any, time: pd.Series, name: str, x: str) -> Any:
        color = BLUE if name == "train_loss" else ORANGE if name.startswith("valid") else GREEN
        is_short = len(time) <= 30
        (line,) = ax.plot(time, self.history[name], color=color, marker="o" if is_short else None, markersize=3)
        ax.set_title(str(name).replace("_", " "), fontsize=10)
        ax.set_xlabel(x)
        ax.grid(alpha=0.25)
        if x == "epoch":
            ax.xaxis.get_major_locator().set_params(integer=True)
        if self.best_epoch is not None:
            self._mark_best(ax, time)
        return line

    def _mark_best(self, ax: Any, time: pd.Series) -> None:
        place = int(np.flatnonzero(self.history["epoch"] == self.best_epoch)[0])
        ax.axvline(time.iloc[place], color=GREY, linestyle=":", zorder=0)
        is_right = time.iloc[place] > (time.iloc[0] + time.iloc[-1]) / 2
        ax.annotate(
            "kept",
            (time.iloc[place], 0.5),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if is_right else 3, 0),
            textcoords="offset points",
            ha="right" if is_right else "left",
            color="0.35",
            fontsize=8,
        )


def _is_cost(name: Any) -> bool:
    return any(word in str(name).split("_") for word in _COSTS)


def _panels(ax: Any, n: int) -> Any:
    """One Axes for each curve: the given ones, parts of a single given one, or those of a new figure."""
    n_rows = -(-n // _PER_ROW)
    n_columns = -(-n // n_rows)
    if ax is None:
        size = (_WIDTH * n_columns, _HEIGHT * n_rows + 0.3)
        panels = import_pyplot().subplots(n_rows, n_columns, figsize=size, layout="constrained", squeeze=False)[1].ravel()
    elif hasattr(ax, "get_subplotspec"):
        grid = ax.get_subplotspec().subgridspec(n_rows, n_columns)
        ax.set_axis_off()
        panels = np.array([ax.figure.add_subplot(place) for place in grid])
    else:
        panels = np.asarray(ax, dtype=object).ravel()
        if len(panels) != n:
            raise ValueError(f"ax must be one Axes, or {n} of them, one for each curve, got {len(panels)}")
        return panels
    for unused in panels[n:]:
        unused.remove()
    return panels[:n]
