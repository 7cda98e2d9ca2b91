"""Fold-in: the most probable state under the prior, whoever is folded in beside."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.sparse import csr_array, vstack
from scipy.special import expit, log_softmax

from skrec import AutoRecRecommender, MFRecommender, MLPRecommender, NeuMFRecommender, TwoTowerRecommender
from skrec.data import Interactions
from skrec.engine import GMF, MLP, BranchNetwork, DotProduct, build_seeded
from skrec.engine.fold_in import Events, Pool, Prior, freeze, pairs
from skrec.engine.fold_in._least_squares import solve_ridge
from skrec.engine.fold_in._prior import DirectionPrior
from skrec.engine.fold_in._solver import minimize_all
from skrec.engine.losses._losses import bce, bpr, warp

RNG = np.random.default_rng(0)
RATINGS = csr_array(np.where(RNG.random((30, 20)) < 0.4, RNG.integers(1, 6, (30, 20)), 0).astype(np.float32))
NEW = csr_array(np.where(RNG.random((6, 20)) < 0.3, RNG.integers(1, 6, (6, 20)), 0).astype(np.float32))
MF = {"positive_from": 0, "n_factors": 6, "max_epochs": 30, "learning_rate": 0.05, "init_std": 0.1, "random_state": 0}


# ---- the solver ------------------------------------------------------------------------------------------------------


def quadratics(n=5, d=4, seed=0):
    """Convex quadratic functions with their gradients, and where they are least."""
    rng = np.random.default_rng(seed)
    roots = torch.tensor(rng.normal(size=(n, d, d)))
    matrices, right = roots @ roots.mT + torch.eye(d, dtype=torch.float64), torch.tensor(rng.normal(size=(n, d)))

    def function_of(which):
        def function(points):
            products = (matrices[which] @ points[..., None])[..., 0]
            return (points * (products / 2 - right[which])).sum(1), products - right[which]

        return function

    return function_of, torch.linalg.solve(matrices, right)


def test_quadratic_functions_are_minimised():
    function_of, least = quadratics()
    points, converged = minimize_all(function_of, torch.ones(5, 4, dtype=torch.float64))
    assert converged.all()
    torch.testing.assert_close(points, least, atol=1e-5, rtol=0)


def test_the_guess_of_the_curvature_does_not_change_the_minimum():
    function_of, least = quadratics()
    for guess in (1e-3, 1e3):
        points, converged = minimize_all(function_of, torch.full((5, 4), guess, dtype=torch.float64))
        assert converged.all()
        torch.testing.assert_close(points, least, atol=1e-5, rtol=0)


def test_each_function_is_minimised_as_if_alone():
    function_of, _ = quadratics(n=40, seed=1)
    together, _ = minimize_all(function_of, torch.ones(40, 4, dtype=torch.float64))
    for one in range(0, 40, 7):
        alone, _ = minimize_all(lambda which, one=one: function_of(which + one), torch.ones(1, 4, dtype=torch.float64))
        torch.testing.assert_close(alone[0], together[one], atol=1e-12, rtol=0)


def test_a_minimum_at_a_corner_is_found():
    def function_of(which):
        return lambda points: (
            points.abs().sum(1) + (points - 0.5).square().sum(1) / 2,
            points.sign() + points - 0.5,
        )

    points, _ = minimize_all(function_of, torch.ones(2, 3, dtype=torch.float64))
    torch.testing.assert_close(points, torch.zeros_like(points), atol=1e-6, rtol=0)


def test_values_that_are_no_numbers_end_the_search():
    points, converged = minimize_all(lambda which: lambda p: (p.sum(1) * torch.nan, p * torch.nan), torch.ones(2, 3).double())
    assert not points.any() and not converged.any()


def test_arrays_and_tensors_have_the_same_minima():
    function_of, _ = quadratics(n=12, d=9, seed=2)

    def of_arrays(which):
        function = function_of(torch.from_numpy(which))
        return lambda points: tuple(result.numpy() for result in function(torch.from_numpy(points)))

    first = torch.full((12, 9), 3.0, dtype=torch.float64)
    tensors, _ = minimize_all(function_of, first)
    with np.errstate(divide="ignore", invalid="ignore"):  # as in the search for states
        arrays, converged = minimize_all(of_arrays, first.numpy())
    assert isinstance(arrays, np.ndarray) and converged.all()
    np.testing.assert_allclose(arrays, tensors, atol=1e-10)


# ---- against an independent solution ---------------------------------------------------------------------------------


def likelihood_of(loss, y_range):
    """Minus the log-likelihood of one user's row, of scores without mean and range."""

    def of(raw, row, model):
        mine = np.flatnonzero(row)
        if loss == "softmax":
            return -log_softmax(raw)[mine].sum()
        if loss == "bce":
            target = row > 0
            return np.logaddexp(0, np.where(target, -raw, raw)).sum()
        low, high = y_range
        return np.square(low + (high - low) * expit(raw[mine]) - row[mine]).sum() / (2 * model.train_loss_)

    return of


@pytest.mark.parametrize(
    "settings",
    [{"loss": "softmax"}, {"loss": "bce", "negatives": "all"}, {"loss": "mse", "y_range": (0, 6), "positive_from": None}],
    ids=lambda settings: settings["loss"],
)
def test_a_state_is_what_scipy_finds(settings):
    model = MFRecommender(**MF | settings).fit(RATINGS)
    likelihood = likelihood_of(settings["loss"], settings.get("y_range"))
    mean, root = model.prior_.mean.double().numpy(), model.prior_.root.double().numpy()
    slopes = model.item_embeddings_.astype(float)
    if len(mean) > slopes.shape[1]:
        slopes = np.column_stack([slopes, np.ones(len(slopes))])
    state = np.hstack([part.numpy() for part in model._new_state(Interactions.from_csr(NEW))])
    for row, found in zip(NEW.toarray(), state):

        def objective(z, row=row):
            raw = float(model.module_.mean) + model.item_biases_ + slopes @ (mean + root @ z)
            strength = np.count_nonzero(row) ** model.prior_.exponent
            return likelihood(raw, row, model) + strength * (z @ z) / 2

        best = minimize(objective, np.zeros(len(mean)), method="BFGS", options={"gtol": 1e-6})
        np.testing.assert_allclose(found, mean + root @ best.x, atol=1e-4 * np.abs(state).max())


def test_squared_errors_are_solved_for_users_with_any_number_of_events():
    rng = np.random.default_rng(0)
    counts = np.array([0, 1, 2, 3, 4, 5, 9, 0, 33])
    users = np.arange(len(counts)).repeat(counts)
    features, targets = rng.normal(size=(len(users), 3)), rng.normal(size=len(users))
    prior = Prior(torch.tensor([1.0, 2, 3]), 2 * torch.eye(3), (3,))
    (found,) = solve_ridge(prior, *map(torch.tensor, (features, targets, users)), len(counts), noise=0.5)
    for user in range(len(counts)):
        mine = features[users == user]
        gram, right = mine.T @ mine / 0.5 + np.eye(3) / 4, mine.T @ targets[users == user] / 0.5 + np.array([1, 2, 3]) / 4
        np.testing.assert_allclose(found[user], np.linalg.solve(gram, right), rtol=1e-5)


CLOSED = {"bpr": bpr, "bce": bce, "warp": partial(warp, n_items=20, width=0.2)}


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("loss", CLOSED.values(), ids=CLOSED)
def test_derivatives_in_closed_form_are_those_of_autograd(loss, corrected):
    rng = np.random.default_rng(0)
    matrix = csr_array(np.where(rng.random((5, 12)) < 0.3, rng.random((5, 12)), 0))
    users, items = matrix.nonzero()
    weights = torch.tensor(matrix.data)
    events = Events(torch.tensor(users), torch.tensor(items), weights, weights, 5)
    pool = Pool(torch.arange(0, 12, 2), torch.tensor(rng.normal(size=6)) if corrected else None)
    network = freeze(DotProduct(5, 12, 3, std=1.0, user_bias=False), Prior(torch.zeros(3), torch.eye(3), (3,)))
    vectors = torch.tensor(rng.normal(size=(5, 3)))
    closed = pairs(network, events, pool, loss, n_negatives=3)(vectors)
    by_autograd = pairs(network, events, pool, lambda *arguments: loss(*arguments), n_negatives=3)(vectors)
    for found, expected in zip(closed, by_autograd, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", [Prior, DirectionPrior])
def test_the_gradient_of_a_prior_is_that_of_autograd(kind):
    rng = np.random.default_rng(0)
    root = torch.tensor(np.tril(rng.normal(size=(4, 4))) + 2 * np.eye(4))
    prior = kind(torch.tensor(rng.normal(size=4)), root, (4,))
    whitened = torch.tensor(5 * rng.normal(size=(20, 4)), requires_grad=True)
    penalties, gradients = prior.penalty(whitened)
    (expected,) = torch.autograd.grad(penalties.sum(), whitened)
    torch.testing.assert_close(gradients, expected)


@pytest.mark.parametrize("changes", [{}, {"temperature": 0.2}, {"user_bias": True}, {"user_bias": True, "y_range": (0, 6)}])
def test_derivatives_of_a_frozen_product_are_those_of_autograd(changes):
    y_range = changes.pop("y_range", None) if (changes := dict(changes)) else None
    network = DotProduct(4, 9, 3, **{"std": 1.0, "user_bias": False} | changes)
    if y_range is not None:
        network.y_range = torch.tensor(y_range)
    d = 4 if network.user_biases is not None else 3
    widths = (3, 1) if d == 4 else (3,)
    prior = Prior(torch.zeros(d).double(), torch.eye(d).double(), widths)
    state, items = torch.randn(4, d, generator=torch.Generator().manual_seed(0)).double(), torch.arange(9)
    frozen = freeze(network, prior)
    vectors, to_states = frozen.vectors(state.split(widths, 1))
    scores, to_vectors = frozen.scores(items)(vectors)
    point = state.clone().requires_grad_()
    expected = network.double().score(point.split(widths, 1), items[None])
    torch.testing.assert_close(scores, expected.detach(), rtol=1e-5, atol=1e-5)
    (slopes,) = torch.autograd.grad(expected, point, scores.cos())
    torch.testing.assert_close(to_states(to_vectors(scores.cos())), slopes, rtol=1e-5, atol=1e-5)


class OwnNetwork(BranchNetwork):
    """A network of which the library does not know that its branches are all that its scores are made of."""

    has_branches = False


@pytest.mark.parametrize("pairs_of", [None, torch.tensor([3, 0, 0, 2, 1])], ids=["all items", "pairs"])
@pytest.mark.parametrize(
    "settings", [{}, {"batch_norm": True}, {"hidden_layer_sizes": (5,)}, {"hidden_layer_sizes": (7, 6, 5)}], ids=str
)
def test_scores_of_branches_and_their_derivatives_are_those_of_autograd(settings, pairs_of):
    network = build_seeded(
        lambda: OwnNetwork([GMF(4, 9, 3), MLP(4, 9, (3, 2), **{"hidden_layer_sizes": (8, 5)} | settings)]), 0
    ).eval()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.copy_(torch.tensor(rng.normal(size=tensor.shape)))
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm1d):
                layer.running_mean += torch.tensor(rng.normal(size=layer.num_features))
                layer.running_var *= torch.tensor(rng.uniform(0.5, 2, layer.num_features))
    prior, state, items = Prior(torch.zeros(6), torch.eye(6), (3, 3)), rng.normal(size=(4, 6)), torch.tensor([1, 8, 3, 3, 5])

    def scores_and_derivatives():
        frozen = freeze(network, prior)
        vectors, to_states = frozen.vectors(torch.tensor(state).split(3, 1))
        scores, to_vectors = frozen.scores(items, pairs_of)(vectors)
        return scores, to_states(to_vectors(scores.cos()))

    by_autograd = scores_and_derivatives()
    network.__class__ = BranchNetwork
    for found, expected in zip(scores_and_derivatives(), by_autograd, strict=True):
        torch.testing.assert_close(found, expected)


# ---- every loss ------------------------------------------------------------------------------------------------------


def own_loss(scores, target, mask=None, log_q=None):
    """A loss with corners that the library does not know."""
    positive = (scores * target).sum(-1, keepdim=True)
    return ((1 + scores - positive).clamp(min=0) * (target == 0)).mean(-1)


KINDS = {
    "softmax": MFRecommender(**MF),
    "cosine": MFRecommender(temperature=0.3, **MF),
    "bce of rows": MFRecommender(loss="bce", negatives="all", **MF),
    "bpr": MFRecommender(loss="bpr", **MF),
    "popular bpr": MFRecommender(loss="bpr", negatives="popularity", n_negatives=3, **MF),
    "bce": MFRecommender(loss="bce", n_negatives=4, **MF),
    "warp": MFRecommender(loss="warp", **MF),
    "ranks of warp": MFRecommender(loss="warp", n_negatives=8, **MF),
    "hard": MFRecommender(loss="bpr", negatives="hard", n_negatives=4, **MF),
    "ccl": MFRecommender(loss="ccl", n_negatives=8, **MF),
    "drawn softmax": MFRecommender(negatives="uniform", n_negatives=5, **MF),
    "own": MFRecommender(loss=own_loss, **MF),
    "ratings": MFRecommender(**MF | {"loss": "mse", "positive_from": None}),
    "bounded ratings": MFRecommender(**MF | {"loss": "mse", "y_range": (0, 6), "positive_from": None}),
    "items' columns": AutoRecRecommender(side="item", positive_from=0, n_factors=40, batch_size=8, random_state=0),
    "ratings of columns": AutoRecRecommender(side="item", loss="mse", n_factors=40, batch_size=8, random_state=0),
    "MLP": MLPRecommender(
        positive_from=0, n_factors=4, hidden_layer_sizes=(8,), max_epochs=20, learning_rate=0.03, random_state=0
    ),
    "NeuMF": NeuMFRecommender(
        positive_from=0, n_factors=4, hidden_layer_sizes=(8,), max_epochs=20, learning_rate=0.03, random_state=0
    ),
    "ratings of an MLP": MLPRecommender(loss="mse", n_factors=4, hidden_layer_sizes=(8,), max_epochs=20, random_state=0),
    "towers": TwoTowerRecommender(positive_from=0, n_factors=4, max_epochs=5, batch_size=32, random_state=0),
}
MATRICES = {
    "ratings": RATINGS,
    "everybody has everything": csr_array(np.ones((9, 7), np.float32)),
    "one user": csr_array(np.array([[1, 0, 2, 0, 3]], np.float32)),
    "one item": csr_array(np.ones((5, 1), np.float32)),
    "users who are all alike": csr_array(np.tile(np.array([1, 0, 2, 0, 3], np.float32), (6, 1))),
    "fewer users than factors": csr_array(RATINGS[:3]),
}


@pytest.mark.filterwarnings("ignore")  # such data are worth the warnings that they get
@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_user_is_the_same_alone_and_in_company(kind, matrix):
    model = KINDS[kind].fit(matrix)
    n_items = matrix.shape[1]
    half = csr_array((np.arange(3 * n_items).reshape(3, n_items) % 2).astype(np.float32))
    histories = vstack([matrix[:3], half], format="csr")
    expected = model.predict(histories)
    finite = expected[np.isfinite(expected)]
    close = {"rtol": 0, "atol": 1e-5 * max(np.abs(finite).max(initial=0), 1e-2)}
    nobody = csr_array((2, n_items), dtype=np.float32)
    alone = np.vstack([model.predict(histories[[row]]) for row in range(histories.shape[0])])
    np.testing.assert_allclose(alone, expected, err_msg="alone", **close)
    np.testing.assert_allclose(model.predict(histories[::-1])[::-1], expected, err_msg="in another order", **close)
    between = vstack([nobody, histories, nobody], format="csr")
    np.testing.assert_allclose(model.predict(between)[2:-2], expected, err_msg="among empty rows", **close)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "own"])
def test_a_gradient_vanishes(kind, monkeypatch):
    """Every loss of the library has a minimum that is reached."""
    from skrec.engine.fold_in import _map_estimate

    reached = []

    def watched(*arguments):
        points, converged = minimize_all(*arguments)
        reached.append(converged)
        return points, converged

    monkeypatch.setattr(_map_estimate, "minimize_all", watched)
    model = KINDS[kind].fit(RATINGS)
    model.predict(NEW)
    if not kind.startswith("ratings") or "MLP" in kind:  # these have a closed form
        assert np.concatenate(reached).all()


def test_new_users_are_folded_in_where_gradients_are_switched_off():
    model = KINDS["bpr"].fit(RATINGS)
    expected = model.predict(NEW)
    with torch.no_grad():
        np.testing.assert_array_equal(model.predict(NEW), expected)
