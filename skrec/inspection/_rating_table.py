"""The ratings of a few users and items as a picture."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skrec.inspection._axes import read_axes, shortened
from skrec.inspection._tables import fitted, rating_table


class RatingTableDisplay:
    """Ratings of the users and items with most ratings, or the predictions for the same pairs.

    Parameters
    ----------
    ratings : DataFrame
        Ratings, with users as rows and items as columns, and NaN for pairs without a rating.
    predictions : DataFrame, default=None
        Predictions for the same users and items. If None, the ratings are drawn.

    Attributes
    ----------
    ax_ : Axes
        Axes with the table.
    figure_ : Figure
        The figure.
    image_ : AxesImage
        The colors of the cells.
    texts_ : array of Text or None, shape of ``ratings``
        The number in each cell. Predictions for pairs without a rating are bold.

    Examples
    --------
    >>> from skrec import MFRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import RatingTableDisplay
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> display = RatingTableDisplay.from_interactions(films)
    >>> model = MFRecommender(loss="mse", max_epochs=2, random_state=0).fit(films)
    >>> display = RatingTableDisplay.from_estimator(model)
    """

    def __init__(self, *, ratings: pd.DataFrame, predictions: pd.DataFrame | None = None):
        self.ratings = ratings
        self.predictions = predictions

    @classmethod
    def from_interactions(
        cls, X: Any, y: ArrayLike | None = None, *, n_users: int = 15, n_items: int = 15, ax: Any = None
    ) -> Self:
        """Draw the ratings.

        Parameters
        ----------
        X, y, n_users, n_items
            As for `skrec.inspection.rating_table`.
        ax : Axes, default=None
            As for `plot`.

        Returns
        -------
        RatingTableDisplay
        """
        return cls(ratings=rating_table(X, y, n_users=n_users, n_items=n_items)).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any = None, y: ArrayLike | None = None, *, n_users: int = 15, n_items: int = 15, ax: Any = None
    ) -> Self:
        """Draw the predictions of a model for the table of the ratings.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender, or a fitted search or Pipeline that ends in one.
        X : Interactions, DataFrame of events, or users x items matrix, default=None
            Ratings that choose the users and items. If None, the training data of the model.
        y, n_users, n_items
            As for `skrec.inspection.rating_table`.
        ax : Axes, default=None
            As for `plot`.

        Returns
        -------
        RatingTableDisplay

        Raises
        ------
        ValueError
            If X is None and the model has kept no training events.
        """
        model = fitted(estimator)
        X = model.events_ if X is None else X
        sizes = {"n_users": n_users, "n_items": n_items}
        ratings = rating_table(X, y, **sizes)
        return cls(ratings=ratings, predictions=rating_table(X, y, estimator=model, **sizes)).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the table.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in. If None, a new figure is made.

        Returns
        -------
        RatingTableDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        shown = self.ratings if self.predictions is None else self.predictions
        numbers, is_rated = shown.to_numpy(float), self.ratings.notna().to_numpy()
        n_rows, n_columns = numbers.shape
        self.ax_ = ax = read_axes(ax, (2.4 + 0.42 * n_columns, 2.2 + 0.3 * n_rows))
        self.figure_ = ax.figure
        self.image_ = ax.imshow(np.ma.masked_invalid(numbers), cmap="cividis", aspect="auto")
        self.texts_ = np.full(numbers.shape, None, dtype=object)
        decimals = ".0f" if (numbers[np.isfinite(numbers)] % 1 == 0).all() else ".1f"
        for row, column in np.argwhere(np.isfinite(numbers)):
            number = numbers[row, column]
            shade = "black" if self.image_.norm(number) > 0.5 else "white"
            weight = "normal" if self.predictions is None or is_rated[row, column] else "bold"
            self.texts_[row, column] = ax.text(
                column, row, format(number, decimals), ha="center", va="center", color=shade, fontsize=8, fontweight=weight
            )
        ax.set_xticks(range(n_columns), [shortened(label, 30) for label in shown.columns], rotation=90, fontsize=8)
        ax.set_yticks(range(n_rows), [shortened(label, 20) for label in shown.index], fontsize=8)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_ylabel("user")
        label = "rating" if self.predictions is None else "predicted rating (bold: without a rating)"
        self.figure_.colorbar(self.image_, ax=ax, label=label)
        return self
