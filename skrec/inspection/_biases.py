"""The items, or users, with the highest and the lowest biases."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skrec._checks import check_int
from skrec.inspection._axes import BLUE, ORANGE, read_axes, shortened
from skrec.inspection._tables import Side, bias_table

_GAP = 0.8  # between the two groups, in bars


class BiasDisplay:
    """Most and least liked items: those with the highest and the lowest biases.

    Parameters
    ----------
    highest, lowest : Series
        Biases by label, the most extreme first.
    side : {"item", "user"}, default="item"
        What the labels are.

    Attributes
    ----------
    ax_ : Axes
        Axes with the bars.
    figure_ : Figure
        The figure.
    bars_ : BarContainer
        The bars, from the bottom to the top.

    Examples
    --------
    >>> from skrec import MFRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import BiasDisplay
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = MFRecommender(loss="mse", n_factors=4, max_epochs=2, random_state=0).fit(films)
    >>> display = BiasDisplay.from_estimator(model, k=5, min_count=10)
    """

    def __init__(self, *, highest: pd.Series, lowest: pd.Series, side: Side = "item"):
        self.highest = highest
        self.lowest = lowest
        self.side = side

    @classmethod
    def from_estimator(cls, estimator: Any, *, side: Side = "item", k: int = 10, min_count: int = 10, ax: Any = None) -> Self:
        """Draw the biases of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender with ``item_biases_`` or ``user_biases_``, or a fitted search or Pipeline that ends in one.
        side : {"item", "user"}, default="item"
            Whether biases of items or of users are drawn.
        k : int, default=10
            Number of the highest and of the lowest biases. Half of the labels, if there are fewer than ``2 * k``.
        min_count : int, default=10
            Minimum number of training users of an item, or of training items of a user. The biases of rare items are noisy.
        ax : Axes, default=None
            As for `plot`.

        Returns
        -------
        BiasDisplay

        Raises
        ------
        TypeError
            If the model has no biases.
        ValueError
            If fewer than two items have ``min_count`` users.
        """
        biases = bias_table(estimator, side=side, min_count=min_count)["bias"]
        k = min(check_int(k, "k", at_least=1), len(biases) // 2)
        if k == 0:
            raise ValueError(f"min_count={min_count} leaves {len(biases)} {side}s, but at least two are needed")
        return cls(highest=biases[::-1][:k], lowest=biases[:k], side=side).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the biases.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in. If None, a new figure is made.

        Returns
        -------
        BiasDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        biases = pd.concat([self.lowest, self.highest[::-1]])
        n, n_lowest = len(biases), len(self.lowest)
        self.ax_ = read_axes(ax, (6.4, 0.6 + 0.2 * (n + 1)))
        self.figure_ = self.ax_.figure
        y = np.arange(n) + np.where(np.arange(n) < n_lowest, 0, _GAP)
        self.bars_ = self.ax_.barh(y, biases, color=np.where(biases < 0, ORANGE, BLUE).tolist(), height=0.72)
        self.ax_.axvline(0, color="black", linewidth=0.6)
        self.ax_.set_yticks(y, [shortened(label, 40) for label in biases.index], fontsize=8)
        self.ax_.set_ylim(-0.7, y[-1] + 0.7)
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.spines[["top", "right", "left"]].set_visible(False)
        self.ax_.grid(axis="x", alpha=0.25)
        self.ax_.set_axisbelow(True)
        self.ax_.set_xlabel(f"bias of the {self.side}")
        return self
