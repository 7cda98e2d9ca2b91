"""The work of a step of training, which determines the number of threads."""

from typing import Any

from torch import nn

from skrec.engine.batches._batches import Batch

# An optimizer reads and writes each weight and its moments. This takes as long as some hundred operations in the cache.
_OPERATIONS_OF_AN_UPDATE = 100


def work_of_step(network: nn.Module, batch: Batch, *, updates_all_rows: bool) -> float:
    """Approximate number of floating-point operations of the largest operation of a step.

    Parameters
    ----------
    network : nn.Module
        Network.
    batch : Batch
        A minibatch.
    updates_all_rows : bool
        Whether the optimizer updates all rows of embeddings. If False, it updates the rows that the minibatch uses.
    """
    n_in_layers = n_weights_of_layers(network)
    n_updated = sum(weight.numel() for weight in network.parameters()) if updates_all_rows else n_in_layers
    width = max((table.embedding_dim for table in network.modules() if isinstance(table, nn.Embedding)), default=1)
    scores = 2 * batch.n_examples * _n_candidates(batch.items) * width
    return float(max(scores, 2 * batch.n_examples * n_in_layers, _OPERATIONS_OF_AN_UPDATE * n_updated))


def n_weights_of_layers(network: nn.Module) -> int:
    """Number of weights outside of tables of embeddings, which are used for each example."""
    tables = {module.weight for module in network.modules() if isinstance(module, nn.Embedding)}
    return sum(weight.numel() for weight in network.parameters() if weight not in tables)


def _n_candidates(items: Any) -> int:
    """Number of candidates of an example."""
    if isinstance(items, tuple):
        return sum(map(_n_candidates, items))
    return 1 if items.ndim == 1 else items.shape[-1]
