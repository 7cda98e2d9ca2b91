"""Values, weights and parameters that are accepted and extreme: answers are finite, or a ValueError says what is too large."""

from functools import partial

import numpy as np
import pytest
from small_models import N_ITEMS, likes, model, ratings, weights_of

from skrec import (
    ALSRecommender,
    AutoRecRecommender,
    BPRRecommender,
    ColdStartRecommender,
    MarkovRecommender,
    MFRecommender,
    MLPRecommender,
    NeuMFRecommender,
    PopularityRecommender,
)
from skrec.data import Interactions
from skrec.models import all_estimators

N = 50
SIZES = {
    "tiny": np.full(N, 1e-38),
    "subnormal": np.full(N, 1e-45),
    "large": np.full(N, 1e30),
    "the largest": np.full(N, 3e38),
    "one large": np.where(np.arange(N) == 7, 1e38, 1),
    "of all sizes": 10.0 ** np.linspace(-37, 38, N),
}


def events(values=None, weights=None):
    plain = likes(N)
    given = {"values": values, "weights": weights, "timestamps": np.arange(N)}
    return Interactions.from_arrays(plain.users, plain.items, n_users=plain.n_users, n_items=plain.n_items, **given)


def quick(estimator, **settings):
    """An estimator with little to learn by."""
    names = estimator().get_params()
    few = {"n_factors": 4, "max_epochs": 1, "batch_size": 16, "random_state": 0, "optimizer": "adam"}
    return estimator(**{name: value for name, value in few.items() if name in names} | settings)


def all_answers(fitted, data):
    """Whatever the model says of some events, without what it leaves out."""
    lists = [fitted.recommend(users, k=N_ITEMS, exclude_seen=False).scores for users in (None, data)]
    return [fitted.predict(data), fitted.predict(data.to_csr()).ravel(), *(scores[scores != -np.inf] for scores in lists)]


def lists_of_newcomers(fitted, data):
    return [fitted.recommend(data, k=3, exclude_seen=False).scores]


def assert_finite_or_refused(ask):
    """A foreign exception passes through."""
    try:
        answers = ask()
    except ValueError as error:
        assert type(error) is ValueError
        assert "too large" in str(error) or "scale the" in str(error)
        return
    assert all(np.isfinite(answer).all() for answer in answers)


def cases():
    for estimator in all_estimators():
        if estimator is ColdStartRecommender:
            continue  # which needs features, and leaves the values to another model
        yield pytest.param(estimator, {}, False, id=f"{estimator.__name__} values")
        if estimator._reads_weights:
            yield pytest.param(estimator, {}, True, id=f"{estimator.__name__} weights")
    for estimator in (MFRecommender, MLPRecommender, NeuMFRecommender, AutoRecRecommender):
        yield pytest.param(estimator, {"loss": "mse"}, False, id=f"{estimator.__name__} ratings")


@pytest.mark.filterwarnings("ignore:.*learns from events in order of time")
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(("estimator", "settings", "of_weights"), list(cases()))
def test_answers_are_finite_or_what_is_too_large_is_said(estimator, settings, of_weights, size):
    data = events(weights=size) if of_weights else events(values=size)
    fitted = quick(estimator, **settings)

    def ask():
        return all_answers(fitted.fit(data), data)

    assert_finite_or_refused(ask)


NEURAL = {"pairs": {}, "ratings": {"loss": "mse"}, "rows": {"loss": "softmax"}}


@pytest.mark.parametrize("settings", NEURAL.values(), ids=NEURAL)
@pytest.mark.parametrize("size", [1e30, 3e38])
def test_histories_of_new_users_are_answered_or_refused_too(settings, size):
    fitted = model(**settings).fit(events())
    for given in ({"values": np.full(N, size)}, {"weights": np.full(N, size)}):
        assert_finite_or_refused(partial(lists_of_newcomers, fitted, events(**given)))


@pytest.mark.parametrize("size", [1e30, 3e38])
def test_so_it_is_for_als(size):
    fitted = quick(ALSRecommender).fit(likes())
    for given in ({"values": np.full(N, size)}, {"values": np.full(N, size), "weights": np.full(N, size)}):
        assert_finite_or_refused(partial(lists_of_newcomers, fitted, events(**given)))


def test_equations_that_als_cannot_solve_are_blamed_on_the_ratings():
    """All rows of a user's equations are equal once the penalty is lost in rounding, which no processor rounds otherwise."""
    fitted = quick(ALSRecommender).fit(likes())
    fitted.item_embeddings_ = np.ones_like(fitted.item_embeddings_)
    with pytest.raises(ValueError, match=r"ratings up to 1\.09951e\+12 are too large"):
        fitted.recommend(events(np.full(N, 2.0**40)))


@pytest.mark.parametrize("name", ["values", "weights"])
def test_partial_fit_refuses_what_fit_does_and_changes_nothing(name):
    for estimator in (quick(ALSRecommender), quick(PopularityRecommender), model(loss="mse")):
        fitted = estimator.fit(events())
        before = dict(vars(fitted))
        huge = events(**{name: np.where(np.arange(N) % 2, 3e38, 1)})
        try:
            all_answers(fitted.partial_fit(huge), likes())
        except ValueError as error:
            assert "3e+38" in str(error)
            assert vars(fitted) == before


# ---- what the message says -------------------------------------------------------------------------------------------


def spread(largest):
    return ratings().with_values(np.linspace(0, largest, N))


DIVERGING = {
    "the rate": (
        model(loss="mse", learning_rate=1e20, optimizer="sgd"),
        ratings(),
        r"in epoch \d.*lower learning_rate \(it is 1e\+20\)",
    ),
    "the rate, in the last step": (
        model(loss="mse", learning_rate=1e30, optimizer="sgd", max_epochs=1, batch_size=N),
        ratings(),
        r"in epoch 0: a weight is not finite.*lower learning_rate \(it is 1e\+30\)",
    ),
    "a rate that is not immense": (
        model(loss="mse", learning_rate=500.0, optimizer="sgd", max_epochs=60),
        ratings(),
        r"in epoch \d.*lower learning_rate \(it is 500.0\)",
    ),
    "ratings": (model(loss="mse"), spread(1e30), r"in epoch 0.*scale the ratings down \(the largest is 1e\+30\)$"),
    "weights": (model(), events(weights=np.full(N, 3e38)), r"in epoch 0.*scale the weights down \(the largest is 3e\+38\)$"),
    "both": (
        model(loss="mse"),
        events(spread(1e30).values, np.full(N, 1e30)),
        r"the ratings down \(the largest is 1e\+30\) and scale the weights down \(the largest is 1e\+30\)$",
    ),
    "a penalty": (
        model(regularization=1e38, max_epochs=1, optimizer="sgd"),
        likes(),
        r"in epoch 0.*lower regularization \(it is 1e\+38\)$",
    ),
    "the rate of a pre-trained part": (
        NeuMFRecommender(
            n_factors=4, hidden_layer_sizes=(4,), pretrain=True, loss="mse", learning_rate=1e30, optimizer="sgd", random_state=0
        ),
        ratings(),
        r"in epoch 0.*lower learning_rate",
    ),
    "ALS's ratings": (
        ALSRecommender(n_factors=4, alpha=1, random_state=0),
        spread(1e30),
        r"within 15 epochs.*ratings.* 1e\+30\)$",
    ),
    "ALS's alpha": (ALSRecommender(n_factors=4, alpha=1e35, random_state=0), likes(), r"lower alpha \(it is 1e\+35\)$"),
    "BPR's rate": (
        BPRRecommender(n_factors=4, learning_rate=1e30, max_epochs=100, random_state=0),
        likes(),
        r"within 100 epochs.*lower learning_rate",
    ),
    "popularity's weights": (
        PopularityRecommender(),
        events(weights=np.full(N, 3e38)),
        r"weights down \(the largest is 3e\+38\)$",
    ),
}


@pytest.mark.parametrize(("estimator", "data", "message"), DIVERGING.values(), ids=DIVERGING)
def test_a_fit_that_diverges_says_when_and_what_is_likely_and_leaves_the_estimator_as_it_was(estimator, data, message):
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match=message) as caught:
        all_answers(estimator.fit(data), data)
    assert type(caught.value) is ValueError
    assert vars(estimator) == before


def test_a_mild_scale_is_not_blamed():
    with pytest.raises(ValueError) as caught:
        model(loss="mse", learning_rate=1e20, optimizer="sgd").fit(ratings())
    assert "scale" not in str(caught.value)


def test_a_failed_refit_leaves_the_model_that_was_there():
    fitted = model(loss="mse").fit(ratings())
    before, weights = dict(vars(fitted)), weights_of(fitted)
    with pytest.raises(ValueError, match="diverged"):
        fitted.fit(spread(1e30))
    assert vars(fitted) == before and all((a == b).all() for a, b in zip(weights, weights_of(fitted)))


# ---- sums ------------------------------------------------------------------------------------------------------------


def test_the_markov_chain_takes_weights_of_any_size():
    walks = Interactions.from_arrays([0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 1], weights=np.full(6, 3e38))
    items, scores = MarkovRecommender().fit(walks).recommend([2], k=2)
    assert items.tolist() == [[2, 0]]
    assert scores[0, 0] == pytest.approx(1, abs=1e-6) and scores[0, 1] >= 0


def test_the_markov_chain_counts_beyond_what_float32_counts():
    weights = [1, 2.0**24, 1, 1]
    walks = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 1], weights=weights)
    assert MarkovRecommender().fit(walks).transitions_[0, 1] == 2**24 + 1


def test_numpys_numbers_make_checkpoints_that_can_be_read(tmp_path):
    MFRecommender(n_factors=4, max_epochs=2, learning_rate=np.float64(0.01), checkpoint_dir=tmp_path).fit(likes())
    for path in tmp_path.rglob("epoch=1.ckpt"):
        path.unlink()
    MFRecommender(n_factors=4, max_epochs=2, learning_rate=np.float64(0.01), checkpoint_dir=tmp_path).fit(likes())
