"""Compiled conjugate gradients for the rows of a least squares problem of implicit feedback."""

import numpy as np

from skrec._compiled import compiled


@compiled
def solve_rows(rows, indptr, columns, weights, x, y, diagonal, penalties, n_steps, converged, tiny, values):
    """Improve rows of one table by conjugate gradients, the other table being fixed.

    Row ``k`` of ``x`` minimizes the sum of ``w * (1 - x @ y[column])**2`` over the entries of row ``rows[k]`` of a matrix,
    plus the sum of ``(diagonal + penalties[rows[k]]) * x**2``. The preconditioner is the diagonal of the equations.

    Parameters
    ----------
    rows : int64 array of shape (n,)
        Rows of the sparse matrix.
    indptr, columns, weights : int64, int32 and float32 arrays
        Sparse matrix in CSR format.
    x : float32 array of shape (n, d)
        Solutions, which are updated in place.
    y : float32 array of shape (n_columns, d)
        Fixed table.
    diagonal : float32 array of shape (d,)
        Penalty of each coordinate.
    penalties : float32 array of shape (n_rows,)
        Penalty of each row of the sparse matrix.
    n_steps : int
        Maximum number of steps.
    converged, tiny : float
        A row is solved when a squared step is below this share of its loss, or below the second number.
    values : float64 array of shape (n,)
        Receives the loss of each row after the steps.
    """
    d = x.shape[1]
    ridge, scale, residual = np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32)
    direction, image = np.empty(d, np.float32), np.empty(d, np.float32)
    for k in range(len(rows)):
        start, stop = indptr[rows[k]], indptr[rows[k] + 1]
        value = 0.0
        for j in range(d):
            ridge[j] = diagonal[j] + penalties[rows[k]]
            residual[j] = -ridge[j] * x[k, j]
            scale[j] = ridge[j]
            value -= residual[j] * x[k, j]
        value += _add_residual(start, stop, columns, weights, x[k], y, residual, scale)
        product = np.float32(0)
        for j in range(d):
            scale[j] = np.float32(1) / scale[j] if scale[j] > 0 else np.float32(0)
            direction[j] = scale[j] * residual[j]
            product += direction[j] * residual[j]
        limit = max(converged * value, tiny)
        for _ in range(n_steps):
            if not product > limit:
                break
            for j in range(d):
                image[j] = ridge[j] * direction[j]
            _add_image(start, stop, columns, weights, direction, y, image)
            curvature = np.float32(0)
            for j in range(d):
                curvature += direction[j] * image[j]
            length = product / curvature
            value -= np.float64(length) * product
            following = np.float32(0)
            for j in range(d):
                x[k, j] += length * direction[j]
                residual[j] -= length * image[j]
                following += scale[j] * residual[j] * residual[j]
            for j in range(d):
                direction[j] = scale[j] * residual[j] + following / product * direction[j]
            product = following
        values[k] = value


@compiled
def _add_residual(start, stop, columns, weights, x, y, residual, scale):
    """Add the entries of a row to its residual and to the diagonal of its equations. Return their squared errors."""
    d, total = len(x), 0.0
    paired = start + (stop - start) // 4 * 4
    for entry in range(start, paired, 4):  # four at once, since the processor waits for the sum of a single one
        a, b = np.uintp(columns[entry]), np.uintp(columns[entry + 1])
        c, e = np.uintp(columns[entry + 2]), np.uintp(columns[entry + 3])
        of_a, of_b, of_c, of_e = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(d):
            of_a += x[j] * y[a, j]
            of_b += x[j] * y[b, j]
            of_c += x[j] * y[c, j]
            of_e += x[j] * y[e, j]
        w_a, w_b, w_c, w_e = weights[entry], weights[entry + 1], weights[entry + 2], weights[entry + 3]
        one = np.float32(1)
        total += w_a * (one - of_a) ** 2 + w_b * (one - of_b) ** 2 + w_c * (one - of_c) ** 2 + w_e * (one - of_e) ** 2
        of_a, of_b, of_c, of_e = w_a * (one - of_a), w_b * (one - of_b), w_c * (one - of_c), w_e * (one - of_e)
        for j in range(d):
            residual[j] += of_a * y[a, j] + of_b * y[b, j] + of_c * y[c, j] + of_e * y[e, j]
            scale[j] += w_a * y[a, j] ** 2 + w_b * y[b, j] ** 2 + w_c * y[c, j] ** 2 + w_e * y[e, j] ** 2
    for entry in range(paired, stop):
        column, weight = np.uintp(columns[entry]), weights[entry]
        score = np.float32(0)
        for j in range(d):
            score += x[j] * y[column, j]
        error = np.float32(1) - score
        total += weight * error * error
        for j in range(d):
            residual[j] += weight * error * y[column, j]
            scale[j] += weight * y[column, j] * y[column, j]
    return total


@compiled
def _add_image(start, stop, columns, weights, direction, y, image):
    """Add the product of a direction with the entries' part of the equations of a row."""
    d = len(direction)
    paired = start + (stop - start) // 4 * 4
    for entry in range(start, paired, 4):  # four at once, since a single product is too short for the processor
        a, b = np.uintp(columns[entry]), np.uintp(columns[entry + 1])
        c, e = np.uintp(columns[entry + 2]), np.uintp(columns[entry + 3])
        of_a, of_b, of_c, of_e = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(d):
            of_a += direction[j] * y[a, j]
            of_b += direction[j] * y[b, j]
            of_c += direction[j] * y[c, j]
            of_e += direction[j] * y[e, j]
        of_a, of_b = of_a * weights[entry], of_b * weights[entry + 1]
        of_c, of_e = of_c * weights[entry + 2], of_e * weights[entry + 3]
        for j in range(d):
            image[j] += of_a * y[a, j] + of_b * y[b, j] + of_c * y[c, j] + of_e * y[e, j]
    for entry in range(paired, stop):
        column = np.uintp(columns[entry])
        product = np.float32(0)
        for j in range(d):
            product += direction[j] * y[column, j]
        product *= weights[entry]
        for j in range(d):
            image[j] += product * y[column, j]
