"""Learning curves of models that are trained in epochs."""

from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from skrec._checks import check_choice
from skrec.inspection._axes import BLUE, GRAY, GREEN, ORANGE, import_pyplot
from skrec.inspection._tables import attribute_of, fitted

_COSTS = ("epoch", "seconds", "memory")  # columns that are no curve; names of costs begin or end with these words
_WIDTH, _HEIGHT, _PER_ROW = 3.2, 2.6, 3
_STYLES = {"train_": (BLUE, "o", "training"), "valid_": (ORANGE, "s", "validation"), "": (GREEN, "o", None)}
_MOST_MARKERS = 30


class LearningCurveDisplay:
    """Losses, metrics and learning rate after each epoch, with one panel for each.

    Columns such as ``train_loss`` and ``valid_loss`` share a panel. Seconds and memory are no curves.

    Parameters
    ----------
    history : DataFrame
        One row for each epoch, with the column ``epoch`` and one column for each curve, as in ``history_`` of an estimator.
        Columns without a number are left out.
    best_epoch : int, default=None
        Epoch with the weights that were kept. If None, none is marked.
    name : str, default=None
        Title of the figure, such as the name of the model.

    Attributes
    ----------
    ax_ : array of Axes, shape (n_panels,)
        The panels.
    figure_ : Figure
        The figure.
    lines_ : list of Line2D
        The curves, in the order of the panels.

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

        The epoch that was kept is marked if ``early_stopping`` has chosen it. Otherwise the last one is kept, also with
        validation data.

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
        is_chosen = getattr(model, "early_stopping", None) is not None
        return cls(history=history, best_epoch=model.best_epoch_ if is_chosen else None, name=name).plot(ax=ax, x=x)

    def plot(self, ax: Any = None, *, x: Literal["epoch", "seconds"] = "epoch") -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            One Axes for each panel, or a single Axes, which is replaced by panels. If None, a new figure is made.
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
            If there is no curve, or the number of axes is not that of the panels.
        """
        check_choice(x, "x", ("epoch", "seconds"))
        panels: dict[str, list[str]] = {}
        for name in self.history:
            if not _is_cost(name) and self.history[name].notna().any():
                panels.setdefault(name.removeprefix("train_").removeprefix("valid_"), []).append(name)
        if not panels:
            raise ValueError(f"history has no column with a curve, got {list(self.history)}")
        time = self.history["epoch"] + 1 if x == "epoch" else self.history["seconds"].cumsum()
        self.ax_ = _panels(ax, len(panels))
        self.figure_ = self.ax_[0].figure
        self.lines_ = []
        for panel, (title, names) in zip(self.ax_, panels.items(), strict=True):
            self.lines_ += [self._plot_curve(panel, time, name) for name in names]
            self._decorate(panel, title, time, x)
        if self.name is not None and ax is None:
            self.figure_.suptitle(self.name, fontsize=11)
        return self

    def _plot_curve(self, ax: Any, time: pd.Series, name: str) -> Any:
        color, marker, label = next(style for prefix, style in _STYLES.items() if name.startswith(prefix))
        style = {"marker": marker, "markersize": 3.5} if len(time) <= _MOST_MARKERS else {}
        return ax.plot(time, self.history[name], color=color, label=label, **style)[0]

    def _decorate(self, ax: Any, title: str, time: pd.Series, x: str) -> None:
        ax.set_title(title.replace("_", " "), fontsize=10)
        ax.set_xlabel(x)
        ax.grid(alpha=0.25)
        if x == "epoch":
            ax.xaxis.get_major_locator().set_params(integer=True)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(fontsize=8, frameon=False)
        if self.best_epoch is not None:
            self._mark_best(ax, time)

    def _mark_best(self, ax: Any, time: pd.Series) -> None:
        place = int(np.flatnonzero(self.history["epoch"] == self.best_epoch)[0])
        ax.axvline(time.iloc[place], color=GRAY, linestyle=":", zorder=0)
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
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )


def _is_cost(name: Any) -> bool:
    return any(word in str(name).split("_") for word in _COSTS)


def _panels(ax: Any, n: int) -> Any:
    """One Axes for each panel: the given ones, parts of a single given one, or those of a new figure."""
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
            raise ValueError(f"ax must be one Axes, or {n} of them, one for each panel, got {len(panels)}")
        return panels
    for unused in panels[n:]:
        unused.remove()
    return panels[:n]
