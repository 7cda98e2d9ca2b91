"""Scores as functions of users' vectors, with their derivatives."""

from collections.abc import Callable

import torch
from torch import Tensor

# maps the derivatives of a number with respect to a function's values to those with respect to the function's argument
Pullback = Callable[[Tensor], Tensor]
# maps vectors (n_users, w) to scores of the same items for each user, or of pairs of a user and an item; the pullback may be
# called once, before other vectors are scored
Scores = Callable[[Tensor], tuple[Tensor, Pullback]]


def products(of_items: Tensor, biases: Tensor, index: Tensor | None) -> Scores:
    """Return dot products of users' and items' vectors plus biases, for all pairs or for the users of an ``index``."""

    def all_of_each(vectors: Tensor) -> tuple[Tensor, Pullback]:
        return torch.addmm(biases, vectors, of_items.T), lambda slopes: slopes @ of_items

    def one_by_one(vectors: Tensor) -> tuple[Tensor, Pullback]:
        def pullback(slopes: Tensor) -> Tensor:
            return torch.zeros_like(vectors).index_add_(0, index, slopes[:, None] * of_items)

        return biases + (vectors.index_select(0, index) * of_items).sum(1), pullback

    return all_of_each if index is None else one_by_one


def with_pullback(function: Callable[[Tensor], Tensor], point: Tensor) -> tuple[Tensor, Pullback]:
    """Return the value of a function and its pullback by autograd."""
    point = point.detach().requires_grad_()
    with torch.enable_grad():
        value = function(point)
    return value.detach(), lambda slopes: torch.autograd.grad(value, point, slopes)[0]
