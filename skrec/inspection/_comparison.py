"""Quality against time of the models of a comparison."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skrec.inspection._axes import BLUE, ORANGE, read_axes
from skrec.inspection._labels import place_labels
from skrec.metrics._intervals import with_interval

_SECONDS = "fit_seconds"


def _plain(value: float, _: Any) -> str:
    """A number without a power of ten."""
    return f"{value:g}"


def comparison_table(table: pd.DataFrame) -> pd.DataFrame:
    """The scores of a comparison as text with their intervals, such as "0.335 (0.318 to 0.352)".

    Parameters
    ----------
    table : DataFrame
        Result of `skrec.compare`, or some of its rows.

    Returns
    -------
    DataFrame
        A column of text for each scorer, then ``fit_seconds``, in the order of the table.

    Raises
    ------
    TypeError, ValueError
        If ``table`` is not a result of `skrec.compare`.

    Examples
    --------
    >>> from skrec import EASERecommender, PopularityRecommender, compare
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import comparison_table
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> models = [EASERecommender(positive_from=4), PopularityRecommender(positive_from=4)]
    >>> comparison_table(compare(models, films, ["ndcg@10", "recall@20"], baseline="EASERecommender")).columns.tolist()
    ['ndcg@10', 'recall@20', 'fit_seconds']
    """
    scorers = _scorers_of(table)
    if not scorers or _SECONDS not in table:
        raise ValueError(f"table must have scores with intervals and {_SECONDS}, as compare() makes them, got {list(table)}")
    texts = {
        name: [with_interval(*row) for row in table[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False, name=None)]
        for name in scorers
    }
    return pd.DataFrame(texts | {_SECONDS: table[_SECONDS].to_numpy()}, index=table.index)


def _scorers_of(table: Any) -> list[str]:
    """Names of the scorers of a comparison."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a DataFrame, as compare() returns it, got {type(table).__name__}")
    return [str(name).removesuffix("_low") for name in table.columns if str(name).endswith("_low")]


class ComparisonDisplay:
    """Score of each model against its seconds, with intervals, and the baseline marked.

    Parameters
    ----------
    names : array-like of str, shape (n_models,)
        Names of the models.
    scores : array-like of float, shape (n_models,)
        Score of each model.
    low, high : array-like of float, shape (n_models,)
        Bounds of the interval of each score. NaN for scores without one.
    seconds : array-like of float, shape (n_models,)
        Seconds of each model.
    scorer : str
        Name of the scorer.
    time : str, default="fit_seconds"
        What the seconds are, for the label of the axis.
    baseline : str, default=None
        Name of the baseline. If None, none is marked.

    Attributes
    ----------
    ax_ : Axes
        Axes with the points.
    figure_ : Figure
        The figure.
    errorbars_ : list of ErrorbarContainer
        Point and interval of each model.
    texts_ : list of Annotation
        Names of the models.

    Examples
    --------
    >>> from skrec import EASERecommender, PopularityRecommender, compare
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import ComparisonDisplay
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> models = [EASERecommender(positive_from=4), PopularityRecommender(positive_from=4)]
    >>> table = compare(models, films, "ndcg@10", baseline="PopularityRecommender")
    >>> display = ComparisonDisplay.from_table(table)
    """

    def __init__(
        self,
        *,
        names: Any,
        scores: Any,
        low: Any,
        high: Any,
        seconds: Any,
        scorer: str,
        time: str = _SECONDS,
        baseline: str | None = None,
    ):
        self.names = names
        self.scores = scores
        self.low = low
        self.high = high
        self.seconds = seconds
        self.scorer = scorer
        self.time = time
        self.baseline = baseline

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        scorer: str | None = None,
        time: str = _SECONDS,
        baseline: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw a table that `skrec.compare` has made.

        Parameters
        ----------
        table : DataFrame
            Result of `skrec.compare`, or some of its rows.
        scorer : str, default=None
            Name of a scorer of the table. If None, the first one.
        time : str, default="fit_seconds"
            Column with the seconds: "fit_seconds" or "recommend_seconds".
        baseline : str, default=None
            Name of the baseline. If None, the one of the comparison, if the table has it.
        ax : Axes, default=None
            As for `plot`.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ValueError
            If the table does not have the columns, or the baseline is not in it.
        """
        scorers = _scorers_of(table)
        scorer = scorers[0] if scorer is None and scorers else scorer
        columns = [scorer, f"{scorer}_low", f"{scorer}_high", time]
        if lacking := [column for column in columns if column not in table]:
            raise ValueError(f"table must have the columns {columns}, as compare() makes them, but lacks {lacking}")
        if baseline is None:
            baseline = table.attrs.get("protocol", {}).get("baseline")
            baseline = baseline if baseline in table.index else None
        elif baseline not in table.index:
            raise ValueError(f"baseline must be one of {list(table.index)}, got {baseline!r}")
        scores, low, high, seconds = (table[column].to_numpy() for column in columns)
        names = table.index.astype(str).to_numpy()
        return cls(
            names=names, scores=scores, low=low, high=high, seconds=seconds, scorer=str(scorer), time=time, baseline=baseline
        ).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the models.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in. If None, a new figure is made.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = read_axes(ax, (6.4, 4.4))
        self.figure_ = ax.figure
        scores, seconds = np.asarray(self.scores, float), np.maximum(np.asarray(self.seconds, float), 1e-4)
        low, high = (np.where(np.isnan(bound), scores, bound) for bound in (self.low, self.high))
        self.errorbars_ = [
            ax.errorbar(
                seconds[i],
                scores[i],
                yerr=[[max(scores[i] - low[i], 0)], [max(high[i] - scores[i], 0)]],
                fmt="D" if name == self.baseline else "o",
                color=ORANGE if name == self.baseline else BLUE,
                markersize=5.5,
                capsize=2.5,
                linewidth=1,
            )
            for i, name in enumerate(self.names)
        ]
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(_plain)
        ax.xaxis.set_minor_formatter(_plain if seconds.max() < 10 * seconds.min() else "")
        ax.margins(x=0.15, y=0.12)
        ax.set_xlabel(f"seconds to {self.time.removesuffix('_seconds')}")
        ax.set_ylabel(self.scorer)
        ax.grid(alpha=0.25, which="major")
        for i in np.flatnonzero(np.asarray(self.names) == self.baseline):
            ax.axhspan(low[i], high[i], color=ORANGE, alpha=0.1, linewidth=0)
            ax.axhline(scores[i], color=ORANGE, linewidth=0.9, linestyle="--", zorder=0)
        texts = [f"{name} (baseline)" if name == self.baseline else str(name) for name in self.names]
        ends = np.concatenate([np.column_stack([seconds, bound]) for bound in (low, high)])
        self.texts_ = place_labels(ax, np.column_stack([seconds, scores]), texts, fontsize=8.5, avoid=ends)
        return self
