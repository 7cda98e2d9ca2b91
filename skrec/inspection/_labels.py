"""Labels of points without overlap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# places around a point: all angles at the first distance, then at the next one
_ANGLES = np.deg2rad([20, 160, -20, 200, 60, 120, -60, 240, 90, 270, 0, 180, 40, 140, -40, 220])
_RINGS = np.array([8.0, 15, 23, 33, 45, 59, 75, 93, 113, 135, 160, 190, 225, 265, 310])  # points of 1/72 inch
_DISTANCES = np.repeat(_RINGS, len(_ANGLES))
_DIRECTIONS = np.tile(np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)]).round(3), (len(_RINGS), 1))
_WITHOUT_LINE = 8  # labels at this distance need no line to their point
_MARGIN = 2.0  # around a label, in pixels
_MARKER = 10.0  # size of a labeled point, in points of 1/72 inch
_SWEEPS = 6  # through all labels, each of which is moved to the best place beside the others

# costs in square pixels
_OF_DISTANCE = 2.0  # for each 1/72 inch
_OF_LABEL = 10.0  # for each square pixel of another label, or outside of the axes
_OF_LINE = 20.0  # for each pixel of a line on a label or on a labeled point
_OF_CROSSING = 60.0  # for each crossing of two lines


class _Layout:
    """Places of all labels, as boxes and lines in pixels. A label without a place has NaN.

    Parameters
    ----------
    points : array of shape (n, 2)
        Labeled points.
    markers : array of shape (m, 4)
        Boxes around the labeled points, then around further points that labels do not cover.
    frame : array of shape (4,)
        Box of the axes.
    """

    def __init__(self, points: NDArray, markers: NDArray, frame: NDArray):
        self.points, self.markers, self.frame = points, markers, frame
        self.boxes, self.ends = np.full((len(points), 4), np.nan), np.full((len(points), 2), np.nan)

    def costs(self, i: int, boxes: NDArray, ends: NDArray) -> NDArray:
        """Costs of places (n, 4) of a label, with the ends of their lines (n, 2), beside the places of all other labels."""
        others = np.flatnonzero(~np.isnan(self.boxes[:, 0]) & (np.arange(len(self.points)) != i))
        markers, labels = np.delete(self.markers, i, axis=0), self.boxes[others]
        covered = _overlaps(boxes, markers) + _OF_LABEL * _overlaps(boxes, labels)
        outside = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - _overlaps(boxes, self.frame[None])
        starts, their_starts, their_ends = self.points[i][None], self.points[others], self.ends[others]
        on_lines = _length_inside(starts[:, None], ends[:, None], np.concatenate([labels, markers])).sum(axis=1)
        on_lines += _length_inside(their_starts, their_ends, boxes[:, None]).sum(axis=1)
        crossings = _cross(starts[:, None], ends[:, None], their_starts, their_ends).sum(axis=1)
        return covered + _OF_LABEL * outside + _OF_LINE * on_lines + _OF_CROSSING * crossings


def place_labels(
    ax: Any, points: NDArray, texts: Sequence[str], *, fontsize: float = 8, avoid: NDArray | None = None
) -> list[Any]:
    """Write a label beside each point, near it and without another label, line or labeled point.

    Labels that are not next to their point are connected to it by a line. If no place is free, the label is at the place where
    it covers least. All labels are written.

    Parameters
    ----------
    ax : Axes
        Axes with all other artists and final limits.
    points : array of shape (n, 2)
        Positions in data coordinates.
    texts : sequence of str
    fontsize : float, default=8
    avoid : array of shape (m, 2), optional
        Further points in data coordinates that labels do not cover.

    Returns
    -------
    list of Annotation
        In the order of the points.
    """
    from matplotlib import patheffects

    figure = ax.figure.canvas.figure
    figure.draw_without_rendering()  # the layout decides where the axes are
    scale, frame = figure.dpi / 72, ax.get_window_extent()
    pixels = ax.transData.transform(points)
    others = np.zeros((0, 2)) if avoid is None or len(avoid) == 0 else ax.transData.transform(avoid)
    markers = _boxes(np.concatenate([pixels, others]), np.full(2, _MARKER * scale))
    layout = _Layout(pixels, markers, np.array([frame.x0, frame.y0, frame.x1, frame.y1]))
    places = _best_places(layout, [_size(ax, text, fontsize) for text in texts], scale)
    style = {"fontsize": fontsize, "ha": "center", "va": "center", "zorder": 5}
    style["path_effects"] = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    line_style = {"arrowstyle": "-", "color": "0.35", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2}
    annotations = []
    for text, point, pixel, (center, distance) in zip(texts, points, pixels, places, strict=True):
        line = line_style if distance > _WITHOUT_LINE else None
        offset = tuple((center - pixel) / scale)
        annotations.append(ax.annotate(text, point, xytext=offset, textcoords="offset points", arrowprops=line, **style))
        annotations[-1].set_in_layout(False)
    return annotations


def _size(ax: Any, text: str, fontsize: float) -> NDArray:
    """Width and height of a text in pixels."""
    probe = ax.text(0.5, 0.5, text, fontsize=fontsize, transform=ax.transAxes)
    extent = probe.get_window_extent()
    probe.remove()
    return np.array([extent.width, extent.height]) + 2 * _MARGIN


def _best_places(layout: _Layout, sizes: Sequence[NDArray], scale: float) -> list[tuple[NDArray, float]]:
    """Center of each label, and its distance from its point."""
    chosen = np.full(len(sizes), -1)
    candidates = [_candidates(point, size, scale) for point, size in zip(layout.points, sizes, strict=True)]
    order = np.argsort(-layout.points[:, 1], kind="stable")
    for _ in range(_SWEEPS):
        before = chosen.copy()
        for i in order:
            _, boxes, ends = candidates[i]
            chosen[i] = int(np.argmin(layout.costs(int(i), boxes, ends) + _OF_DISTANCE * _DISTANCES))
            layout.boxes[i], layout.ends[i] = boxes[chosen[i]], ends[chosen[i]]
        if (chosen == before).all():
            break
    return [(candidates[i][0][place], float(_DISTANCES[place])) for i, place in enumerate(chosen)]


def _candidates(point: NDArray, size: NDArray, scale: float) -> tuple[NDArray, NDArray, NDArray]:
    """Centers of a label at all places, its boxes, and the ends of its lines, which are at the point if there is no line."""
    centers = point + _DISTANCES[:, None] * scale * _DIRECTIONS + size / 2 * np.sign(_DIRECTIONS) * [1, 0.5]
    toward = point - centers
    inside = np.min(size / 2 / np.maximum(np.abs(toward), 1e-9), axis=1, keepdims=True)
    ends = np.where((_DISTANCES > _WITHOUT_LINE)[:, None], centers + toward * np.minimum(inside, 1), point)
    return centers, _boxes(centers, size), ends


# ---- geometry ------------------------------------------------------------------------------------------------------------


def _boxes(centers: NDArray, sizes: NDArray) -> NDArray:
    """Left, bottom, right and top of boxes, (..., 4)."""
    return np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=-1)


def _overlaps(boxes: NDArray, others: NDArray) -> NDArray:
    """Area that each of some boxes (..., 4) shares with all others (n, 4)."""
    low, high = (np.expand_dims(boxes[..., half], -2) for half in (slice(2), slice(2, 4)))
    sides = np.minimum(high, others[:, 2:]) - np.maximum(low, others[:, :2])
    return np.clip(sides, 0, None).prod(axis=-1).sum(axis=-1)


def _length_inside(starts: NDArray, ends: NDArray, boxes: NDArray) -> NDArray:
    """Length of lines inside of boxes, for arrays of shapes (..., 2) and (..., 4) that are broadcast."""
    along = ends - starts
    steps = np.where(np.abs(along) < 1e-9, 1e-9, along)
    bounds = (boxes[..., :2] - starts) / steps, (boxes[..., 2:] - starts) / steps
    enter, leave = np.minimum(*bounds).max(axis=-1), np.maximum(*bounds).min(axis=-1)
    return np.clip(np.minimum(leave, 1) - np.maximum(enter, 0), 0, None) * np.linalg.norm(along, axis=-1)


def _cross(starts: NDArray, ends: NDArray, other_starts: NDArray, other_ends: NDArray) -> NDArray:
    """Whether lines cross others, for arrays of shape (..., 2) that are broadcast."""
    first = _side(starts, ends, other_starts) * _side(starts, ends, other_ends)
    second = _side(other_starts, other_ends, starts) * _side(other_starts, other_ends, ends)
    return (first < 0) & (second < 0)


def _side(starts: NDArray, ends: NDArray, points: NDArray) -> NDArray:
    """On which side of lines points are: a positive or a negative number, or 0 on the line."""
    along, across = ends - starts, points - starts
    return along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
