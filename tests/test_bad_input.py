"""What is refused, how, and in which words: a table for each method.

tests/test_unusual_input.py has what is odd but legal; test_bad_arguments.py, test_bad_comparisons.py,
test_bad_files.py and test_bad_settings.py, beside it, have the rest.
"""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

from skrec import EASERecommender, MFRecommender, PopularityRecommender
from skrec.data import Interactions
from skrec.metrics import get_scorer, make_multi_scorer

MAKERS = {
    "popularity": PopularityRecommender,
    "EASE": EASERecommender,
    "MF": lambda **parameters: MFRecommender(max_epochs=1, random_state=0, **parameters),
}

MATRIX = sp.csr_array(np.array([[1.0, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]]))
FRAME = pd.DataFrame({"user": list("aabbccd"), "item": list("xzyzxyw")})
NARROW = MATRIX[:, :2]
EMPTY = sp.csr_array(MATRIX.shape)
UNLABELLED = Interactions.from_csr(MATRIX)


def changed(**columns):
    return FRAME.assign(**columns)


def first_is(value, rest):
    return [value, *[rest] * (len(FRAME) - 1)]


def with_index(value):
    X = MATRIX.copy()
    X.indices[0] = value
    return X


def with_arrays(**arrays):
    X = MATRIX.copy()
    for name, array in arrays.items():
        setattr(X, name, np.asarray(array))
    return X


@pytest.fixture(scope="module", params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture(scope="module")
def fitted(make):
    """On a matrix, whose users and items are numbers; and on a table, where they are letters."""
    return {"coded": make().fit(MATRIX), "labelled": make().fit(FRAME)}


def assert_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


# case: X, type of error, words, with {} for what X is called
UNREADABLE = {
    "3-D": (np.ones((1, 2, 3)), ValueError, "Expected 2D array for {}, got 3D array instead. Reshape your data"),
    "no rows": (np.ones((0, 4)), ValueError, "0 sample(s) (shape=(0, 4)) while a minimum of 1 is required: {} needs"),
    "no columns": (sp.csr_array((4, 0)), ValueError, "0 feature(s) (shape=(4, 0)) while a minimum of 1 is required: {} needs"),
    "NaN": (MATRIX * np.nan, ValueError, "{} must hold finite numbers, got NaN"),
    "infinity": (MATRIX * np.inf, ValueError, "{} must hold finite numbers, got infinity"),
    "too large": (MATRIX * 1e300, ValueError, "{} must hold finite numbers, got infinity or a value too large"),
    "complex": (MATRIX * 1j, ValueError, "Complex data not supported: {} has dtype complex128"),
    "objects": (np.array([[{}, 1, 0, 0]], object), TypeError, "{} must hold numbers: float() argument must be a string or"),
    "sparse objects": (with_arrays(data=MATRIX.data.astype(object)), ValueError, "{} must hold numbers, got dtype object"),
    "hidden entries": (np.ma.masked_array(np.eye(4), np.eye(4)), ValueError, "{} is a masked array with masked entries"),
    "words": (np.array([["a", "b", "c", "d"]]), ValueError, "{} must hold numbers, got dtype <U1"),
    "an index outside": (with_index(4), ValueError, "{} is not a valid CSR matrix of shape (4, 4): "),
    "an index below": (with_index(-1), ValueError, "{} is not a valid CSR matrix of shape (4, 4): "),
    "fractions for indices": (with_arrays(indices=MATRIX.indices / 1.0), ValueError, "indices must be integers, got dtype"),
    "indptr falling": (with_arrays(indptr=[0, 4, 2, 6, 7]), ValueError, "{} is not a valid CSR matrix of shape (4, 4): "),
    "indptr too short": (with_arrays(indptr=[0, 2, 4, 6]), ValueError, "{} is not a valid CSR matrix of shape (4, 4): "),
    "indptr beyond the end": (with_arrays(indptr=[0, 2, 4, 6, 9]), ValueError, "{} is not a valid CSR matrix of shape (4, 4):"),
    "pairs of integers": (np.array([[0, 1], [3, 2]]), ValueError, "{} is an integer array of shape (2, 2), which looks"),
    "a wide table": (pd.DataFrame(np.eye(4)), ValueError, "{} is a DataFrame without the columns 'user' and 'item'"),
    "other columns": (FRAME.rename(columns={"item": "film"}), ValueError, "'user' and 'item'; it has ['user', 'film']"),
    "a column twice": (pd.concat([FRAME, FRAME["user"]], axis=1), ValueError, "{} has more than one column 'user'"),
    "no events": (FRAME[:0], ValueError, "{} is a DataFrame without rows, at least one is required"),
    "no Interactions": (UNLABELLED[:0], ValueError, "{} has no events, at least one is required"),
    "a user missing": (changed(user=first_is(None, "a")), ValueError, "column 'user' of {} must not be missing"),
    "an item missing": (changed(item=first_is(np.nan, 1)), ValueError, "column 'item' of {} must not be missing"),
    "a rating missing": (changed(rating=first_is(np.nan, 1)), ValueError, "column 'rating' of {} must hold finite numbers"),
    "ratings in words": (changed(rating="5"), ValueError, "column 'rating' of {} must hold numbers, got '5'"),
    "a time missing": (changed(timestamp=pd.to_datetime(first_is(None, "2020"))), ValueError, "column 'timestamp' of {} must"),
    "times with fractions": (changed(timestamp=0.5), ValueError, "column 'timestamp' of {} must be datetimes, or whole"),
    "times in words": (changed(timestamp="2020"), ValueError, "column 'timestamp' of {} must be whole numbers or datetimes"),
    "a weight below 0": (changed(weight=first_is(-1, 1)), ValueError, "column 'weight' of {} must not be negative, got -1.0"),
}  # fmt: skip

# what X is called, and who is given it
READERS = {
    "fit": ("X", lambda make, model, X: make().fit(X)),
    "fit, validation": ("validation", lambda make, model, X: make().fit(MATRIX, validation=X)),
    "partial_fit": ("X", lambda make, model, X: model.partial_fit(X)),
    "partial_fit, not fitted": ("X", lambda make, model, X: make().partial_fit(X)),
    "predict": ("X", lambda make, model, X: model.predict(X)),
    "score": ("X", lambda make, model, X: model.score(X)),
    "recommend": ("users", lambda make, model, X: model.recommend(X)),
    "recommend_iter": ("users", lambda make, model, X: model.recommend_iter(X)),
    "ndcg@5": ("X", lambda make, model, X: get_scorer("ndcg@5")(model, X)),
    "rmse": ("X", lambda make, model, X: get_scorer("neg_rmse")(model, X)),
    "two scorers": ("X", lambda make, model, X: make_multi_scorer(["recall@5", "auc"])(model, X)),
}


# what is wrong with columns that `predict` does not read
NOT_READ = (
    "a rating missing",
    "ratings in words",
    "a time missing",
    "times with fractions",
    "times in words",
    "a weight below 0",
)
CASES = {
    f"{case}-{method}": (*UNREADABLE[case], *READERS[method])
    for case in UNREADABLE
    for method in READERS
    if method != "predict" or case not in NOT_READ
}


@pytest.mark.parametrize(("X", "error", "words", "name", "read"), CASES.values(), ids=CASES)
def test_data_that_cannot_be_read_are_refused_by_their_name(make, fitted, X, error, words, name, read):
    assert_refused(lambda: read(make, fitted["coded"], X), error, words.format(name))


NO_DATA = "X must be a users x items matrix (scipy sparse or 2-D array), a DataFrame of events or Interactions, got "

# case: X, y, type of error, words
FIT = {
    "None": (None, None, TypeError, NO_DATA + "NoneType"),
    "a file's name": ("ratings.csv", None, TypeError, NO_DATA + "str"),
    "a dict": ({"user": ["a"], "item": ["x"]}, None, TypeError, NO_DATA + "dict"),
    "nothing but zeros": (np.zeros((3, 4)), None, ValueError, "X has no events: at least one stored (sparse) or non-zero"),
    "an empty matrix": (EMPTY, None, ValueError, "X has no events: at least one stored (sparse) or non-zero"),
    "nothing positive": (-MATRIX, None, ValueError, "X has no positive event: its largest value is -1, with positive_from"),
    "too few y": (FRAME, [1, 2], ValueError, "y must be one number for each of the 7 events, got shape (2,)"),
    "y NaN": (FRAME, first_is(np.nan, 1), ValueError, "y must hold finite numbers, got NaN"),
    "y None": (FRAME, first_is(None, 1), ValueError, "y must hold finite numbers, got NaN"),
    "y in words": (FRAME, ["5"] * 7, ValueError, "y must hold numbers, got dtype <U1"),
    "y 2-D": (FRAME, np.ones((7, 2)), ValueError, "y must be one number for each of the 7 events, got shape (7, 2)"),
    "y a column's name": (FRAME, "rating", ValueError, "y must be one number for each of the 7 events, got shape ()"),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("X", "y", "error", "words"), FIT.values(), ids=FIT)
def test_fit_refuses(make, X, y, error, words, method):
    model = make()
    assert_refused(lambda: getattr(model, method)(X, y), error, words)
    assert not [name for name in vars(model) if name.endswith("_")]


# case: parameters, type of error, words
PARAMETERS = {
    "a threshold in words": ({"positive_from": "4"}, TypeError, "positive_from must be a finite number or None, got '4'"),
    "a threshold NaN": ({"positive_from": np.nan}, ValueError, "positive_from must be a finite number or None, got nan"),
    "a threshold True": ({"positive_from": True}, TypeError, "positive_from must be a finite number or None, got True"),
    "a threshold above all": (
        {"positive_from": 9},
        ValueError,
        "X has no positive event: its largest value is 1, with positive",
    ),
}


@pytest.mark.parametrize(("parameters", "error", "words"), PARAMETERS.values(), ids=PARAMETERS)
def test_fit_refuses_parameters_that_the_constructor_stored(make, parameters, error, words):
    assert_refused(lambda: make(**parameters).fit(MATRIX), error, words)


NO_LABELS = "has labels for its items, but the model was fitted without: pass a matrix or Interactions.from_arrays"

# case: validation, words, advice
VALIDATION = {
    "too narrow": (NARROW, "validation has 2 features, but", "is expecting 4 features as input: one column for each item"),
    "another frame": (Interactions.from_csr(NARROW), "validation has n_items=2", "pass n_items=4 to Interactions"),
    "labels": (FRAME, "validation " + NO_LABELS, "whose codes are the positions in the training data"),
}


@pytest.mark.parametrize(("validation", "words", "advice"), VALIDATION.values(), ids=VALIDATION)
def test_fit_refuses_validation_data_of_another_frame(make, validation, words, advice):
    assert_refused(lambda: make().fit(MATRIX, validation=validation), ValueError, words)
    assert_refused(lambda: make().fit(MATRIX, validation=validation), ValueError, advice)


# case: model fitted on what, X, type of error, words
PREDICT = {
    "None": ("coded", None, TypeError, NO_DATA + "NoneType"),
    "a user": ("coded", "a", TypeError, NO_DATA + "str"),
    "too narrow": ("coded", NARROW, ValueError, "X has 2 features, but"),
    "too wide": ("coded", sp.csr_array((1, 9)), ValueError, "X has 9 features, but"),
    "another frame": (
        "coded",
        Interactions.from_csr(NARROW),
        ValueError,
        "X has n_items=2, but the model was fitted with 4 items",
    ),
    "labels, to codes": ("coded", FRAME, ValueError, "X " + NO_LABELS),
    "codes, to labels": (
        "labelled",
        UNLABELLED,
        ValueError,
        "X has no labels for its items, but the model was fitted with labels",
    ),
    "a matrix, to labels": ("labelled", MATRIX, ValueError, "as in Interactions.from_csr(X, item_ids=model.item_ids_)"),
    "ids": ("coded", [1, 2], ValueError, "Expected 2D array for X, got 1D array instead. Reshape your data"),
    "items labelled, users not": (
        "labelled",
        Interactions.from_csr(MATRIX, item_ids=list("wxyz")),
        ValueError,
        "X has no labels for its users, but the model was fitted with labels",
    ),
}


@pytest.mark.parametrize(("which", "X", "error", "words"), PREDICT.values(), ids=PREDICT)
def test_predict_refuses(fitted, which, X, error, words):
    assert_refused(lambda: fitted[which].predict(X), error, words)


# case: model fitted on what, X, y, type of error, words
PARTIAL_FIT = {
    "None": ("coded", None, None, TypeError, NO_DATA + "NoneType"),
    "ids": ("coded", [1, 2], None, ValueError, "Expected 2D array for X, got 1D array instead. Reshape your data"),
    "too narrow": ("coded", NARROW, None, ValueError, "X has 2 features, but"),
    "too wide": ("coded", sp.hstack([MATRIX, MATRIX]), None, ValueError, "is expecting 4 features as input: one column for"),
    "nothing but zeros": ("coded", EMPTY, None, ValueError, "X has no events: at least one stored (sparse) or non-zero"),
    "labels, to codes": ("coded", FRAME, None, ValueError, "X has labels for its users, but the model was fitted without"),
    "codes, to labels": ("labelled", UNLABELLED, None, ValueError, "X has no labels for its users, but the model was fitted"),
    "a matrix, to labels": ("labelled", MATRIX, None, ValueError, "X has no labels for its users, but the model was fitted"),
    "labels of another kind": ("labelled", changed(user=range(7)), None, TypeError, "the users of X must have labels like"),
    "times, to none": ("labelled", changed(timestamp=1), None, ValueError, "X has timestamps, but the known events have none"),
    "y NaN": ("labelled", FRAME, first_is(np.nan, 1), ValueError, "y must hold finite numbers, got NaN"),
    "too few y": ("labelled", FRAME, [1], ValueError, "y must be one number for each of the 7 events, got shape (1,)"),
}  # fmt: skip


@pytest.mark.parametrize(("which", "X", "y", "error", "words"), PARTIAL_FIT.values(), ids=PARTIAL_FIT)
def test_partial_fit_refuses_and_changes_nothing(fitted, which, X, y, error, words):
    model = fitted[which]
    before = dict(vars(model))
    assert_refused(lambda: model.partial_fit(X, y), error, words)
    assert vars(model) == before


CODES = "users must be integer codes, since the model was fitted without labels, got "
UNKNOWN = "contains labels that the model does not know: "

# case: model fitted on what, users, type of error, words
USERS = {
    "a code too large": ("coded", [0, 4], ValueError, "users must be codes in 0..3, got 4"),
    "a code too small": ("coded", -1, ValueError, "users must be codes in 0..3, got -1"),
    "an enormous code": ("coded", np.array([2**63], np.uint64), ValueError, "users must be codes in 0..3, got 92233720368"),
    "a float": ("coded", 1.0, ValueError, CODES + "[1.0]"),
    "a word": ("coded", "a", ValueError, CODES + "['a']"),
    "True": ("coded", True, ValueError, CODES + "[True]"),
    "a mask": ("coded", [True, False, True, False], ValueError, CODES + "[True, False, True, False]"),
    "None in a list": ("coded", [None], ValueError, "users must not be missing, but the label at position 0 is"),
    "one row, 1-D": ("coded", np.array([1.0, 0, 0, 0]), ValueError, "Reshape your data to a matrix if these are the values"),
    "a set": ("coded", {"a"}, ValueError, CODES + "['a']"),
    "a narrow matrix": ("coded", NARROW, ValueError, "users has 2 features, but"),
    "a table, to codes": ("coded", FRAME, ValueError, "users " + NO_LABELS),
    "masked": (
        "coded",
        np.ma.masked_array([0, 1], [0, 1]),
        ValueError,
        "users must not be missing, but the label at position 1",
    ),
    "rows of several lengths": ("coded", [0, [1, 2]], ValueError, "users cannot be read as an array"),
    "an unknown label": ("labelled", ["a", "q"], ValueError, "users " + UNKNOWN + "['q'], 1 in all"),
    "many unknown labels": ("labelled", list("qrstuvw"), ValueError, "users " + UNKNOWN + "['q', 'r', 's', 't', 'u'], 7 in"),
    "a number for a label": ("labelled", 0, TypeError, "users must have labels like the known ones, such as 'a', got 0"),
    "a missing label": ("labelled", ["a", None], ValueError, "users must not be missing, but the label at position 1 is"),
    "NaN": ("labelled", np.nan, ValueError, "users must not be missing, but the label at position 0 is"),
    "a set of labels": ("labelled", {"q"}, ValueError, "users " + UNKNOWN + "['q'], 1 in all"),
    "a dict": ("labelled", {"a": 1}, TypeError, "users must be a list or 1-D array of labels, got {'a': 1}"),
    "a matrix, to labels": ("labelled", MATRIX, ValueError, "users has no labels for its items"),
}


@pytest.mark.parametrize(("which", "users", "error", "words"), USERS.values(), ids=USERS)
def test_recommend_refuses_users(fitted, which, users, error, words):
    assert_refused(lambda: fitted[which].recommend(users), error, words)
    assert_refused(lambda: fitted[which].recommend_iter(users), error, words)


INTEGER = "k must be an integer of at least 1, got "

# case: keywords, type of error, words
OPTIONS = {
    "k 0": ({"k": 0}, ValueError, INTEGER + "0"),
    "k -1": ({"k": -1}, ValueError, INTEGER + "-1"),
    "k 2.5": ({"k": 2.5}, TypeError, INTEGER + "2.5"),
    "k 10**9": ({"k": 10**9}, ValueError, "k must be at most the number of items, 4, for"),
    "k True": ({"k": True}, TypeError, INTEGER + "True"),
    "k None": ({"k": None}, TypeError, INTEGER + "None"),
    "k in words": ({"k": "10"}, TypeError, INTEGER + "'10'"),
    "exclude_seen 1": ({"exclude_seen": 1}, TypeError, "exclude_seen must be True or False, got 1"),
    "unknown 1": ({"unknown": 1}, ValueError, "unknown must be one of 'raise', 'popular', got 1"),
    "a number excluded": ({"exclude": [1, 2]}, TypeError, "exclude must have labels like the known ones, such as 'w', got 1"),
    "a missing item excluded": ({"exclude": [None]}, ValueError, "exclude must not be missing, but the label at position 0"),
    "an unknown candidate": ({"candidates": "q"}, ValueError, "candidates " + UNKNOWN + "['q'], 1 in all"),
    "a table of candidates": ({"candidates": FRAME.drop(columns="item")}, ValueError, "candidates must have one column 'user'"),
    "an unknown candidate of a user": ({"candidates": {"a": ["x", "q"]}}, ValueError, "candidates " + UNKNOWN + "['q'], 1 in"),
    "candidates of numbers": (
        {"candidates": {1: ["x"]}},
        TypeError,
        "users of candidates must have labels like",
    ),
    "a missing candidate": ({"candidates": {"a": [None]}}, ValueError, "candidates['a'] must not be missing"),
    "items by user excluded": ({"exclude": {"a": ["x"]}}, TypeError, "exclude must be a list or 1-D array of labels, got"),
    "Interactions excluded": ({"exclude": UNLABELLED}, TypeError, "exclude must be a label or a list or 1-D array of labels"),
    "a matrix of candidates": ({"candidates": MATRIX}, TypeError, "candidates must be a label or a list or 1-D array of"),
    "a set of candidates": ({"candidates": {"q"}}, ValueError, "candidates " + UNKNOWN + "['q'], 1 in all"),
}


@pytest.mark.parametrize(("options", "error", "words"), OPTIONS.values(), ids=OPTIONS)
def test_recommend_refuses_options(fitted, options, error, words):
    assert_refused(lambda: fitted["labelled"].recommend("a", **options), error, words)
    assert_refused(lambda: fitted["labelled"].recommend_iter("a", **options), error, words)
    assert_refused(lambda: fitted["labelled"].recommend_to_parquet("never written", "a", **options), error, words)


def test_only_users_are_told_to_reshape(fitted):
    for name in ("exclude", "candidates"):
        with pytest.raises(ValueError) as caught:
            fitted["coded"].recommend([0], **{name: [0.5]})
        assert str(caught.value) == f"{name} must be integer codes, since the model was fitted without labels, got [0.5]"


# case: call, type of error, words
OTHERS = {
    "batches of 0": (lambda m: m.recommend_iter(batch_size=0), ValueError, "batch_size must be an integer of at least"),
    "a file of number 3": (lambda m: m.recommend_to_parquet(3), TypeError, "path must be a str or os.PathLike, got 3"),
    "audience, k 10**9": (lambda m: m.recommend_users("x", k=10**9), ValueError, "k must be at most the number of users, 4"),
    "similar, k 10**9": (lambda m: m.similar_items("x", k=10**9), ValueError, "k must be at most the number of candidates, 4"),
    "audience of nothing known": (lambda m: m.recommend_users("q"), ValueError, "items " + UNKNOWN + "['q'], 1 in all"),
    "audience, k 0": (lambda m: m.recommend_users("x", k=0), ValueError, INTEGER + "0"),
    "audience, exclude_seen": (lambda m: m.recommend_users("x", exclude_seen="no"), TypeError, "exclude_seen must be True or"),
    "similar to nothing known": (lambda m: m.similar_items("q"), ValueError, "items " + UNKNOWN + "['q'], 1 in all"),
    "similar to None": (lambda m: m.similar_items(None), ValueError, "items must not be missing, but the label at position 0"),
    "similar, k 0": (lambda m: m.similar_items("x", k=0), ValueError, INTEGER + "0"),
    "similar, another metric": (lambda m: m.similar_items("x", metric="euclid"), ValueError,
                                "metric must be one of 'cosine', 'dot', 'l2', got 'euclid'"),
    "similar, include_self": (lambda m: m.similar_items("x", include_self=1), TypeError, "include_self must be True or False"),
    "similar, unknown candidate": (lambda m: m.similar_items("x", candidates=["q"]), ValueError, "candidates " + UNKNOWN),
    "similar, a number excluded": (lambda m: m.similar_items("x", exclude=1), TypeError, "exclude must have labels like"),
    "similar, min_count -1": (lambda m: m.similar_items("x", min_count=-1), ValueError, "min_count must be an integer of at"),
    "users like nobody known": (lambda m: m.similar_users("q"), ValueError, "users " + UNKNOWN + "['q'], 1 in all"),
    "users, k True": (lambda m: m.similar_users("a", k=True), TypeError, INTEGER + "True"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), OTHERS.values(), ids=OTHERS)
def test_other_questions_are_refused(fitted, call, error, words):
    assert_refused(lambda: call(fitted["labelled"]), error, words)


def test_an_explanation_is_of_a_known_user_and_item():
    model = EASERecommender().fit(FRAME)
    assert_refused(lambda: model.explain("q", "x"), ValueError, "user " + UNKNOWN + "['q'], 1 in all")
    assert_refused(lambda: model.explain("a", "q"), ValueError, "item " + UNKNOWN + "['q'], 1 in all")
    assert_refused(lambda: model.explain("a", "x", k=0), ValueError, INTEGER + "0")
    assert_refused(lambda: model.explain(["a"], "x"), TypeError, "user must be hashable labels")


QUESTIONS = {
    "predict": lambda model: model.predict(MATRIX),
    "recommend": lambda model: model.recommend([0]),
    "recommend_iter": lambda model: model.recommend_iter([0]),
    "recommend_users": lambda model: model.recommend_users([0]),
    "score": lambda model: model.score(MATRIX),
    "similar_items": lambda model: model.similar_items([0]),
    "similar_users": lambda model: model.similar_users([0]),
    "ndcg@5": lambda model: get_scorer("ndcg@5")(model, MATRIX),
    "rmse": lambda model: get_scorer("neg_rmse")(model, MATRIX),
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_nothing_is_answered_before_fit(make, ask):
    assert_refused(lambda: ask(make()), NotFittedError, "Call 'fit' with appropriate arguments before using this estimator")


def test_a_failed_fit_leaves_the_fitted_model_as_it_was(make):
    model = make().fit(MATRIX)
    before = model.recommend(k=4).scores
    assert_refused(lambda: model.fit(MATRIX * np.nan), ValueError, "X must hold finite numbers, got NaN")
    np.testing.assert_array_equal(model.recommend(k=4).scores, before)
