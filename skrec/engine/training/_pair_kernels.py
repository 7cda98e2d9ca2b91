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
def score_pairs(users, items, user_vectors, item_vectors, user_biases, item_biases, scores):
    """Write dot products plus biases into ``scores``. Tables of biases without columns are left out."""
    for example in range(len(users)):
        vector = user_vectors[users[example]]
        for place in range(items.shape[1]):
            row = item_vectors[items[example, place]]
            total = np.float32(0)
            for j in range(len(vector)):
                total += vector[j] * row[j]
            if user_biases.shape[1]:
                total += user_biases[users[example], 0]
            if item_biases.shape[1]:
                total += item_biases[items[example, place], 0]
            scores[example, place] = total


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
def _softplus(x):
    return max(x, 0.0) + log1p(exp(-abs(x)))


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
                difference = scores[example, place] - positive
                total += share * _softplus(difference)
                slope = share * _sigmoid(difference) / n_examples
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
                total += weight * _softplus(-logit if place == 0 else logit)
                slope = weight * (_sigmoid(logit) - (place == 0)) / n_examples
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
            fraction = _sigmoid(scores[example, 0])
            rating, inner = low + (high - low) * fraction, (high - low) * fraction * (1 - fraction)
        error, weight = rating - values[example], _weight(weights, example)
        total += weight * error * error
        scores[example, 0] = 2 * weight * error * inner / n_examples
    return total


# ---- gradients and steps -------------------------------------------------------------------------------------------------


@compiled
def add_gradients(users, items, mask, slopes, penalties, tables, slots, sums):
    """Add the gradients of vectors and biases to ``sums``.

    Parameters
    ----------
    penalties : (float, float)
        Factors of the rows of a user and of an item in the gradient of the L2 penalty.
    tables : (user vectors, item vectors, user biases, item biases)
    slots : (int64 array (B,), int64 array (B, C))
        Row of ``sums`` for each user and candidate.
    sums : arrays of the widths of the tables
    """
    user_vectors, item_vectors, user_biases, item_biases = tables
    of_users, of_items, of_user_biases, of_item_biases = sums
    of_user, of_item = np.float32(penalties[0]), np.float32(penalties[1])
    for example in range(len(users)):
        user, user_slot = users[example], slots[0][example]
        for j in range(user_vectors.shape[1]):
            of_users[user_slot, j] += of_user * user_vectors[user, j]
        if user_biases.shape[1]:
            of_user_biases[user_slot, 0] += of_user * user_biases[user, 0]
        for place in range(items.shape[1]):
            if not _is_used(mask, example, place):
                continue
            item, item_slot, slope = items[example, place], slots[1][example, place], slopes[example, place]
            for j in range(user_vectors.shape[1]):
                of_users[user_slot, j] += slope * item_vectors[item, j]
            for j in range(user_vectors.shape[1]):
                of_items[item_slot, j] += slope * user_vectors[user, j] + of_item * item_vectors[item, j]
            if user_biases.shape[1]:
                of_user_biases[user_slot, 0] += slope
            if item_biases.shape[1]:
                of_item_biases[item_slot, 0] += slope + of_item * item_biases[item, 0]


@compiled
def adam(rows, sums, weights, first, second, numbers):
    """One step of Adam for some rows of a table and of its moments. Sets the gradients in ``sums`` to 0.

    The numbers are both betas, the learning rate and the factor of the second moment that correct them for the number of steps,
    and eps.
    """
    beta1, beta2, rate, correction, eps = numbers
    share1, share2 = np.float32(1) - beta1, np.float32(1) - beta2
    for k in range(len(rows)):
        row = rows[k]
        for j in range(weights.shape[1]):
            gradient, mean, square = sums[k, j], first[row, j], second[row, j]
            mean += (gradient - mean) * share1
            square += (gradient * gradient - square) * share2
            first[row, j], second[row, j] = mean, square
            weights[row, j] -= rate * mean / (np.sqrt(square * correction) + eps)
            sums[k, j] = 0
