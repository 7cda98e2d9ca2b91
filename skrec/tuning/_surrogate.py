"""A Gaussian process of the scores of candidates, by which the next one is chosen."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from skrec._process import MutedWarning

_Array = NDArray[np.float64]


class _BoundReached(MutedWarning):
    """scikit-learn's warning about length scales at their bounds, which are those of inputs without effect."""

    category = ConvergenceWarning


def by_expected_improvement(points: _Array, scores: _Array, options: _Array) -> NDArray[np.int64]:
    """Return the positions of the options, those with the largest expected improvement of the best score first.

    Parameters
    ----------
    points : float64 array of shape (n_points, n_axes)
        Points of the unit cube that have been scored.
    scores : float64 array of shape (n_points,)
    options : float64 array of shape (n_options, n_axes)
        Points to choose from.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    scales = np.full(points.shape[1], 0.5)
    kernel = ConstantKernel(1.0, (0.1, 10)) * Matern(scales, (0.1, 5), nu=2.5) + WhiteKernel(1e-3, (1e-5, 0.1))
    # scores far below the median say little about the best ones
    middle = np.median(scores)
    clipped = np.maximum(scores, 2 * middle - scores.max())
    with _BoundReached.muted:
        process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit(points, clipped)
    mean, deviation = process.predict(options, return_std=True)
    improvement = mean - clipped.max()
    z = improvement / np.maximum(deviation, 1e-12)
    return np.argsort(-(improvement * norm.cdf(z) + deviation * norm.pdf(z)), kind="stable")
