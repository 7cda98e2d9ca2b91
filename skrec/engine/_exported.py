"""Scores of networks and states of new users, described for graphs of ONNX."""

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.base._copying import shallow_copy
from skrec.base._onnx import scores_of_formula
from skrec.engine._exported_networks import NewsStates, RowStates, SequenceStates
from skrec.engine._products import RatingRange
from skrec.engine.fold_in import FoldIn
from skrec.engine.fold_in._least_squares import LEAST_CURVATURE
from skrec.engine.losses._losses import bce, bpr, softmax
from skrec.engine.networks._branches import MLP, BranchNetwork
from skrec.engine.networks._news import News
from skrec.engine.networks._sequence import SequenceNetwork
from skrec.engine.objectives._implicit_squares import ImplicitSquares
from skrec.engine.objectives._rankings import FOLD_IN_NEGATIVES, InBatchRanking, SampledRanking, WholeRows
from skrec.engine.objectives._ratings import Ratings
from skrec.export._fold_in import BoundedRatings, ItemProducts, Likelihood, MapEstimate, Prior, SoftmaxOfRows
from skrec.export._graph import Graph, Value
from skrec.export._least_squares import LeastSquares, Terms
from skrec.export._pairs import Pairs
from skrec.export._scores import Branch, LayerScores, Scores
from skrec.export._states import States


def on_cpu(model: Any) -> Any:
    """The fitted `TorchRecommender`, or a copy of it on the CPU."""
    if model.device_ == "cpu":
        return model
    twin = shallow_copy(model)
    twin.__dict__ = {name: value for name, value in model.__getstate__().items() if name != "_sklearn_version"}
    return twin


@torch.no_grad()
def exported_scores(model: Any) -> Scores:
    """The scores of a fitted `TorchRecommender`: products of vectors, or the branches of a `BranchNetwork`."""
    model = on_cpu(model)
    network = model.module_
    if not (isinstance(network, BranchNetwork) and network.has_branches):
        return scores_of_formula(model)
    branches = [_branch(branch, head) for branch, head in zip(network.branches, network.head_weights(), strict=True)]
    bias = float(network.head.bias) + (float(network.mean) if network.y_range is None else 0)
    return LayerScores(branches, bias, None if network.y_range is None else RatingRange(network).bounds)


def _branch(branch: Any, head: Tensor) -> Branch:
    if not isinstance(branch, MLP):
        return Branch(_array(branch.users.weight * head), _array(branch.items.weight), [])
    maps = [(_array(weight), _array(bias)) for weight, bias in branch.linear_maps(head)]
    return Branch(_array(branch.of_user(branch.users.weight)), _array(branch.of_item(branch.items.weight)), maps)


@torch.no_grad()
def exported_state(model: Any) -> States:
    """The states of new users of a fitted `TorchRecommender`."""
    model = on_cpu(model)
    network = model.module_
    if isinstance(network, News):
        return NewsStates(network, model.max_length)
    if isinstance(network, SequenceNetwork):
        return SequenceStates(network, model.max_length)
    if network.reads_histories:
        return RowStates(network, model._predicts_ratings, float(network.mean) if network.y_range is None else 0.0)
    return folded_in(type(model).__name__, model._fold_in())


@torch.no_grad()
def folded_in(name: str, fold_in: FoldIn) -> States:
    """The states of new users who are folded in.

    Parameters
    ----------
    name : str
        Name of the model, for errors.
    fold_in : FoldIn

    Raises
    ------
    NotImplementedError
        If scores are not products of vectors, or the loss has no form for graphs.
    """
    network, objective = fold_in.network, fold_in.objective
    if not network.has_factors:
        raise NotImplementedError(
            f"to_onnx(inputs='history') is not available for {name}: new users are folded in, which can be written as a graph "
            "only if scores are products of vectors"
        )
    if objective.has_closed_form(network):
        return _implicit_squares(fold_in) if isinstance(objective, ImplicitSquares) else _ridge(fold_in)
    likelihood = _likelihood(fold_in)
    if likelihood is None:
        raise NotImplementedError(
            f"to_onnx(inputs='history') is not available for {name} with this loss: users can be folded in by a graph if the "
            "loss is 'softmax', 'bpr' or 'mse', or 'bce' with negatives that are drawn"
        )
    return MapEstimate(_prior(fold_in.prior), _item_products(fold_in), likelihood, _finish(fold_in))


def _ridge(fold_in: FoldIn) -> LeastSquares:
    finish, mean, root = _finish(fold_in), _wide(fold_in.prior.mean), _wide(fold_in.prior.root)
    products = _item_products(fold_in)
    offsets = products.biases + products.vectors @ mean

    def terms(codes: Value, mask: Value, values: Value | None) -> Terms:
        assert values is not None
        return Terms(mask, mask * (values - codes.graph.gather(codes.graph.constant(offsets), codes)))

    return LeastSquares(
        features=products.vectors @ root,
        terms=terms,
        penalties=lambda graph, n: n * 0.0 + fold_in.catalog.noise,
        finish=lambda solution: finish(solution @ np.ascontiguousarray(root.T) + mean),
        reads_values=True,
    )


def _implicit_squares(fold_in: FoldIn) -> LeastSquares:
    finish, objective, axes = _finish(fold_in), fold_in.objective, _wide(fold_in.prior.root)
    curvature, n_unobserved = _wide(fold_in.prior.curvature), objective.unobserved_weight * len(fold_in.catalog.popularity)

    def penalties(graph: Graph, n: Value) -> Value:
        of_users = objective.regularization * graph.node("Pow", n + n_unobserved, objective.regularization_exponent)
        diagonal = of_users + curvature
        return graph.larger(diagonal, diagonal.max(1, keepdims=True) * LEAST_CURVATURE)

    return LeastSquares(
        features=_item_products(fold_in).vectors @ axes,
        terms=lambda codes, mask, values: Terms(mask, mask),
        penalties=penalties,
        finish=lambda solution: finish(solution @ np.ascontiguousarray(axes.T)),
        reads_values=False,
    )


def _likelihood(fold_in: FoldIn) -> Likelihood | None:
    """The loss of histories, None if it has no form for graphs."""
    objective, catalog = fold_in.objective, fold_in.catalog
    if isinstance(objective, Ratings):
        return BoundedRatings(catalog.noise, RatingRange(fold_in.network).bounds)
    is_by_popularity = isinstance(objective, InBatchRanking) or getattr(objective, "sampling", None) == "popularity"
    if objective.is_softmax and (isinstance(objective, WholeRows) or is_by_popularity):
        return SoftmaxOfRows(catalog.compared)
    names = {bpr: "bpr", bce: "bce", softmax: "softmax"}
    if isinstance(objective, WholeRows) or objective.losses.smooth not in names:
        return None
    n_negatives = objective.n_negatives if isinstance(objective, SampledRanking) else FOLD_IN_NEGATIVES
    pool, loss = catalog.pool(by_popularity=is_by_popularity), names[objective.losses.smooth]
    log_counts = np.zeros(len(pool.items))
    if pool.log_chances is not None and loss != "bpr":
        log_counts = pool.log_chances.numpy() + log(n_negatives)
    return Pairs(loss, pool.items.numpy(), log_counts, n_negatives)


def _prior(prior: Any) -> Prior:
    wide = prior.converted(torch.float64)
    direction = (wide.center.numpy(), float(wide.length)) if hasattr(wide, "center") else None
    curvature = np.zeros(len(wide.mean)) if wide.curvature is None else wide.curvature.numpy()
    return Prior(wide.mean.numpy(), wide.root.numpy(), wide.start.numpy(), curvature, float(wide.stiffness), direction)


def _item_products(fold_in: FoldIn) -> ItemProducts:
    """Vectors and biases of items. A bias of the user is one more coordinate."""
    network, n = fold_in.network, len(fold_in.catalog.popularity)
    vectors, biases = _wide(network.item_vectors(torch.arange(n))), network.all_item_biases()
    if len(fold_in.prior.widths) > 1:
        vectors = np.column_stack([vectors, np.ones(n)])
    mean = float(network.mean) if network.y_range is None else 0.0
    return ItemProducts(vectors, np.full(n, mean) + (0 if biases is None else _wide(biases)), network.temperature)


def _finish(fold_in: FoldIn) -> Callable[[Value], tuple[Value, Value | None]]:
    """A function that converts states (n_users, d) in float64 to those of `ProductScores`."""
    network, (width, *others) = fold_in.network, fold_in.prior.widths
    mean = np.float32(0 if network.y_range is not None else network.mean)

    def finish(state: Value) -> tuple[Value, Value | None]:
        graph, vectors = state.graph, state.part(0, width, 1).to(np.float32)
        if network.temperature is not None:
            lengths = graph.larger((vectors * vectors).sum(1, keepdims=True).apply("Sqrt"), 1e-12)
            vectors = vectors / lengths / network.temperature
        if others:
            return vectors, state.part(width, width + 1, 1).without_axis(1).to(np.float32) + mean
        return vectors, graph.full(vectors.size(0), mean) if mean else None

    return finish


def _wide(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().double().numpy()


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().float().numpy()
