"""Checks that a model learns from the data."""

from dataclasses import replace
from unittest import SkipTest

import numpy as np

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.metrics._estimators import read_traits
from skrec.testing._data import N_STEPS, checkerboard, cyclic_sequences, split_events, training_events
from skrec.testing._fitting import fitted


def check_completes_the_checkerboard(estimator: BaseRecommender) -> None:
    """The missing item of the user's block is ranked first, for training users and new users."""
    if read_traits(estimator).ordered:
        raise SkipTest(f"{type(estimator).__name__} is a sequence model, and the data have no order")
    model = fitted(estimator, checkerboard)
    missing = np.arange(24)
    for who, answer in (("known", model.recommend(k=1)), ("new", model.recommend(Interactions.from_csr(checkerboard()), k=1))):
        solved = (answer.codes[:, 0] == missing).mean()
        assert solved == 1, f"only {solved:.0%} of the {who} users get the missing item of their block"


def check_predicts_the_next_item(estimator: BaseRecommender) -> None:
    """A sequence model ranks the next item of the cycle first, for training users and new users."""
    if not read_traits(estimator).ordered:
        raise SkipTest(f"{type(estimator).__name__} is not a sequence model")
    model = fitted(estimator, cyclic_sequences)
    following = (np.arange(24) + N_STEPS) % 12
    for who, answer in (("known", model.recommend(k=1)), ("new", model.recommend(cyclic_sequences(), k=1))):
        solved = (answer.codes[:, 0] == following).mean()
        assert solved == 1, f"only {solved:.0%} of the {who} users get the next item"


def check_learns_from_the_data(estimator: BaseRecommender) -> None:
    """Held-out events are predicted better after training on true events than on events with permuted items."""
    test = split_events().test
    right, wrong = (fitted(estimator, data).score(test) for data in (training_events, _permuted_items))
    assert right > 1.2 * max(wrong, 0), f"the score is {right:.4f}, and {wrong:.4f} after training on permuted items"


def _permuted_items() -> Interactions:
    train = split_events().train
    return replace(train, items=np.random.default_rng(0).permutation(train.n_items)[train.items])
