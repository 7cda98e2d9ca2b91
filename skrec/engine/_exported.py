"""Scores of networks, described for graphs of ONNX."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec.base._copying import shallow_copy
from skrec.base._onnx import scores_of_formula
from skrec.engine._products import RatingRange
from skrec.engine.networks._branches import MLP, BranchNetwork
from skrec.export._scores import Branch, LayerScores, Scores


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


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().float().numpy()
