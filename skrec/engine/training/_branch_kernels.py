"""Compiled loops of `BranchSteps`.

``slots`` are the positions of users (B,) and of candidates (B, C) among the distinct ones of a minibatch. Activations have a
row for each pair of an example and a candidate, in the order of the examples. Weights and gradients of a layer with one output,
and biases, are rows (1, width). Arrays are indexed by two numbers, because views of rows are counted, which takes as long as
the work on a row.
"""

import numpy as np

from skrec._compiled import compiled

# ---- products of embeddings ----------------------------------------------------------------------------------------------


@compiled
def add_product_scores(users, items, user_vectors, item_vectors, head, scores):
    """Add the sum over the entries of user vector times item vector times ``head`` to the score of each pair."""
    width = head.shape[1]
    weighted = np.empty(width, np.float32)
    for example in range(len(users)):
        user = users[example]
        for j in range(width):
            weighted[j] = user_vectors[user, j] * head[0, j]
        for place in range(items.shape[1]):
            item = items[example, place]
            total = np.float32(0)
            for j in range(width):
                total += weighted[j] * item_vectors[item, j]
            scores[example, place] += total


@compiled
def add_product_gradients(users, items, slots, slopes, vectors, head, gradients):
    """Add the gradients of the vectors of users and of items, by slot, and of ``head``."""
    user_slots, item_slots = slots
    user_vectors, item_vectors = vectors
    of_users, of_items, of_head = gradients
    width = head.shape[1]
    summed, weighted = np.empty(width, np.float32), np.empty(width, np.float32)
    for example in range(len(users)):
        user, user_slot = users[example], user_slots[example]
        for j in range(width):
            summed[j], weighted[j] = 0, user_vectors[user, j] * head[0, j]
        for place in range(items.shape[1]):
            item, item_slot, slope = items[example, place], item_slots[example, place], slopes[example, place]
            for j in range(width):
                summed[j] += slope * item_vectors[item, j]
            for j in range(width):
                of_items[item_slot, j] += slope * weighted[j]
        for j in range(width):
            of_users[user_slot, j] += summed[j] * head[0, j]
        for j in range(width):
            of_head[0, j] += summed[j] * user_vectors[user, j]


# ---- perceptrons ---------------------------------------------------------------------------------------------------------


@compiled
def sum_and_rectify(of_users, of_items, bias, slots, hidden):
    """Write the rectified outputs of the first layer, from its parts for users and for items."""
    user_slots, item_slots = slots
    n_candidates = item_slots.shape[1]
    for pair in range(len(hidden)):
        user_slot, item_slot = user_slots[pair // n_candidates], item_slots[pair // n_candidates, pair % n_candidates]
        for j in range(hidden.shape[1]):
            hidden[pair, j] = max(of_users[user_slot, j] + of_items[item_slot, j] + bias[0, j], np.float32(0))


@compiled
def rectify(hidden, bias):
    """Replace the outputs of a linear layer without its bias by the rectified outputs."""
    for pair in range(len(hidden)):
        for j in range(hidden.shape[1]):
            hidden[pair, j] = max(hidden[pair, j] + bias[0, j], np.float32(0))


@compiled
def add_weighted(hidden, head, scores):
    """Add the product of the last hidden layer with ``head`` to the score of each pair."""
    for pair in range(len(hidden)):
        total = np.float32(0)
        for j in range(hidden.shape[1]):
            total += hidden[pair, j] * head[0, j]
        scores[pair // scores.shape[1], pair % scores.shape[1]] += total


@compiled
def start_backward(hidden, slopes, head, of_head, of_bias):
    """Replace the last hidden layer by its gradient before the rectifier. Add the gradients of ``head`` and of the bias."""
    for pair in range(len(hidden)):
        slope = slopes[pair // slopes.shape[1], pair % slopes.shape[1]]
        for j in range(hidden.shape[1]):
            of_head[0, j] += slope * hidden[pair, j]
        for j in range(hidden.shape[1]):
            hidden[pair, j] = slope * head[0, j] if hidden[pair, j] > 0 else np.float32(0)
            of_bias[0, j] += hidden[pair, j]


@compiled
def pass_rectifier(gradients, hidden, of_bias):
    """Set the gradients of rectified outputs that are 0 to 0. Add the gradient of the bias."""
    for pair in range(len(hidden)):
        for j in range(hidden.shape[1]):
            gradients[pair, j] = gradients[pair, j] if hidden[pair, j] > 0 else np.float32(0)
            of_bias[0, j] += gradients[pair, j]


@compiled
def add_to_parts(gradients, slots, of_users, of_items):
    """Add the gradients of the first layer's outputs to those of its parts for users and for items."""
    user_slots, item_slots = slots
    n_candidates = item_slots.shape[1]
    for pair in range(len(gradients)):
        user_slot, item_slot = user_slots[pair // n_candidates], item_slots[pair // n_candidates, pair % n_candidates]
        for j in range(gradients.shape[1]):
            of_users[user_slot, j] += gradients[pair, j]
        for j in range(gradients.shape[1]):
            of_items[item_slot, j] += gradients[pair, j]
