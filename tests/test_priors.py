"""What trained users say of new ones: the mean and the widened covariance of their states."""

import numpy as np
import pytest
import torch

from skrec.engine.fold_in import learn_prior

N, WIDTHS = 50, (3, 1)


def states(n=N):
    """Two parts, far from zero, whose columns go together."""
    rng = np.random.default_rng(0)
    values = torch.tensor(rng.normal(size=(n, 4)) @ rng.normal(size=(4, 4)) + 100, dtype=torch.float32)
    return values.split(WIDTHS, 1)


def test_a_prior_is_the_mean_and_four_times_the_covariance():
    together = np.hstack(states()).astype(float)
    prior = learn_prior([states()])
    np.testing.assert_allclose(prior.mean, together.mean(0), rtol=1e-6)
    covariance = 4 * np.cov(together.T, bias=True)
    np.testing.assert_allclose(prior.root @ prior.root.T, covariance, atol=1e-3 * covariance.diagonal().mean())
    assert prior.widths == WIDTHS
    assert not prior.root.triu(1).any()


@pytest.mark.parametrize("sizes", [[1] * N, [20, 30], [49, 1]], ids=["one by one", "two", "one left"])
def test_states_in_blocks_make_the_prior_of_all_at_once(sizes):
    whole = learn_prior([states()])
    blocks = list(zip(*(part.split(sizes) for part in states())))
    prior = learn_prior(blocks)
    torch.testing.assert_close(prior.mean, whole.mean)
    torch.testing.assert_close(prior.root, whole.root)
    assert prior.widths == WIDTHS


def test_few_users_have_a_prior_too():
    prior = learn_prior([states(2)])
    assert prior.root.isfinite().all() and (prior.root.diagonal() > 0).all()
