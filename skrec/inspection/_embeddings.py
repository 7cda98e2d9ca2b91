"""Maps of embeddings."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec._checks import check_choice, check_int
from skrec.inspection._axes import CATEGORIES, MARKERS, read_axes, shortened
from skrec.inspection._labels import place_labels
from skrec.inspection._tables import Side, counts_of, embedding_table, fitted

Method = Literal["tsne", "pca", "umap"]
_OTHER = "0.8"  # the color of points that belong to no drawn group
_LABELS_OF_A_FIGURE = 25  # figures with more labels are larger, up to 1.5 times as wide


class EmbeddingDisplay:
    """Items, or users, by their embeddings in two dimensions.

    Parameters
    ----------
    points : array of shape (n, 2)
        Positions.
    labels : dict of int to str, default=None
        Text of the points that are named, by their number.
    colors : array of shape (n,), default=None
        Number of each point, for a color scale, or its category, if the array is not numeric. Points without a number or
        category are gray. If None, all points have one color.
    color_name : str, default=None
        Name of the numbers or categories.
    counts : array-like of shape (n,), default=None
        Number of events of each point. Points with more events are larger.
    title : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : Axes
        Axes with the points.
    figure_ : Figure
        The figure.
    points_ : list of PathCollection
        One for each category, and one for all other points.
    texts_ : list of Annotation
        The names. All of them are drawn.

    Examples
    --------
    >>> from skrec import ALSRecommender
    >>> from skrec.datasets import make_interactions
    >>> from skrec.inspection import EmbeddingDisplay
    >>> films = make_interactions(60, 20, density=0.3, random_state=0).interactions
    >>> model = ALSRecommender(n_factors=4, positive_from=4, n_jobs=1, random_state=0).fit(films)
    >>> display = EmbeddingDisplay.from_estimator(model, method="pca", labels=model.item_ids_[:3])
    """

    def __init__(
        self,
        *,
        points: NDArray,
        labels: Mapping[int, str] | None = None,
        colors: Any = None,
        color_name: str | None = None,
        counts: Any = None,
        title: str | None = None,
    ):
        self.points = points
        self.labels = labels
        self.colors = colors
        self.color_name = color_name
        self.counts = counts
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        side: Side = "item",
        method: Method = "tsne",
        n_points: int = 1000,
        color_by: Any = None,
        labels: Any = (),
        random_state: Any = 0,
        ax: Any = None,
        n_groups: int = 7,
    ) -> Self:
        """Draw the embeddings of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted recommender with ``item_embeddings_`` and ``user_embeddings_``, or a fitted search or Pipeline that ends in
            one.
        side : {"item", "user"}, default="item"
            Whether the points are items or users.
        method : {"tsne", "pca", "umap"}, default="tsne"
            Reduction to two dimensions, by scikit-learn or by the library umap-learn (``pip install skrec[umap]``).
        n_points : int, default=1000
            Number of points: those with most training events, since the vectors of the others are noisy. Points with a label
            are always drawn.
        color_by : Series or mapping, default=None
            Number or category of each item or user, by its label, such as ``films.items["year"]``. Labels without an entry are
            gray.
        labels : array-like of labels, or mapping of labels to texts, default=()
            Items or users that are named.
        random_state : int, RandomState or None, default=0
            Seed of the reduction.
        ax, n_groups
            As for `plot`.

        Returns
        -------
        EmbeddingDisplay

        Raises
        ------
        ImportError
            If matplotlib or, for "umap", umap-learn is not installed.
        TypeError, ValueError
            If the model has no embeddings, a label is unknown, or an argument is out of range.
        """
        model = fitted(estimator)
        check_choice(method, "method", ("tsne", "pca", "umap"))
        table, counts = embedding_table(model, side=side), counts_of(model, side)
        texts = dict(labels) if isinstance(labels, Mapping) else {label: label for label in _as_labels(labels)}
        places = table.index.get_indexer(pd.Index(list(texts), dtype=object if not texts else None))
        if (places < 0).any():
            unknown = [label for label, place in zip(texts, places) if place < 0]
            raise ValueError(f"labels must be {side}s of the model, but {len(unknown)} are not: {unknown[:5]}")
        frequent = np.argsort(-counts, kind="stable")[: check_int(n_points, "n_points", at_least=2)]
        chosen = np.union1d(frequent, places)
        points, explained = _in_two_dimensions(table.to_numpy()[chosen], method, random_state)
        return cls(
            points=points,
            labels=dict(zip(np.searchsorted(chosen, places).tolist(), map(str, texts.values()))),
            colors=None if color_by is None else _colors(color_by, table.index)[chosen],
            color_name=getattr(color_by, "name", None),
            counts=counts[chosen],
            title=f"{type(model).__name__}: {len(chosen)} {side}s ({explained})",
        ).plot(ax=ax, n_groups=n_groups)

    def plot(self, ax: Any = None, *, n_groups: int = 7) -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to draw in. If None, a new figure is made.
        n_groups : int, default=7
            Number of categories with a color, from 1 to 7: those with most points. The others are gray.

        Returns
        -------
        EmbeddingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``n_groups`` is out of range.
        """
        if check_int(n_groups, "n_groups", at_least=1) > len(CATEGORIES):
            raise ValueError(f"n_groups must be at most {len(CATEGORIES)}, which is the number of colors, got {n_groups}")
        scale = float(np.clip(np.sqrt(len(self.labels or {}) / _LABELS_OF_A_FIGURE), 1, 1.5))
        self.ax_ = ax = read_axes(ax, (7.2 * scale, 5.4 * scale))
        self.figure_ = ax.figure
        points = np.asarray(self.points, float)
        counts = np.ones(len(points)) if self.counts is None else np.asarray(self.counts, float)
        sizes = 8 + 40 * np.sqrt(counts / max(counts.max(initial=0), 1))
        if self.colors is None:
            self.points_ = [ax.scatter(*points.T, s=sizes, color=CATEGORIES[0], alpha=0.5, linewidths=0)]
        elif np.asarray(self.colors).dtype.kind in "iuf":
            self.points_ = self._plot_numbers(points, sizes)
        else:
            self.points_ = self._plot_categories(points, sizes, n_groups)
        named = np.array(list(self.labels or {}), int)
        ax.scatter(*points[named].T, s=sizes[named] + 16, facecolors="none", edgecolors="black", linewidths=0.9, zorder=4)
        ax.set(xticks=[], yticks=[])
        ax.margins(0.06)
        ax.spines[:].set_color("0.85")
        if self.title is not None:
            ax.set_title(self.title, fontsize=10)
        texts = [shortened(text, 48) for text in (self.labels or {}).values()]
        self.texts_ = place_labels(ax, points[named], texts) if len(named) else []
        return self

    def _plot_numbers(self, points: NDArray, sizes: NDArray) -> list[Any]:
        numbers = np.asarray(self.colors, float)
        known = np.isfinite(numbers)
        ax = self.ax_
        others = ax.scatter(*points[~known].T, s=sizes[~known] * 0.6, color=_OTHER, linewidths=0, zorder=1)
        drawn = ax.scatter(
            *points[known].T, s=sizes[known], c=numbers[known], cmap="viridis", alpha=0.8, linewidths=0, zorder=2
        )
        self.figure_.colorbar(drawn, ax=ax, label=self.color_name, shrink=0.8)
        return [drawn, others]

    def _plot_categories(self, points: NDArray, sizes: NDArray, n_groups: int) -> list[Any]:
        categories = pd.Series(self.colors, dtype=object)
        names = categories.value_counts().index[:n_groups]
        ax, drawn = self.ax_, []
        for name, color, marker in zip(names, CATEGORIES, MARKERS):
            of_group = (categories == name).to_numpy()
            style = {"color": color, "marker": marker, "alpha": 0.75, "linewidths": 0, "zorder": 2}
            drawn.append(ax.scatter(*points[of_group].T, s=sizes[of_group], label=shortened(name, 24), **style))
        rest = ~categories.isin(names).to_numpy()
        if rest.any():
            drawn.append(ax.scatter(*points[rest].T, s=sizes[rest] * 0.6, color=_OTHER, linewidths=0, label="other", zorder=1))
        ax.legend(
            title=self.color_name,
            fontsize=8.5,
            title_fontsize=8.5,
            frameon=False,
            loc="upper left",
            bbox_to_anchor=(1, 1),
            handletextpad=0.2,
            alignment="left",
        )
        return drawn


def _colors(color_by: Any, labels: pd.Index) -> NDArray:
    """Number or category of each label. Numbers are floats with NaN, categories are text with None, where there is none."""
    series = pd.Series(color_by)
    if not series.index.is_unique:
        raise ValueError(f"color_by must have each label once, but has {series.index[series.index.duplicated()][0]!r} twice")
    if not series.index.isin(labels).any():
        raise ValueError(f"color_by must be indexed by the labels, such as {labels[0]!r}, but has none of them")
    known = series.reindex(labels)
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        return known.to_numpy(float, na_value=np.nan)
    categories = [None if _is_missing(category) else _text(category) for category in known]
    return np.array(categories, dtype=object)


def _is_missing(category: Any) -> bool:
    return bool(pd.api.types.is_scalar(category) and pd.isna(category))


def _text(category: Any) -> str:
    return ", ".join(map(str, category)) if isinstance(category, tuple | list | set | frozenset) else str(category)


def _as_labels(labels: Any) -> list[Any]:
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        raise TypeError(f"labels must be a list of labels or a mapping of labels to texts, got {labels!r}")
    return pd.Index(list(labels)).tolist()


def _in_two_dimensions(vectors: NDArray, method: Method, random_state: Any) -> tuple[NDArray, str]:
    """Positions, and a description of the method. Vectors are scaled to length 1, since the length mostly shows popularity."""
    if vectors.shape[1] < 2:
        raise ValueError(f"the embeddings must have at least two dimensions, got {vectors.shape[1]}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    if method == "pca":
        from sklearn.decomposition import PCA

        pca = PCA(2, random_state=random_state)
        points = pca.fit_transform(unit)
        return points, f"PCA, {pca.explained_variance_ratio_.sum():.0%} of the variance"
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, max((len(unit) - 1) / 3, 1.0))
        return TSNE(perplexity=perplexity, init="pca", random_state=random_state).fit_transform(unit), "t-SNE"
    try:
        from umap import UMAP
    except ImportError:
        raise ImportError("method='umap' needs the library umap-learn: pip install skrec[umap]") from None
    return UMAP(metric="cosine", random_state=random_state, n_jobs=1).fit_transform(unit), "UMAP"
