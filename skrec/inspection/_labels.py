"""Labels of points without overlap."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ANGLES = np.deg2rad([20, 160, -20, 200, 60, 120, -60, 240, 90, 270, 0, 180, 40, 140, -40, 220])
_DISTANCES = (8.0, 15, 23, 33, 45, 59, 75, 93, 113, 135, 160, 190, 225, 265, 310)  # points of 1/72 inch
_WITHOUT_LINE = 8  # labels at this distance need no line to their point
_MARGIN = 2.0  # around a label, in pixels
_COST_OF_DISTANCE = 0.1  # in covered pixels, for each 1/72 inch
_MARKER = 10.0  # size of a labeled point, in points of 1/72 inch
_N_PARTS = 16  # a line to a point is checked at its ends and between as many parts


class _Occupied:
    """Boxes in pixels that labels and lines should not cover."""

    def __init__(self, markers: NDArray, frame: NDArray):
        self.markers, self.frame = markers, frame
        self.labels, self.lines = np.zeros((0, 4)), np.zeros((0, 4))

    def cost(self, box: NDArray, line: NDArray, own: int) -> float:
        """Area that a label covers or that is outside of the frame. Crossings of lines and labels weigh little."""
        covered = _overlaps(box[None], np.delete(self.markers, own, axis=0)) + 10 * _overlaps(box[None], self.labels)
        outside = _area(box) - _overlaps(box[None], self.frame[None])
        crossings = _overlaps(box[None], self.lines) + _overlaps(line, self.labels)
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
    markers = np.array([_box(x, y, _MARKER * scale, _MARKER * scale) for x, y in np.concatenate([pixels, others])])
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
    best: tuple[NDArray, float, NDArray] = (point, 0.0, np.zeros((0, 4)))
    least = np.inf
    for distance, angle in product(_DISTANCES, _ANGLES):
        if least <= distance * _COST_OF_DISTANCE:  # farther places cost more
            break
        direction = np.array([np.cos(angle), np.sin(angle)]).round(3)
        center = point + distance * scale * direction + size / 2 * np.sign(direction) * [1, 0.5]
        line = np.zeros((0, 4)) if distance <= _WITHOUT_LINE else _line(point, center, size)
        cost = occupied.cost(_box(center[0], center[1], *size), line, own) + distance * _COST_OF_DISTANCE
        if cost < least:
            best, least = (center, distance, line), cost
    center, distance, line = best
    occupied.add(_box(center[0], center[1], *size), line)
    return center, distance


def _line(point: NDArray, center: NDArray, size: NDArray) -> NDArray:
    """Small boxes along the line from a point to its label, without the part under the label."""
    steps = point + np.linspace(0, 1, _N_PARTS + 1)[:, None] * (center - point)
    is_free = (np.abs(steps - center) > size / 2).any(axis=1)
    return np.array([_box(x, y, 3, 3) for x, y in steps[is_free]]).reshape(-1, 4)


def _box(x: float, y: float, width: float, height: float) -> NDArray:
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def _area(box: NDArray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _overlaps(boxes: NDArray, others: NDArray) -> float:
    """Area that some boxes share with others."""
    sides = np.minimum(boxes[:, None, 2:], others[:, 2:]) - np.maximum(boxes[:, None, :2], others[:, :2])
    return float(np.clip(sides, 0, None).prod(axis=2).sum())
