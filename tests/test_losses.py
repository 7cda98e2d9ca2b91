"""Losses against sums written out by hand, one candidate at a time."""

import pickle
from math import exp, log

import pytest
import torch
from small_models import N_ITEMS, likes

from skrec import LightGCNRecommender, MFRecommender
from skrec.engine import LOSSES as LOSSES_OF_ALL
from skrec.engine import ccl
from skrec.engine.losses._losses import hardest

LOSSES = LOSSES_OF_ALL | {"ccl": ccl}

SEVERAL_POSITIVES = ("mse", "bce", "softmax")
ONE_POSITIVE = ("bpr", "warp", "ccl")


def slow_mse(scores, target, log_q):
    return mean([(score - t) ** 2 for score, t in zip(scores, target)])


def slow_bce(scores, target, log_q):
    probabilities = [1 / (1 + exp(-score)) for score in scores]
    return -sum(t * log(p) + (1 - t) * log(1 - p) for p, t in zip(probabilities, target))


def slow_softmax(scores, target, log_q):
    odds = [exp(score - q) for score, q in zip(scores, log_q)]
    return -sum(t * log(o / sum(odds)) for o, t in zip(odds, target))


def slow_bpr(scores, target, log_q):
    positive, negatives = parted(scores, target)
    return mean([-log(1 / (1 + exp(negative - positive))) for negative in negatives])


def slow_warp(scores, target, log_q, n_others=None):
    positive, negatives = parted(scores, target)
    hinges = [max(0.0, 1 - positive + negative) for negative in negatives]
    n_violations = sum(hinge > 0 for hinge in hinges)
    rank = n_violations / len(negatives) * (n_others or len(negatives))
    return log(1 + rank) / n_violations * sum(hinges) if n_violations else 0.0


def slow_ccl(scores, target, log_q):
    positive, negatives = parted(scores, target)
    return 1 - positive + 10 * mean([max(0.0, negative - 0.5) for negative in negatives])


SLOW = {
    "mse": slow_mse,
    "bce": slow_bce,
    "softmax": slow_softmax,
    "bpr": slow_bpr,
    "warp": slow_warp,
    "ccl": slow_ccl,
}


def mean(values):
    return sum(values) / len(values)


def parted(scores, target):
    negatives = [score for score, t in zip(scores, target) if t == 0]
    (positive,) = [score for score, t in zip(scores, target) if t == 1]
    return positive, negatives


def slow(name, scores, target, mask=None, log_q=None):
    """The loss of each example from the candidates that are not masked."""
    mask = torch.ones_like(target, dtype=torch.bool) if mask is None else mask
    log_q = torch.zeros_like(scores) if log_q is None else log_q.expand_as(scores)
    rows = [[row[keep].tolist() for row in rows] for *rows, keep in zip(scores, target, log_q, mask)]
    return torch.tensor([SLOW[name](*row) for row in rows], dtype=torch.float64)


def examples(name, *, n=6, n_candidates=7, seed=0):
    """Random scores, targets that fit the loss, and a mask that keeps every positive and at least one negative."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, n_candidates, generator=generator, dtype=torch.float64)
    target = torch.zeros_like(scores)
    target[:, 0] = 1
    if name in SEVERAL_POSITIVES:
        target[:, 1] = 1
    mask = torch.rand(n, n_candidates, generator=generator) < 0.6
    mask[:, :3] = True
    order = torch.randperm(n_candidates, generator=generator)
    return scores[:, order], target[:, order], mask[:, order]


def loss_and_gradient(name, scores, *rest):
    scores = scores.clone().requires_grad_()
    losses = LOSSES[name](scores, *rest)
    (gradient,) = torch.autograd.grad(losses.sum(), scores)
    return losses.detach(), gradient


def test_every_loss_has_a_slow_reference():
    assert SLOW.keys() == LOSSES.keys()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_the_sum_written_out_by_hand(name, seed):
    scores, target, mask = examples(name, seed=seed)
    torch.testing.assert_close(LOSSES[name](scores, target), slow(name, scores, target))
    torch.testing.assert_close(LOSSES[name](scores, target, mask), slow(name, scores, target, mask))


def test_squared_error_of_one_value_for_each_example():
    scores, ratings = torch.tensor([1.0, 4.0]), torch.tensor([3.0, 3.5])
    assert LOSSES["mse"](scores, ratings).tolist() == [4.0, 0.25]


def test_softmax_over_a_sample_subtracts_the_log_probabilities_of_drawing():
    scores, target, mask = examples("softmax")
    log_q = torch.linspace(-3, -0.5, scores.shape[1], dtype=torch.float64)[None]
    torch.testing.assert_close(LOSSES["softmax"](scores, target, mask, log_q), slow("softmax", scores, target, mask, log_q))


def test_cross_entropy_corrected_for_the_draws_asks_whether_an_item_was_chosen_or_drawn():
    scores, log_q = torch.tensor([[1.0, -0.5, 2.0]]), torch.tensor([[0.0, -1.0, 0.7]])
    odds = (scores - log_q).exp()[0]
    by_hand = -(odds[0] / (1 + odds[0])).log() - (1 / (1 + odds[1:])).log().sum()
    torch.testing.assert_close(LOSSES["bce"](scores, torch.tensor([[1.0, 0, 0]]), None, log_q), by_hand[None])


@pytest.mark.parametrize("name", LOSSES)
def test_fifty_masked_candidates_change_neither_loss_nor_gradient(name):
    scores, target, mask = examples(name)
    padding = 100 * torch.randn(len(scores), 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    n = scores.shape[1]
    losses, gradient = loss_and_gradient(name, scores, target, mask)
    nothing = torch.zeros_like(padding)
    padded_losses, padded_gradient = loss_and_gradient(
        name, torch.cat([scores, padding], 1), torch.cat([target, nothing], 1), torch.cat([mask, nothing.bool()], 1)
    )
    torch.testing.assert_close(padded_losses, losses)
    torch.testing.assert_close(padded_gradient[:, :n], gradient)
    assert not padded_gradient[:, n:].any()
    assert not gradient[~mask].any()


@pytest.mark.parametrize("seed", range(3))
def test_a_rank_is_estimated_among_the_items_of_the_catalogue(seed):
    scores, target, mask = examples("warp", seed=seed)
    for kept in (torch.ones_like(mask), mask):
        rows = [[row[keep].tolist() for row in rows] for *rows, keep in zip(scores, target, scores, kept)]
        by_hand = torch.tensor([slow_warp(*row, n_others=99) for row in rows], dtype=torch.float64)
        torch.testing.assert_close(LOSSES["warp"](scores, target, kept, n_items=100), by_hand)


@pytest.mark.parametrize("n_negatives", (1, 4))
@pytest.mark.parametrize("estimator", (MFRecommender, LightGCNRecommender))
def test_models_know_how_large_the_catalogue_of_a_rank_is(estimator, n_negatives):
    """Where all scores are nearly zero all items come within the margin of a positive."""
    settings = {"loss": "warp", "n_negatives": n_negatives, "init_std": 1e-6, "learning_rate": 1e-12, "max_epochs": 1}
    fitted = estimator(**settings, random_state=0).fit(likes())
    assert fitted.train_loss_ == pytest.approx(log(1 + (N_ITEMS - 1)), rel=1e-4)


@pytest.mark.parametrize("name", ("softmax", "bpr", "bce", "warp"))
def test_gradient_pushes_the_positive_up_and_negatives_down(name):
    scores, target, _ = examples(name)
    _, gradient = loss_and_gradient(name, scores, target)
    assert (gradient[target == 1] < 0).all()
    assert (gradient[target == 0] >= 0).all()
    assert (gradient[target == 0] > 0).any()


@pytest.mark.parametrize("name", (*ONE_POSITIVE, "softmax"))
def test_a_pair_whose_negative_is_masked_teaches_no_order(name):
    scores, target = torch.tensor([[0.3, 2.0]]), torch.tensor([[1.0, 0.0]])
    losses, gradient = loss_and_gradient(name, scores, target, torch.tensor([[True, False]]))
    if name == "ccl":  # the positive's cosine is worth something by itself
        assert losses.tolist() == pytest.approx([0.7]) and gradient.tolist() == [[-1, 0]]
    else:
        assert losses.tolist() == [0] and not gradient.any()


@pytest.mark.parametrize("seed", range(3))
def test_squared_errors_are_averaged_by_the_weights_in_the_mask(seed):
    scores, target, mask = examples("mse", seed=seed)
    counts = mask * torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    losses, gradient = loss_and_gradient("mse", scores, target, counts)
    for row, found in enumerate(losses.tolist()):
        rows = zip(scores[row].tolist(), target[row].tolist(), counts[row].tolist())
        assert found == pytest.approx(sum(c * (s - t) ** 2 for s, t, c in rows) / float(counts[row].sum()))
    torch.testing.assert_close(loss_and_gradient("mse", scores, target, 7 * counts)[0], losses)
    assert torch.equal(gradient != 0, mask)


def test_an_example_without_any_rating_has_no_squared_error():
    scores, target = torch.tensor([[1.0, 1e4]]), torch.zeros(1, 2)
    losses, gradient = loss_and_gradient("mse", scores, target, torch.zeros(1, 2))
    assert losses.tolist() == [0] and gradient.tolist() == [[0, 0]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("is_masked", (True, False), ids=("masked", "all"))
@pytest.mark.parametrize("name", ("softmax", "bce", *ONE_POSITIVE))
def test_the_hardest_negative_is_the_only_one_looked_at(name, is_masked, seed):
    scores, target, mask = examples("bpr", seed=seed)
    mask = mask if is_masked else None
    given = scores.clone().requires_grad_()
    losses = hardest(LOSSES[name])(given, target, mask)
    (gradient,) = torch.autograd.grad(losses.sum(), given)
    candidates = (target == 0) if mask is None else (target == 0) & mask
    for row, found in enumerate(losses.tolist()):
        best = max(candidates[row].nonzero()[:, 0].tolist(), key=lambda place: scores[row, place])
        positive = target[row].argmax().item()
        pair = (scores[row, positive].item(), scores[row, best].item())
        assert found == pytest.approx(SLOW[name](pair, (1.0, 0.0), (0.0, 0.0)))
        assert set(gradient[row].nonzero()[:, 0].tolist()) <= {positive, best}
    assert gradient.any()


@pytest.mark.parametrize("name", (*ONE_POSITIVE, "softmax"))
def test_without_a_negative_there_is_no_hardest(name):
    scores, target = torch.tensor([[0.3, 2.0]], requires_grad=True), torch.tensor([[1.0, 0.0]])
    losses = hardest(LOSSES[name])(scores, target, torch.tensor([[True, False]]))
    (gradient,) = torch.autograd.grad(losses.sum(), scores)
    if name == "ccl":
        assert losses.tolist() == pytest.approx([0.7]) and gradient.tolist() == [[-1, 0]]
    else:
        assert losses.tolist() == [0] and not gradient.any()


@pytest.mark.parametrize("difference", (-2.0, 0.0, 3.0))
def test_a_pair_has_one_loss_by_softmax_and_by_bpr(difference):
    scores, target = torch.tensor([[difference, 0.0]]), torch.tensor([[1.0, 0.0]])
    by_hand = pytest.approx([log(1 + exp(-difference))])
    assert LOSSES["softmax"](scores, target).tolist() == by_hand
    assert LOSSES["bpr"](scores, target).tolist() == by_hand


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_scores_give_finite_losses_and_gradients(name):
    scores, target, mask = examples(name)
    for extreme in (1e4 * scores.float().sign(), 1e4 * (target.float() - 0.5), 1e4 * (0.5 - target.float())):
        losses, gradient = loss_and_gradient(name, extreme, target.float(), mask)
        assert losses.isfinite().all() and gradient.isfinite().all()


def test_the_contrast_of_cosines_has_a_margin_and_a_weight():
    scores, target = torch.tensor([[0.9, 0.6, -0.5]]), torch.tensor([[1.0, 0.0, 0.0]])
    losses = LOSSES["ccl"](scores, target, margin=0.2, negative_weight=3.0)
    assert losses.tolist() == pytest.approx([0.1 + 3 * (0.4 + 0) / 2])


class TestLogQ:
    """A softmax over candidates that popularity chose, against the softmax over all of them."""

    n_items, n_draws, n_candidates, positive = 30, 200, 2000, 3

    def gradients(self, *, corrected):
        """The gradient by item of each of some sampled losses, (n_draws, n_items)."""
        generator = torch.Generator().manual_seed(0)
        share = torch.arange(1, self.n_items + 1).double()
        share /= share.sum()
        candidates = torch.multinomial(share.expand(self.n_draws, -1), self.n_candidates, True, generator=generator)
        candidates[:, 0] = self.positive
        target = torch.zeros(self.n_draws, self.n_candidates, dtype=torch.float64)
        target[:, 0] = 1
        log_q = share.log()[candidates] if corrected else None
        _, gradient = loss_and_gradient("softmax", self.scores()[candidates], target, None, log_q)
        return torch.zeros(self.n_draws, self.n_items, dtype=torch.float64).scatter_add_(1, candidates, gradient)

    def scores(self):
        return torch.randn(self.n_items, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def full_gradient(self):
        target = torch.zeros(1, self.n_items, dtype=torch.float64)
        target[0, self.positive] = 1
        return loss_and_gradient("softmax", self.scores()[None], target)[1][0]

    def errors(self, *, corrected):
        """Mean error of the gradient for each item, in standard errors of that mean."""
        gradients = self.gradients(corrected=corrected)
        return (gradients.mean(0) - self.full_gradient()) / (gradients.std(0) / self.n_draws**0.5)

    def test_correction_makes_the_gradient_that_of_the_full_softmax(self):
        assert self.errors(corrected=True).abs().max() < 4

    def test_without_it_the_gradient_is_another(self):
        assert self.errors(corrected=False).abs().max() > 50


def test_the_loss_of_the_hardest_negative_can_be_pickled():
    scores, target = torch.tensor([[0.5, 0.1, 0.9]]), torch.tensor([[1.0, 0.0, 0.0]])
    loss = hardest(LOSSES_OF_ALL["bpr"])
    torch.testing.assert_close(pickle.loads(pickle.dumps(loss))(scores, target), loss(scores, target))
