"""How often items are recommended, against how popular they are."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skrec.inspection._axes import BLUE, ORANGE, read_axes
from skrec.inspection._tables import fitted, popularity_table


class PopularityDisplay:
    """How often each item is recommended, against its number of users in the training data.

    Points above the line are recommended more often than in proportion to their popularity. Both axes are logarithmic, with a
    place for 0.

    Parameters
    ----------
    popularity : array-like of int, shape (n_items,)
        Training users of each item.
    recommended : array-like of int, shape (n_items,)
        Number of lists with the item.
    name : str, default=None
        Name of the model.

    Attributes
    ----------
    ax_ : Axes
        Axes with the points.
    figure_ : Figure
        The figure.
    points_ : PathCollection
        One point for each item.
    line_ : Line2D
        Recommendations in proportion to the popularity.

    Examples
    --------
    >>> from skrec import EASERecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import PopularityDisplay
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> display = PopularityDisplay.from_estimator(EASERecommender(positive_from=4).fit(films), k=5)
    """

    def __init__(self, *, popularity: ArrayLike, recommended: ArrayLike, name: str | None = None):
        self.popularity = popularity
        self.recommended = recommended
        self.name = name

    @classmethod
    def from_estimator(cls, estimator: Any, users: Any = None, *, k: int = 10, name: str | None = None, ax: Any = None) -> Self:
        """Recommend to users, and draw how often each item is recommended.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender, or a fitted search or Pipeline that ends in one.
        users : array-like of labels, or interactions of new users, default=None
            As for `recommend`. If None, all users of the training data.
        k : int, default=10
            Length of the lists.
        name : str, default=None
            Name of the model. If None, the name of the class.
        ax : Axes, default=None
            As for `plot`.

        Returns
        -------
        PopularityDisplay
        """
        model = fitted(estimator)
        table = popularity_table(model.recommend(users, k=k), model)
        name = type(model).__name__ if name is None else name
        return cls(popularity=table["popularity"].to_numpy(), recommended=table["recommended"].to_numpy(), name=name).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the items.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in. If None, a new figure is made.

        Returns
        -------
        PopularityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = read_axes(ax, (6.4, 4.4))
        self.figure_ = ax.figure
        popularity, recommended = np.asarray(self.popularity), np.asarray(self.recommended)
        self.points_ = ax.scatter(popularity, recommended, s=14, color=BLUE, alpha=0.4, linewidths=0, label="an item")
        factor = recommended.sum() / max(popularity.sum(), 1)
        ends = np.array([min(1 / factor, popularity.max()) if factor > 0 else 0, popularity.max()])
        proportional = ends * factor
        (self.line_,) = ax.plot(ends, proportional, color=ORANGE, linewidth=1.2, label="in proportion to the popularity")
        ax.set_xscale("symlog", linthresh=1, linscale=0.4)
        ax.set_yscale("symlog", linthresh=1, linscale=0.4)
        ax.set_xlim(-0.2 if popularity.min() == 0 else 0.8, popularity.max() * 1.3)
        ax.set_ylim(-0.2, max(recommended.max(), proportional.max()) * 1.5)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_xlabel("users of the item in the training data")
        ax.set_ylabel("lists with the item")
        share = np.count_nonzero(recommended) / len(recommended)
        prefix = "" if self.name is None else f"{self.name}: "
        ax.set_title(f"{prefix}{share:.0%} of the items are recommended", fontsize=10)
        ax.grid(alpha=0.25)
        ax.legend(loc="upper left", fontsize=8.5, frameon=False)
        return self
