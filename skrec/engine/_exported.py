"""Scores of networks and states of new users, described for graphs of ONNX."""

from collections.abc import Callable
from functools import partial
from math import log
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import block_diag
from torch import Tensor

from skrec.base._copying import shallow_copy
from skrec.base._onnx import scores_of_formula
from skrec.engine._exported_networks import RowStates, SequenceStates
from skrec.engine._products import RatingRange
from skrec.engine.fold_in import FoldIn
from skrec.engine.fold_in._least_squares import LEAST_CURVATURE
from skrec.engine.losses import _losses as losses
from skrec.engine.networks._branches import MLP, BranchNetwork
from skrec.engine.networks._news import News
from skrec.engine.networks._sequence import SequenceNetwork
from skrec.engine.objectives._implicit_squares import ImplicitSquares
from skrec.engine.objectives._rankings import FOLD_IN_NEGATIVES, InBatchRanking, SampledRanking, WholeRows
from skrec.engine.objectives._ratings import Ratings
from skrec.export import _pairs as pairs
from skrec.export._fold_in import BinaryRows, Likelihood, MapEstimate, Prior, RatingErrors, SoftmaxOfRows
from skrec.export._graph import Graph, Value
from skrec.export._item_scores import BranchItems, ProductItems, RectifiedItems
from skrec.export._least_squares import LeastSquares, Terms
from skrec.export._pairs import Pairs
from skrec.export._scores import Branch, LayerScores, Scores
from skrec.export._states import MeansOfItems, States

_LOSSES: dict[Any, Callable[..., pairs.LossOfPairs]] = {
    losses.bpr: pairs.bpr,
    losses.bce: pairs.bce,
    losses.softmax: pairs.softmax,
    losses.warp: pairs.warp,
    losses.ccl: pairs.ccl,
}


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
    bias = float(network.head.bias) + _mean(network)
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
        return _readers(network, model.max_length)
    if isinstance(network, SequenceNetwork):
        return SequenceStates(network, model.max_length)
    if network.reads_histories:
        return RowStates(network, model._predicts_ratings, _mean(network))
    return folded_in(type(model).__name__, model._fold_in())


def _readers(network: News, max_length: int) -> MeansOfItems:
    vectors, logits, of_default = network.vectors, network.logits, network.default_reader
    return MeansOfItems(_array(vectors), _array(logits), _array(of_default), float(network.default_logit), max_length)


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
    is_branched = isinstance(network, BranchNetwork) and network.has_branches
    if not (network.has_factors or is_branched):
        raise NotImplementedError(
            f"to_onnx(inputs='history') is not available for {name}: it folds in new users, and its scores are neither "
            "products of vectors nor those of a BranchNetwork"
        )
    if objective.has_closed_form(network):
        return _implicit_squares(fold_in) if isinstance(objective, ImplicitSquares) else _ridge(fold_in)
    likelihood = _likelihood(fold_in)
    if likelihood is None:
        raise NotImplementedError(
            f"to_onnx(inputs='history') is not available for {name} with this loss: it folds in new users, for which there "
            "are no graphs of callable losses and of negatives='hard'"
        )
    if is_branched:
        branches = _branch_items(network)
        return MapEstimate(_prior(fold_in.prior), branches, likelihood, _finish_branches(branches))
    return MapEstimate(_prior(fold_in.prior), _product_items(fold_in), likelihood, _finish(fold_in))


def _ridge(fold_in: FoldIn) -> LeastSquares:
    finish, mean, root = _finish(fold_in), _wide(fold_in.prior.mean), _wide(fold_in.prior.root)
    products = _product_items(fold_in)
    offsets = products.biases + products.items @ mean

    def terms(codes: Value, mask: Value, values: Value | None) -> Terms:
        assert values is not None
        return Terms(mask, mask * (values - codes.graph.gather(codes.graph.constant(offsets), codes)))

    return LeastSquares(
        features=products.items @ root,
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
        features=_product_items(fold_in).items @ axes,
        terms=lambda codes, mask, values: Terms(mask, mask),
        penalties=penalties,
        finish=lambda solution: finish(solution @ np.ascontiguousarray(axes.T)),
        reads_values=False,
    )


def _likelihood(fold_in: FoldIn) -> Likelihood | None:
    """The loss of histories, None if it has no form for graphs."""
    objective, catalog, network = fold_in.objective, fold_in.catalog, fold_in.network
    if isinstance(objective, Ratings):
        return RatingErrors(catalog.noise, None if network.y_range is None else RatingRange(network).bounds)
    is_by_popularity = isinstance(objective, InBatchRanking) or getattr(objective, "sampling", None) == "popularity"
    if objective.is_softmax and (isinstance(objective, WholeRows) or is_by_popularity):
        return SoftmaxOfRows(catalog.compared)
    smooth = objective.losses.smooth
    function: Any = smooth.func if isinstance(smooth, partial) else smooth
    parameters = smooth.keywords if isinstance(smooth, partial) else {}
    if isinstance(objective, WholeRows):
        return BinaryRows(catalog.compared) if function is losses.bce else None
    if function not in _LOSSES:
        return None
    n_negatives = objective.n_negatives if isinstance(objective, SampledRanking) else FOLD_IN_NEGATIVES
    pool, log_counts = catalog.pool(by_popularity=is_by_popularity), None
    if pool.log_chances is not None and function in (losses.bce, losses.softmax):
        log_counts = pool.log_chances.numpy() + log(n_negatives)
    return Pairs(partial(_LOSSES[function], **parameters), pool.items.numpy(), log_counts, n_negatives)


def _prior(prior: Any) -> Prior:
    wide = prior.converted(torch.float64)
    direction = (wide.center.numpy(), float(wide.length)) if hasattr(wide, "center") else None
    curvature = np.zeros(len(wide.mean)) if wide.curvature is None else wide.curvature.numpy()
    arrays = wide.mean.numpy(), wide.root.numpy(), wide.start.numpy(), curvature
    return Prior(*arrays, float(wide.stiffness), direction, wide.exponent)


def _product_items(fold_in: FoldIn) -> ProductItems:
    """Vectors and biases of items. A bias of the user is one more coordinate."""
    network, n = fold_in.network, len(fold_in.catalog.popularity)
    vectors, biases = _wide(network.item_vectors(torch.arange(n))), network.all_item_biases()
    if len(fold_in.prior.widths) > 1:
        vectors = np.column_stack([vectors, np.ones(n)])
    return ProductItems(vectors, np.full(n, _mean(network)) + (0 if biases is None else _wide(biases)), network.temperature)


def _branch_items(network: BranchNetwork) -> BranchItems:
    maps: list[Any] = []
    branches: list[ProductItems | RectifiedItems] = []
    for branch, head in zip(network.branches, network.head_weights(), strict=True):
        if isinstance(branch, MLP):
            maps.append((_wide(branch.of_user.weight).T, _wide(branch.of_user.bias)))
            of_items = _wide(branch.items.weight) @ _wide(branch.of_item.weight).T
            linear = [(_wide(weight), _wide(bias)) for weight, bias in branch.linear_maps(head)]
            branches.append(RectifiedItems(of_items, linear))
        else:
            maps.append((np.diag(_wide(head)), np.zeros(len(head))))
            branches.append(ProductItems(_wide(branch.items.weight), np.zeros(branch.items.num_embeddings)))
    weights, offsets = zip(*maps, strict=True)
    bias = float(network.head.bias) + _mean(network)
    return BranchItems(block_diag(*weights), np.concatenate(offsets), branches, bias)


def _mean(network: Any) -> float:
    """What is added to scores: the mean rating, or the logit of its place in the range of ratings."""
    return float(network.mean)


def _finish(fold_in: FoldIn) -> Callable[[Value], tuple[Value, Value | None]]:
    """A function that converts states (n_users, d) in float64 to those of `ProductScores`."""
    network, (width, *others) = fold_in.network, fold_in.prior.widths
    mean = np.float32(_mean(network))

    def finish(state: Value) -> tuple[Value, Value | None]:
        graph, vectors = state.graph, state.part(0, width, 1).to(np.float32)
        if network.temperature is not None:
            lengths = graph.larger((vectors * vectors).sum(1, keepdims=True).apply("Sqrt"), 1e-12)
            vectors = vectors / lengths / network.temperature
        if others:
            return vectors, state.part(width, width + 1, 1).without_axis(1).to(np.float32) + mean
        return vectors, graph.full(vectors.size(0), mean) if mean else None

    return finish


def _finish_branches(items: BranchItems) -> Callable[[Value], list[Value]]:
    """A function that converts states (n_users, d) in float64 to those of `LayerScores`."""
    ends = np.cumsum([branch.items.shape[1] for branch in items.branches]).tolist()

    def finish(state: Value) -> list[Value]:
        vectors = (state @ items.weight + items.offset).to(np.float32)
        return [vectors.part(start, end, 1) for start, end in zip([0, *ends], ends)]

    return finish


def _wide(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().double().numpy()


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().float().numpy()
