"""Axes of displays, and colors that color-blind people can tell apart."""

from typing import Any

BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, BLACK = "#0072B2 #D55E00 #009E73 #CC79A7 #56B4E9 #E69F00 #000000".split()
CATEGORIES = [BLUE, ORANGE, GREEN, YELLOW, PURPLE, SKY, BLACK]
"""The palette of Okabe and Ito."""
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
"""One marker for each color, so that groups differ without color too."""
GRAY = "0.55"


def read_axes(ax: Any, figsize: tuple[float, float]) -> Any:
    """Return the given axes, or those of a new figure with constrained layout.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    return import_pyplot().subplots(figsize=figsize, layout="constrained")[1]


def import_pyplot() -> Any:
    """Import `matplotlib.pyplot`. Only new figures need it."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("displays need matplotlib: pip install skrec[plot]") from None
    return pyplot


def shortened(text: Any, n_characters: int) -> str:
    """Text of at most some characters. A longer text has an ellipsis in the middle, so that a year at its end stays."""
    text = str(text)
    if len(text) <= n_characters:
        return text
    last = text.rpartition(" ")[2]
    n_last = len(last) + 1 if len(last) < n_characters // 2 and last != text else n_characters // 4
    return f"{text[: n_characters - 1 - n_last].rstrip(' ,(')}…{text[-n_last:]}"
