"""Slow and plain alternating least squares: dense matrices, float64, a linear system for each row."""

import numpy as np


def penalties(weights, *, unobserved_weight, regularization, exponent):
    """Penalty of each row of the weights of positive pairs (n_rows, n_columns)."""
    return regularization * (weights.sum(1) + unobserved_weight * weights.shape[1]) ** exponent


def solve_rows(weights, y, *, unobserved_weight, **penalty):
    """Best vectors of all rows, given the vectors ``y`` of the columns."""
    ridges = penalties(weights, unobserved_weight=unobserved_weight, **penalty)
    everything = unobserved_weight * y.T @ y
    systems = [everything + (y.T * row) @ y + ridge * np.eye(y.shape[1]) for row, ridge in zip(weights, ridges)]
    return np.stack([np.linalg.solve(system, y.T @ row) for system, row in zip(systems, weights)])


def loss_of(weights, x, y, *, unobserved_weight, **penalty):
    """The loss that alternating least squares minimizes."""
    scores = x @ y.T
    of_pairs = (weights * (1 - scores) ** 2).sum() + unobserved_weight * (scores**2).sum()
    of_rows = penalties(weights, unobserved_weight=unobserved_weight, **penalty) @ (x**2).sum(1)
    of_columns = penalties(weights.T, unobserved_weight=unobserved_weight, **penalty) @ (y**2).sum(1)
    return of_pairs + of_rows + of_columns


def alternate(weights, x, y, n_epochs, **settings):
    """Vectors of rows and columns after some epochs, each of which solves for the columns and then for the rows."""
    for _ in range(n_epochs):
        y = solve_rows(weights.T, x, **settings)
        x = solve_rows(weights, y, **settings)
    return x, y
