"""What is refused beside data: arguments of scorers, metrics, splitters and generators, and parameters; call and words."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from pytorch_lightning.accelerators import MPSAccelerator

from skrec import ALSRecommender, BPRRecommender, MFRecommender, PopularityRecommender, RandomRecommender
from skrec._checks import check_number
from skrec.benchmark import compare
from skrec.data import Interactions
from skrec.datasets import make_interactions
from skrec.features import text_vectors
from skrec.metrics import (
    auc,
    bootstrap_interval,
    cut_histories,
    get_scorer,
    make_multi_scorer,
    make_ranking_scorer,
    ndcg,
    rmse,
    sampled_leave_one_out,
)
from skrec.model_selection import LeaveLastOut, RandomHoldout, TemporalSplit, UserKFold, k_core, train_test_split

MATRIX = sp.csr_array(np.array([[1.0, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]]))
FRAME = pd.DataFrame({"user": list("aabbccd"), "item": list("xzyzxyw")})
CODED, LABELLED = PopularityRecommender().fit(MATRIX), PopularityRecommender().fit(FRAME)

NO_RECOMMENDER = "estimator must be a fitted recommender, or a fitted search or Pipeline that ends in one, got "
K, THRESHOLD = "k must be an integer of at least 1, got ", "positive_from must be a finite number or None, got "

SCORERS = {
    "no ratings to compare with": (
        lambda: get_scorer("neg_rmse")(LABELLED, FRAME),
        ValueError,
        "neg_rmse needs true ratings: pass y, or X with a column 'rating'",
    ),
    "name None": (lambda: get_scorer(None), TypeError, "name must be a string such as 'ndcg@10', got None"),
    "name in a list": (lambda: get_scorer(["ndcg@10"]), TypeError, "name must be a string such as 'ndcg@10', got ['ndcg@10']"),
    "name, k 0": (lambda: get_scorer("ndcg@0"), ValueError, K + "0"),
    "names None": (lambda: make_multi_scorer(None), TypeError, "names must be a list of names, got None"),
    "a name in two lists": (lambda: make_multi_scorer([["auc"]]), TypeError, "name must be a string such as 'ndcg@10', got"),
    "metric in a list": (lambda: make_ranking_scorer(["ndcg"]), ValueError, "metric must be one of 'ndcg', 'recall',"),
    "k -1": (lambda: make_ranking_scorer(k=-1), ValueError, K + "-1"),
    "k 2.5": (lambda: make_ranking_scorer(k=2.5), TypeError, K + "2.5"),
    "k True": (lambda: make_ranking_scorer(k=True), TypeError, K + "True"),
    "a threshold in words": (lambda: get_scorer("auc", positive_from="4"), TypeError, THRESHOLD + "'4'"),
    "a threshold of errors": (lambda: get_scorer("neg_rmse", positive_from="4"), TypeError, THRESHOLD + "'4'"),
    "a threshold beyond floats": (lambda: get_scorer("auc", positive_from=10**400), ValueError, THRESHOLD + "1000000"),
    "a complex threshold": (lambda: get_scorer("auc", positive_from=1j), TypeError, THRESHOLD + "1j"),
    "estimator None": (lambda: get_scorer("auc")(None, MATRIX), TypeError, NO_RECOMMENDER + "None"),
    "a class": (lambda: get_scorer("neg_rmse")(PopularityRecommender, MATRIX), TypeError, NO_RECOMMENDER + "<class"),
    "nothing to score": (lambda: get_scorer("auc")(CODED, np.zeros((2, 4))), ValueError, "no user in X can be scored: 0 of 0"),
    "one event": (lambda: get_scorer("auc")(CODED, [[0, 0, 1.0, 0]]), ValueError, "no user in X can be scored: 1 of 1 events"),
    "y NaN": (lambda: get_scorer("neg_rmse")(LABELLED, FRAME, [np.nan] * 7), ValueError, "y must hold finite numbers, got NaN"),
}  # fmt: skip


def sampled(model=CODED, users=(0, 1), positives=(1, 0), negatives=((3, 2), (2, 3)), **options):
    return sampled_leave_one_out(model, users, positives, negatives, **options)


def sampled_labels(users=("a", "b"), positives=("y", "x"), negatives=(("w",), ("w",))):
    return sampled(LABELLED, users, positives, negatives)


CODES = " must be integer codes, since the model was fitted without labels, got "
SAMPLED = {
    "estimator None": (lambda: sampled(None), TypeError, NO_RECOMMENDER + "None"),
    "a class": (lambda: sampled(PopularityRecommender), TypeError, NO_RECOMMENDER + "<class"),
    "users None": (lambda: sampled(users=None), TypeError, "users must be a list or 1-D array of labels, got None"),
    "one user": (lambda: sampled(users=0), TypeError, "users must be a list or 1-D array of labels, got 0"),
    "an unknown user": (lambda: sampled(users=[0, 9]), ValueError, "users must be codes in 0..3, got 9"),
    "users in words": (lambda: sampled(users=["a", "b"]), TypeError, "users" + CODES + "'a'"),
    "users True": (lambda: sampled(users=[True, False]), TypeError, "users" + CODES + repr(np.True_)),
    "an unknown positive": (lambda: sampled(positives=[-1, 0]), ValueError, "positives must be codes in 0..3, got -1"),
    "an unknown negative": (lambda: sampled(negatives=[[1], [9]]), ValueError, "negatives must be codes in 0..3, got 9"),
    "lengths": (lambda: sampled(positives=[0]), ValueError, "users and positives must have shape (n_users,) and negatives"),
    "no negatives": (lambda: sampled(negatives=np.ones((2, 0), int)), ValueError, "users and positives must have shape"),
    "negatives of several lengths": (lambda: sampled(negatives=[[1], [1, 2]]), ValueError, "negatives cannot be read as an"),
    "an unknown label": (lambda: sampled_labels(users=["a", "q"]), ValueError, "users contains labels that the model does not"),
    "a missing label": (lambda: sampled_labels(positives=["x", None]), ValueError, "positives must not be missing, but the"),
    "NaN for a label": (lambda: sampled_labels(negatives=[[np.nan], [np.nan]]), ValueError, "negatives must not be missing,"),
    "codes for labels": (lambda: sampled_labels(positives=[0, 1]), TypeError, "positives must have labels like the known ones"),
    "ties in a list": (lambda: sampled(ties=["half"]), ValueError, "ties must be one of 'for', 'half', 'against', got"),
    "k 0": (lambda: sampled(k=0), ValueError, K + "0"),
}  # fmt: skip

METRICS = {
    "lists None": (lambda: ndcg(None, [[1]]), TypeError, "recommended must hold integer item codes, got dtype object"),
    "lists of several lengths": (lambda: ndcg([[0], [1, 0]], np.eye(2)), ValueError, "recommended cannot be read as an array"),
    "relevant None": (lambda: ndcg([[0]], None), ValueError, "relevant must have shape (n_users, n_items), got ()"),
    "relevant 1-D": (lambda: ndcg([[0]], [1, 0]), ValueError, "relevant must have shape (n_users, n_items), got (2,)"),
    "relevant 3-D": (lambda: ndcg([[0]], np.ones((1, 1, 1))), ValueError, "relevant must have shape (n_users, n_items), got"),
    "relevant NaN": (lambda: ndcg([[0]], [[np.nan]]), ValueError, "relevant must not be NaN"),
    "relevant in words": (lambda: ndcg([[0]], [["x"]]), ValueError, "relevant must hold numbers, got dtype <U1"),
    "scores in words": (lambda: auc([["x"]], [[1]]), ValueError, "scores must hold numbers, got dtype <U1"),
    "scores complex": (lambda: auc([[1j]], [[1]]), ValueError, "Complex data not supported: scores has dtype complex128"),
    "ratings in words": (lambda: rmse(["5"], [5]), ValueError, "y_true must hold numbers, got dtype <U1"),
    "ratings complex": (lambda: rmse([5], [5j]), ValueError, "Complex data not supported: y_pred has dtype complex128"),
    "weights of several lengths": (lambda: rmse([5, 4], [5, 4], weights=[[1], [1, 2]]), ValueError, "weights cannot be read"),
    "values NaN": (lambda: bootstrap_interval([1, np.nan]), ValueError, "values must be finite, but 1 are not"),
    "values in words": (lambda: bootstrap_interval("abc"), ValueError, "values must hold numbers, got dtype <U3"),
    "weights infinite": (lambda: bootstrap_interval([1], [np.inf]), ValueError, "weights must be 1 positive numbers, one for"),
    "level in words": (lambda: bootstrap_interval([1], confidence_level="95 %"), TypeError, "confidence_level must be"),
    "2.5 resamples": (lambda: bootstrap_interval([1], n_resamples=2.5), TypeError, "n_resamples must be an integer of at"),
    "a matrix to cut": (lambda: cut_histories(MATRIX, ordered=True), TypeError, "data must be Interactions, got csr_array"),
    "ordered in words": (lambda: cut_histories(LABELLED.events_, ordered="no"), TypeError, "ordered must be True or False,"),
}  # fmt: skip

NO_EVENTS = "X must be events, Interactions or a DataFrame with columns 'user' and 'item', got "
SPLITTERS = {
    "None": (lambda: next(LeaveLastOut().split(None)), ValueError, NO_EVENTS + "NoneType"),
    "a file's name": (lambda: next(RandomHoldout().split("plays.csv")), ValueError, NO_EVENTS + "str"),
    "a list": (lambda: train_test_split([1, 2, 3]), ValueError, NO_EVENTS + "list"),
    "a matrix": (lambda: k_core(MATRIX), ValueError, NO_EVENTS + "csr_array"),
    "users None": (lambda: next(UserKFold().split(None)), TypeError, "X must be a users x items matrix (scipy sparse or"),
    "no rows": (lambda: next(UserKFold().split(FRAME[:0])), ValueError, "Found array with 0 sample(s): X is a DataFrame"),
    "a label missing": (lambda: k_core(FRAME.assign(user=None)), ValueError, "column 'user' of X must not be missing, but the"),
    "no times": (lambda: next(TemporalSplit().split(FRAME)), ValueError, "a split by time needs timestamps, and X has none"),
    "one event": (lambda: next(RandomHoldout().split(FRAME[:1])), ValueError, "at least two distinct (user, item) pairs are"),
    "n 10**9": (lambda: next(LeaveLastOut(10**9).split(FRAME)), ValueError, "no user has more than n=1000000000 events"),
    "folds 10**9": (lambda: next(UserKFold(10**9).split(FRAME)), ValueError, "n_splits=1000000000 is more than the number of"),
    "a size NaN": (lambda: RandomHoldout(np.nan), ValueError, "test_size must be a finite number above 0 and below 1,"),
    "a size True": (lambda: train_test_split(FRAME, test_size=True), TypeError, "test_size must be a finite number above 0"),
    "shuffle in words": (lambda: UserKFold(shuffle="no"), TypeError, "shuffle must be True or False, got 'no'"),
    "by None": (lambda: train_test_split(FRAME, by=None), ValueError, "by must be one of 'random', 'time', 'last', 'user',"),
}  # fmt: skip

ALL = {
    f"{of}: {case}": row
    for of, rows in {"scorer": SCORERS, "sampled": SAMPLED, "metric": METRICS, "split": SPLITTERS}.items()
    for case, row in rows.items()
}


@pytest.mark.parametrize(("call", "error", "words"), ALL.values(), ids=ALL)
def test_an_argument_is_refused_by_its_name(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(words)


# Seeds: who is given them, and what all of these refuse

DRAWS = {
    "RandomHoldout": lambda seed: next(RandomHoldout(random_state=seed).split(FRAME)),
    "UserKFold": lambda seed: next(UserKFold(2, random_state=seed).split(FRAME)),
    "train_test_split": lambda seed: train_test_split(FRAME, random_state=seed),
    "bootstrap_interval": lambda seed: bootstrap_interval([1.0, 2.0], random_state=seed),
    "make_interactions": lambda seed: make_interactions(5, 5, random_state=seed),
    "compare": lambda seed: compare([PopularityRecommender()], FRAME, ["ndcg@10"], random_state=seed),
    "text_vectors": lambda seed: text_vectors(2, random_state=seed).fit(["a robot", "a wedding"]),
    "Random": lambda seed: RandomRecommender(random_state=seed).fit(MATRIX),
    "ALS": lambda seed: ALSRecommender(random_state=seed, n_jobs=1).fit(MATRIX),
    "BPR": lambda seed: BPRRecommender(random_state=seed).fit(MATRIX),
    "MF": lambda seed: MFRecommender(random_state=seed).fit(MATRIX),
}


@pytest.mark.parametrize("seed", ["today", -1, 2.5, 2**32, True, [[0.5]]])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_what_is_no_seed_is_refused(draw, seed):
    with pytest.raises(ValueError) as caught:
        draw(seed)
    assert str(caught.value) == (
        "random_state must be an int from 0 to 2**32 - 1, a numpy.random.Generator, a numpy.random.RandomState or None, "
        f"got {seed!r}"
    )


# Parameters


@pytest.mark.parametrize("accelerator", ["gpu", "cuda"])
def test_an_accelerator_that_is_not_there_is_refused(monkeypatch, accelerator):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(MPSAccelerator, "is_available", lambda: False)
    with pytest.raises(ValueError) as caught:
        MFRecommender(trainer={"accelerator": accelerator}).fit(MATRIX)
    words = f"trainer['accelerator'] must be 'auto' or 'cpu' on a machine without a CUDA GPU, got {accelerator!r}"
    assert str(caught.value) == words


def test_a_gpu_without_double_precision_is_left_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(MPSAccelerator, "is_available", lambda: True)
    assert MFRecommender(max_epochs=1).fit(MATRIX).device_ == "cpu"


def test_a_number_beyond_all_floats_is_not_finite():
    with pytest.raises(ValueError, match="alpha must be a finite number, got 1000"):
        check_number(10**400, "alpha")


def test_words_may_be_numpys():
    words = {
        "loss": "bpr",
        "optimizer": "adam",
        "negatives": "popularity",
        "lr_schedule": "cosine",
        "early_stopping": "valid_loss",
    }
    plain, numpys = (
        MFRecommender(max_epochs=1, random_state=0).set_params(**{name: kind(word) for name, word in words.items()}).fit(MATRIX)
        for kind in (str, np.str_)
    )
    np.testing.assert_array_equal(plain.item_embeddings_, numpys.item_embeddings_)
    assert (
        numpys.similar_items([0], metric=np.str_("l2")).codes.tolist() == plain.similar_items([0], metric="l2").codes.tolist()
    )


# Models that go wrong


class Broken(PopularityRecommender):
    """Cannot score the first item."""

    def _score(self, rows, items):
        scores = super()._score(rows, items)
        scores[:, 0] = np.nan
        return scores


NAN = {
    "recommend": lambda model: model.recommend([3]),
    "recommend_iter": lambda model: list(model.recommend_iter([3])),
    "recommend_users": lambda model: model.recommend_users([0], exclude_seen=False),
    "ndcg@5": lambda model: get_scorer("ndcg@5")(model, MATRIX),
}


@pytest.mark.parametrize("ask", NAN.values(), ids=NAN)
def test_scores_that_are_no_numbers_are_noticed(ask):
    with pytest.raises(ValueError, match="the model's scores must be numbers, but some are NaN"):
        ask(Broken().fit(MATRIX))


def test_the_events_of_a_scorer_may_be_codes_beyond_those_known():
    stranger = Interactions.from_arrays([9, 9], [0, 1], n_items=4)
    assert get_scorer("hit_rate@4")(CODED, stranger) == 1
