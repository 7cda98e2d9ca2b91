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
_COST_OF_DISTANCE = 0.1  # in covered pixels, for each 1/72 inch
_MARKER = 10.0  # size of a labeled point, in points of 1/72 inch
_N_PARTS = 16  # number of places at which a line is checked


class _Occupied:
    """Boxes in pixels that labels and lines should not cover."""

    def __init__(self, markers: NDArray, frame: NDArray):
        self.markers, self.frame = markers, frame
        self.labels, self.lines = np.zeros((0, 4)), np.zeros((0, 4))

    def costs(self, boxes: NDArray, lines: NDArray, own: int) -> NDArray:
        """Areas that labels cover or that are outside of the frame. Crossings of lines and labels weigh little.

        Parameters
        ----------
        boxes : array of shape (n, 4)
            A label at n places.
        lines : array of shape (n, n_parts, 4)
            Parts of its line to the point.
        own : int
            Number of the marker that the label belongs to.
        """
        covered = _overlaps(boxes, np.delete(self.markers, own, axis=0)) + 10 * _overlaps(boxes, self.labels)
        outside = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - _overlaps(boxes, self.frame[None])
        crossings = _overlaps(boxes, self.lines) + _overlaps(lines, self.labels).sum(axis=1)
        return covered + 10 * outside + crossings / 10

    def add(self, box: NDArray, line: NDArray) -> None:
        """Occupy the place of a label and its line."""
        self.labels, self.lines = np.vstack([self.labels, box]), np.vstack([self.lines, line])


def place_labels(
    ax: Any, points: NDArray, texts: Sequence[str], *, fontsize: float = 8, avoid: NDArray | None = None
) -> list[Any]:
    """Write a label beside each point, at the nearest place without another label, line or labeled point.

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
    occupied = _Occupied(markers, np.array([frame.x0, frame.y0, frame.x1, frame.y1]))
    style = {"fontsize": fontsize, "ha": "center", "va": "center", "zorder": 5}
    style["path_effects"] = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    line_style = {"arrowstyle": "-", "color": "0.35", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2}
    annotations: list[Any] = [None] * len(texts)
    for i in np.argsort(-pixels[:, 1], kind="stable"):
        size = _size(ax, texts[i], fontsize)
        center, distance = _best_place(pixels[i], size, scale, occupied, own=int(i))
        annotations[i] = ax.annotate(
            texts[i],
            points[i],
            xytext=tuple((center - pixels[i]) / scale),
            textcoords="offset points",
            arrowprops=line_style if distance > _WITHOUT_LINE else None,
            **style,
        )
        annotations[i].set_in_layout(False)
    return annotations


def _size(ax: Any, text: str, fontsize: float) -> NDArray:
    """Width and height of a text in pixels."""
    probe = ax.text(0.5, 0.5, text, fontsize=fontsize, transform=ax.transAxes)
    extent = probe.get_window_extent()
    probe.remove()
    return np.array([extent.width, extent.height]) + 2 * _MARGIN


def _best_place(point: NDArray, size: NDArray, scale: float, occupied: _Occupied, *, own: int) -> tuple[NDArray, float]:
    """Center of a label, and its distance from the point: near, and where it covers little."""
    centers = point + _DISTANCES[:, None] * scale * _DIRECTIONS + size / 2 * np.sign(_DIRECTIONS) * [1, 0.5]
    boxes, lines = _boxes(centers, size), _lines(point, centers, size)
    best = int(np.argmin(occupied.costs(boxes, lines, own) + _COST_OF_DISTANCE * _DISTANCES))
    occupied.add(boxes[best], lines[best])
    return centers[best], float(_DISTANCES[best])


def _lines(point: NDArray, centers: NDArray, size: NDArray) -> NDArray:
    """Small boxes along the lines from a point to a label at n places, (n, n_parts, 4). Parts under the label are empty."""
    steps = point + np.linspace(0, 1, _N_PARTS)[:, None] * (centers - point)[:, None]
    is_drawn = (np.abs(steps - centers[:, None]) > size / 2).any(axis=2) & (_DISTANCES > _WITHOUT_LINE)[:, None]
    return _boxes(steps, np.where(is_drawn, 3.0, 0.0)[..., None])


def _boxes(centers: NDArray, sizes: NDArray) -> NDArray:
    """Left, bottom, right and top of boxes, (..., 4)."""
    return np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=-1)


def _overlaps(boxes: NDArray, others: NDArray) -> NDArray:
    """Area that each of some boxes (..., 4) shares with all others (n, 4)."""
    low, high = (np.expand_dims(boxes[..., half], -2) for half in (slice(2), slice(2, 4)))
    sides = np.minimum(high, others[:, 2:]) - np.maximum(low, others[:, :2])
    return np.clip(sides, 0, None).prod(axis=-1).sum(axis=-1)
