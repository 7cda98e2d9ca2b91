"""Compiled loops of `PairSteps`.

Arrays have a row for each example of a minibatch and a column for each candidate. The candidate in column 0 is the positive.
Optional arrays are empty if they are not given. The functions that end in ``_slopes`` replace scores by the derivatives of the
mean weighted loss, and return the sum of the weighted losses.
"""

from math import exp, log, log1p

import numpy as np

from skrec._compiled import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio spreads consecutive codes over a hash table


@compiled
def distinct(codes, slots, rows):
    """Write the distinct codes into ``rows`` in order of appearance, and the position of each code there into ``slots``.

    Returns the number of distinct codes. A hash table of the positions is several times faster than sorting.
    """
    size, shift = 4, np.uint64(62)
    while size < 2 * len(codes):
        size, shift = 2 * size, shift - np.uint64(1)
    table = np.full(size, -1, np.int32)
    n = 0
    for k in range(len(codes)):
        code = codes[k]
        place = np.int64((np.uint64(code) * _GOLDEN) >> shift)
        while table[place] >= 0 and rows[table[place]] != code:
            place = (place + 1) & (size - 1)
        if table[place] < 0:
            table[place] = n
            rows[n] = code
            n += 1
        slots[k] = table[place]
    return n


@compiled
def add_rows(slots, values, sums):
    """Add row k of ``values`` to row ``slots[k]`` of ``sums``."""
    for k in range(len(slots)):
        for j in range(values.shape[1]):
            sums[slots[k], j] += values[k, j]


# ---- scores and losses ---------------------------------------------------------------------------------------------------


@compiled
def score_pairs(order, users, items, user_vectors, item_vectors, scores):
    """Write dot products into ``scores``, for the examples in an order."""
    for example in order:
        user = users[example]
        for place in range(items.shape[1]):
            item, total = items[example, place], np.float32(0)
            for j in range(user_vectors.shape[1]):
                total += user_vectors[user, j] * item_vectors[item, j]
            scores[example, place] = total


@compiled
def add_biases(codes, biases, scores):
    """Add biases to ``scores``. Codes (B, 1) are those of all candidates."""
    for example in range(len(scores)):
        for place in range(scores.shape[1]):
            scores[example, place] += biases[codes[example, min(place, codes.shape[1] - 1)], 0]


@compiled
def _weight(weights, example):
    return weights[example] if len(weights) else np.float32(1)


@compiled
def _is_used(mask, example, place):
    return len(mask) == 0 or mask[example, place]


@compiled
def _sigmoid(x):
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


@compiled
def _softplus_and_slope(x):
    """log(1 + exp(x)) and its derivative, the sigmoid."""
    small = exp(-abs(x))
    return max(x, 0.0) + log1p(small), (1 if x >= 0 else small) / (1 + small)


@compiled
def bpr_slopes(scores, mask, log_q, weights, n_items):
    """Slopes of `bpr`."""
    total, n_examples = 0.0, len(scores)
    for example in range(n_examples):
        n = 0
        for place in range(1, scores.shape[1]):
            n += _is_used(mask, example, place)
        share = _weight(weights, example) / max(n, 1)
        positive, of_positive = scores[example, 0], 0.0
        for place in range(1, scores.shape[1]):
            slope = 0.0
            if _is_used(mask, example, place):
                loss, slope = _softplus_and_slope(scores[example, place] - positive)
                total += share * loss
                slope *= share / n_examples
            scores[example, place] = slope
            of_positive -= slope
        scores[example, 0] = of_positive
    return total


@compiled
def bce_slopes(scores, mask, log_q, weights, n_items):
    """Slopes of `bce`."""
    total, n_examples = 0.0, len(scores)
    for example in range(n_examples):
        weight = _weight(weights, example)
        for place in range(scores.shape[1]):
            slope = 0.0
            if _is_used(mask, example, place):
                logit = scores[example, place] - (log_q[example, place] if len(log_q) else np.float32(0))
                sign = -1.0 if place == 0 else 1.0
                loss, slope = _softplus_and_slope(sign * logit)
                total += weight * loss
                slope *= sign * weight / n_examples
            scores[example, place] = slope
    return total


@compiled
def softmax_slopes(scores, mask, log_q, weights, n_items):
    """Slopes of `softmax` with the candidate in column 0 as the target."""
    total, n_examples, n = 0.0, len(scores), scores.shape[1]
    logits = np.empty(n)
    for example in range(n_examples):
        highest = -np.inf
        for place in range(n):
            logits[place] = -np.inf
            if _is_used(mask, example, place):
                logits[place] = scores[example, place] - (log_q[example, place] if len(log_q) else np.float32(0))
            highest = max(highest, logits[place])
        mass = 0.0
        for place in range(n):
            mass += exp(logits[place] - highest)
        weight = _weight(weights, example)
        total += weight * (log(mass) + highest - logits[0])
        for place in range(n):
            chance = exp(logits[place] - highest) / mass
            scores[example, place] = weight * (chance - (place == 0)) / n_examples
    return total


@compiled
def warp_slopes(scores, mask, log_q, weights, n_items):
    """Slopes of `warp`."""
    total, n_examples = 0.0, len(scores)
    for example in range(n_examples):
        n, n_violations, hinges = 0, 0, 0.0
        for place in range(1, scores.shape[1]):
            if _is_used(mask, example, place):
                excess = 1 + scores[example, place] - scores[example, 0]
                n += 1
                n_violations += excess > 0
                hinges += max(excess, 0.0)
        share = 0.0
        if n_violations:
            share = _weight(weights, example) * log1p(n_violations * (n_items - 1) / n) / n_violations
        total += share * hinges
        for place in range(1, scores.shape[1]):
            violates = _is_used(mask, example, place) and 1 + scores[example, place] - scores[example, 0] > 0
            scores[example, place] = share / n_examples if violates else 0.0
        scores[example, 0] = -share * n_violations / n_examples
    return total


@compiled
def mse_slopes(scores, values, weights, mean, low, high):
    """Slopes of `mse` for one rating in each example. If ``low`` equals ``high``, predictions are not bounded."""
    total, n_examples = 0.0, len(scores)
    for example in range(n_examples):
        rating, inner = scores[example, 0] + mean, 1.0
        if high > low:
            fraction = _sigmoid(scores[example, 0] + mean)
            rating, inner = low + (high - low) * fraction, (high - low) * fraction * (1 - fraction)
        error, weight = rating - values[example], _weight(weights, example)
        total += weight * error * error
        scores[example, 0] = 2 * weight * error * inner / n_examples
    return total


# ---- gradients and steps -------------------------------------------------------------------------------------------------


@compiled
def group(slots, order, starts):
    """Sort examples by slot: those of slot k are ``order[starts[k]:starts[k + 1]]``. ``starts`` must be 0."""
    for k in range(len(slots)):
        starts[slots[k] + 1] += 1
    for slot in range(1, len(starts)):
        starts[slot] += starts[slot - 1]
    for k in range(len(slots)):
        order[starts[slots[k]]] = k
        starts[slots[k]] += 1
    for slot in range(len(starts) - 1, 0, -1):
        starts[slot] = starts[slot - 1]
    starts[0] = 0


@compiled
def move_users(users, items, slopes, mask, decay, user_vectors, moments, item_vectors, of_items, numbers):
    """Move the vectors of users, and add the gradients of the vectors of items to ``of_items``.

    Parameters
    ----------
    users : (rows, order, starts)
        Rows of users, and their examples as from `group`.
    items : (items, slots)
        Candidates (B, C), and their rows in ``of_items``.
    decay : float32 array
        Factor of each row of a user in the gradient of the L2 penalty.
    moments : (float32 array, float32 array)
        Both moments of the vectors of users.
    numbers : float32 array of shape (5,)
        As for `adam`.
    """
    rows, order, starts = users
    codes, slots = items
    first, second = moments
    width = user_vectors.shape[1]
    gradient = np.empty((1, width), np.float32)
    for k in range(len(rows)):
        row = rows[k]
        for j in range(width):
            gradient[0, j] = decay[k] * user_vectors[row, j]
        for position in range(starts[k], starts[k + 1]):
            example = order[position]
            for place in range(codes.shape[1]):
                if not _is_used(mask, example, place):
                    continue
                item, slot, slope = codes[example, place], slots[example, place], slopes[example, place]
                for j in range(width):
                    gradient[0, j] += slope * item_vectors[item, j]
                for j in range(width):
                    of_items[slot, j] += slope * user_vectors[row, j]
        _move_row(gradient, 0, user_vectors, first, second, row, numbers)


@compiled
def add_bias_gradients(slots, slopes, mask, sums):
    """Add the slope of each pair to row ``slots[example, place]`` of ``sums``. Slots (B, 1) are those of all candidates."""
    for example in range(len(slopes)):
        for place in range(slopes.shape[1]):
            if _is_used(mask, example, place):
                sums[slots[example, min(place, slots.shape[1] - 1)], 0] += slopes[example, place]


@compiled
def add_penalty(rows, decay, weights, gradients):
    """Add ``decay[k]`` times row ``rows[k]`` of the weights to row k of the gradients."""
    for k in range(len(rows)):
        for j in range(weights.shape[1]):
            gradients[k, j] += decay[k] * weights[rows[k], j]


@compiled
def adam(rows, places, gradients, weights, first, second, numbers):
    """One step of Adam for some rows of a table and of its moments.

    Parameters
    ----------
    rows : int64 array of shape (n,)
        Rows of the table, each at most once.
    places : int64 array of shape (n,)
        Row of ``gradients`` for each of them. -1 if its gradient is 0.
    gradients : float32 array
    weights, first, second : float32 arrays
        The table and its moments.
    numbers : float32 array of shape (5,)
        Both betas, the learning rate and the factor of the second moment that correct them for the number of steps, and eps.
    """
    for k in range(len(rows)):
        if places[k] < 0:
            _move_row_by_moments(weights, first, second, rows[k], numbers)
        else:
            _move_row(gradients, places[k], weights, first, second, rows[k], numbers)


@compiled
def _move_row(gradients, place, weights, first, second, row, numbers):
    beta1, beta2, rate, correction, eps = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    share1, share2 = np.float32(1) - beta1, np.float32(1) - beta2
    # indices of two dimensions, because views of rows are counted, which takes longer than the step
    for j in range(weights.shape[1]):
        gradient, mean, square = gradients[place, j], first[row, j], second[row, j]
        mean = _normal(mean + (gradient - mean) * share1)
        square = _normal(square + (gradient * gradient - square) * share2)
        first[row, j], second[row, j] = mean, square
        weights[row, j] -= rate * mean / (np.sqrt(square * correction) + eps)


@compiled
def _move_row_by_moments(weights, first, second, row, numbers):
    """The same with a gradient of 0."""
    beta1, beta2, rate, correction, eps = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    for j in range(weights.shape[1]):
        mean, square = _normal(beta1 * first[row, j]), _normal(beta2 * second[row, j])
        first[row, j], second[row, j] = mean, square
        weights[row, j] -= rate * mean / (np.sqrt(square * correction) + eps)


@compiled
def _normal(moment):
    """The moment, or 0 if it is so small that steps with it would take a hundred times as long on a CPU."""
    return np.float32(0) if abs(moment) <= np.float32(1e-30) else moment
