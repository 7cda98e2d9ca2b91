"""Scores of a network, in blocks of users or pairs. On a CPU the blocks are computed in threads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec._memory import blocks, rows_per_block
from skrec._threads import map_in_threads, n_threads, single_threaded_blas, torch_threads_in_step
from skrec.base._prepared import prepared
from skrec.engine._products import products_of
from skrec.engine.networks._network import State
from skrec.engine.training._work import n_weights_of_layers
from skrec.topk import Products

_THREADS_PER_BLOCK = 4  # blocks are smaller than those of a single thread, since several are in memory at once


def score_items(model: Any, state: State, items: slice) -> NDArray[np.float32] | Tensor:
    """Scores (n_users, n_items) of a slice of items with a fitted `TorchRecommender`. An array if they are products."""
    if (products := prepared(model, products_of)) is not None:
        return _score_by_products(model, products, state, items)
    candidates = torch.arange(items.start, items.stop, device=model.device_)[None]
    height = rows_per_block(4 * candidates.shape[1] * model.module_.floats_per_score * _THREADS_PER_BLOCK)
    # one output array: many small ones between large temporary arrays would fragment the heap
    scores = torch.empty(len(state[0]), candidates.shape[1], device=model.device_)

    def score(users: slice) -> None:
        scores[users] = model.module_.score(tuple(part[users] for part in state), candidates)

    _in_blocks(model, score, len(scores), height, scores.numel())
    return scores


def _score_by_products(model: Any, products: Products, state: State, items: slice) -> NDArray[np.float32]:
    n_users, width = len(state[0]), items.stop - items.start
    height = rows_per_block(4 * width * _THREADS_PER_BLOCK)
    if n_users <= height:
        with single_threaded_blas:
            return products.scores(state, items)
    scores = np.empty((n_users, width), np.float32)

    def score(users: slice) -> None:
        scores[users] = products.scores(tuple(part[users] for part in state), items)

    n = n_threads(None, scores.size * prepared(model, operations_per_score))
    map_in_threads(score, blocks(n_users, height), n)
    return scores


def score_known_pairs(model: Any, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores (n,) of pairs of known users and known items with a fitted `TorchRecommender`."""
    scores = np.empty(len(users), np.float32)

    def score(pairs: slice) -> None:
        of_pairs = model.module_(model._tensor(users[pairs]), model._tensor(items[pairs]))
        scores[pairs] = of_pairs.float().cpu().numpy()

    _in_blocks(model, score, len(users), rows_per_block(32 * len(model.prior_.mean)), len(users))
    return scores


def _in_blocks(model: Any, score: Callable[[slice], None], n_rows: int, height: int, n_scores: int) -> None:
    """Call a function for blocks of rows, on a CPU in as many threads as the work can feed."""

    @torch.no_grad()
    @torch_threads_in_step(0)
    def score_block(block: slice) -> None:
        score(block)

    n = n_threads(None, n_scores * prepared(model, operations_per_score)) if model.device_ == "cpu" else 1
    map_in_threads(score_block, (slice(start, start + height) for start in range(0, n_rows, height)), n)


def operations_per_score(model: Any) -> int:
    """Approximate number of floating-point operations of a score."""
    network = model.module_
    n_shared = 0 if network.has_factors else n_weights_of_layers(network)
    return 2 * (len(model.prior_.mean) + n_shared)
