"""Inputs that people reported, and the right answer to each."""

import copy
import csv
import dataclasses
import datetime as dt
import gzip
import io
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from forked import in_a_fork
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small_models import likes, ratings, same, two_camps, weights_of
from small_models import model as small_model
from threadpoolctl import threadpool_info, threadpool_limits

from skrec import (
    ALSRecommender,
    AutoRecRecommender,
    BPRRecommender,
    CaserRecommender,
    CosineRestarts,
    EarlyStopping,
    EASERecommender,
    GRU4RecRecommender,
    Interactions,
    ItemKNNRecommender,
    LightGCNRecommender,
    MarkovRecommender,
    MFRecommender,
    MultVAERecommender,
    NewsRecommender,
    PopularityRecommender,
    SASRecRecommender,
    SLIMRecommender,
    get_scorer,
)
from skrec.datasets import fetch_movielens, load_amazon, load_lightgcn, load_ncf
from skrec.engine.training import _history
from skrec.metrics import cut_histories, ndcg, recall
from skrec.model_selection import TemporalSplit

# ---- Reading data ----------------------------------------------------------------------------------------------------


def test_a_field_that_begins_with_a_quote_swallows_no_lines(written):
    lines = ['u1\t"Heroes\t5'] + [f"u{i}\tartist{i}\t{i % 5 + 1}" for i in range(1000)] + ['u9\tRoots" Live\t4']
    path = written("user\titem\trating\n" + "\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"plays\.csv, line 2: .*quoting=csv\.QUOTE_NONE"):
        Interactions.from_csv(path, sep="\t")
    assert len(Interactions.from_csv(path, sep="\t", quoting=csv.QUOTE_NONE)) == 1002
    with pytest.warns(UserWarning, match=r"plays\.csv: 1 malformed lines were skipped; the first is line 2"):
        assert len(Interactions.from_csv(path, sep="\t", on_bad_lines="skip")) == 1001


def test_a_name_in_quotes_is_not_merged_with_the_same_name_without(written):
    path = written('user\titem\nu1\t"Weird Al" Yankovic\nu2\tWeird Al Yankovic\n')
    with pytest.raises(ValueError, match=r"plays\.csv, line 2"):
        Interactions.from_csv(path, sep="\t")
    names = Interactions.from_csv(path, sep="\t", quoting=csv.QUOTE_NONE).item_ids.tolist()
    assert names == ['"Weird Al" Yankovic', "Weird Al Yankovic"]


def test_a_malformed_quoted_field_is_refused_by_file_and_line(written):
    with pytest.raises(ValueError, match=r"plays\.csv, line 2"):
        Interactions.from_csv(written('user,item,rating\n1,"a"b,3\n2,c,4\n'))


@pytest.mark.parametrize(
    "labels",
    [
        ["1.1", "1.10", "1.2"],
        ["250.0", "250.00", "401.9"],
        ["12E4", "120000", "7E2"],
        ["inf", "infinity", "Infinity"],
        ["True", "False"],
        ["12345678901234567.0", "12345678901234568.0"],
        ["18446744073709551615", "-1"],
        ["0663713001", "0541518023"],
        ["+1", "1"],
        ["-0", "0"],
    ],
)
def test_labels_that_only_look_like_numbers_are_text_as_written(written, labels):
    data = Interactions.from_csv(written("user,item\n" + "".join(f"u{n},{label}\n" for n, label in enumerate(labels))))
    assert data.item_ids[data.items].tolist() == labels


def test_labels_that_are_whole_numbers_are_integers_unless_text_is_asked_for(written):
    path = written("user,item\n7,0\n9,9223372036854775807\n")
    assert Interactions.from_csv(path).item_ids.tolist() == [0, 2**63 - 1]
    assert Interactions.from_csv(path, labels="text").user_ids.tolist() == ["7", "9"]


def test_dates_in_a_text_file_are_the_times_that_a_frame_of_datetimes_has(written):
    days = ["2018-09-20", "2018-09-21T10:30:00", "2018-09-21 12:00:00.5+02:00"]
    data = Interactions.from_csv(written("user,item,timestamp\n" + "".join(f"a,{n},{day}\n" for n, day in enumerate(days))))
    times = pd.to_datetime(days, format="ISO8601", utc=True)
    framed = Interactions.from_frame(pd.DataFrame({"user": "a", "item": range(3), "timestamp": times}))
    assert data.timestamps.tolist() == framed.timestamps.tolist() == [int(time.timestamp() * 10**6) for time in times]


def test_whole_numbers_of_a_known_unit_are_the_times_that_datetimes_are(written):
    path = written("user,item,timestamp\na,x,1600000000000\n")
    data = Interactions.from_csv(path, timestamp_unit="ms")
    day = dt.datetime(2020, 9, 13, 12, 26, 40)
    framed = Interactions.from_frame(pd.DataFrame({"user": ["a"], "item": ["x"], "timestamp": [day]}))
    assert data.timestamps.tolist() == framed.timestamps.tolist() == [1_600_000_000_000_000]
    assert data.timestamp_unit == framed.timestamp_unit == "us"
    assert Interactions.from_csv(path).timestamps.tolist() == [1_600_000_000_000]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrow_backed_times_with_a_zone_are_read_as_every_other_backing(unit):
    pa = pytest.importorskip("pyarrow")
    times = pd.Series(pd.to_datetime(["2020-01-01 00:00", "2020-07-01 12:00"])).dt.tz_localize("Europe/Paris")
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "timestamp": times})
    backed = frame.assign(timestamp=times.astype(pd.ArrowDtype(pa.timestamp(unit, "Europe/Paris"))))
    assert Interactions.from_frame(backed).timestamps.tolist() == Interactions.from_frame(frame).timestamps.tolist()


U_DATA = np.array([[1, 10, 5, 881250949], [1, 11, 3, 881250950], [2, 10, 4, 881250951], [3, 12, 2, 881250952]], float)


@pytest.mark.parametrize(
    "table",
    [U_DATA, U_DATA[:, :3], U_DATA[:, :3].astype(int), U_DATA[:, :2], U_DATA[:, :2].astype(int), [(1, 10, 5.0), (1, 11, 3.0)]],
    ids=["with times", "with ratings", "integers", "pairs", "pairs of integers", "tuples"],
)
def test_a_table_of_events_in_an_array_is_not_taken_for_a_matrix(table):
    with pytest.raises(ValueError, match=r"which looks like \(user, item.*\) (rows|pairs)\. Pass a DataFrame"):
        ALSRecommender(n_factors=2, random_state=0).fit(table)


@pytest.mark.parametrize("column", ["plays", "count"])
def test_a_column_of_counts_is_found_by_its_name(column):
    assert Interactions.from_frame(pd.DataFrame({"user": [1, 2], "item": [1, 2], column: [30, 7]})).values.tolist() == [30, 7]


def test_columns_of_numbers_that_are_not_used_are_named():
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "listened": [30, 7], "city": ["x", "y"]})
    with pytest.warns(UserWarning, match=r"The columns of numbers \['listened'\] are not used"):
        assert Interactions.from_frame(frame).values.tolist() == [1, 1]


@pytest.mark.parametrize("name", ["column_names", "columns", "array", "shape", "__len__"])
def test_a_column_may_have_any_name(name):
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [3, 4], name: ["x", "y"]})
    assert Interactions.from_frame(frame).values.tolist() == [3, 4]
    assert Interactions.from_frame(frame, user=name).user_ids.tolist() == ["x", "y"]


def test_the_constructor_casts():
    codes = np.full(1, 2**16, np.int32)
    data = Interactions(codes, codes, [3], n_users=2**17, n_items=2**17, timestamps=[5.0])
    assert data.pair_keys.tolist() == [2**33 + 2**16]
    assert (data.values.dtype, data.timestamps.dtype) == (np.float32, np.int64)


def test_the_constructor_checks():
    with pytest.raises(ValueError, match="items has code 2, but n_items is 2"):
        Interactions([0], [2], [1], n_users=1, n_items=2)
    with pytest.raises(ValueError, match="users must be codes from 0, got -1"):
        Interactions([-1], [1], [1], n_users=1, n_items=2)
    with pytest.raises(ValueError, match="values must be one number for each of the 1 events"):
        dataclasses.replace(Interactions.from_arrays([0], [1]), values=[1, 2])


# ---- Users and items -------------------------------------------------------------------------------------------------

DAY_1 = pd.DataFrame({"user": [1, 1, 2], "item": [10, 11, 10]})


@pytest.mark.parametrize("dtype", ["int32", "uint8", "uint64", "Int64", "int64[pyarrow]", "float64", object, "category"])
def test_integers_of_another_width_leave_the_vocabulary_int64(dtype):
    model = PopularityRecommender().fit(DAY_1)
    model.partial_fit(pd.DataFrame({"user": [3, 3], "item": [10, 12]}).astype(dtype))
    model.partial_fit(pd.DataFrame({"user": [4, 4], "item": [11, 13]}))
    assert model.user_ids_.dtype == model.item_ids_.dtype == np.int64
    assert model.user_ids_.tolist() == [1, 2, 3, 4] and model.item_ids_.tolist() == [10, 11, 12, 13]
    assert model.recommend(pd.Series([3, 4]).astype(dtype), k=1).items.tolist() == [[11], [10]]


def test_ids_of_another_kind_than_the_training_data_are_a_type_error():
    model = EASERecommender().fit(DAY_1)
    as_text = DAY_1.astype({"user": str})
    items_as_text = DAY_1.astype({"item": str})
    calls = {
        "predict": lambda: model.predict(as_text),
        "predict, items": lambda: model.predict(items_as_text),
        "recommend": lambda: model.recommend(["1", "2"]),
        "recommend to new users": lambda: model.recommend(items_as_text),
        "exclude": lambda: model.recommend([1], exclude=["10"]),
        "candidates": lambda: model.recommend([1], candidates=["10"]),
        "candidates of each": lambda: model.recommend([1], candidates={"1": [10]}),
        "similar_items": lambda: model.similar_items(["10"]),
        "recommend_users": lambda: model.recommend_users(["10"]),
        "a ranking scorer": lambda: get_scorer("ndcg@10")(model, as_text),
        "a rating scorer": lambda: get_scorer("neg_rmse")(model, as_text.assign(rating=1.0)),
        "validation": lambda: EASERecommender().fit(DAY_1, validation=as_text),
        "partial_fit": lambda: model.partial_fit(as_text),
        "features": lambda: Interactions.from_frame(DAY_1, item_features=pd.DataFrame({"year": [1, 2]}, index=["10", "11"])),
    }
    for call in calls.values():
        with pytest.raises(TypeError, match=r"must have labels like the known ones, such as '?\d+'?, got '?\d+'?"):
            call()


def test_the_cut_of_a_new_users_history_depends_on_the_values_of_labels_alone():
    rng = np.random.default_rng(0)
    users, items = np.repeat(np.arange(30), 10), 7 * rng.permuted(np.tile(np.arange(40), (30, 1)), axis=1)[:, :10].ravel()
    expected = cut_histories(Interactions.from_frame(pd.DataFrame({"user": users, "item": items})), ordered=False)
    for dtype in ("int32", "uint64", object, "Int64", "category", float):
        table = pd.DataFrame({"user": users, "item": pd.Series(items).astype(dtype)})
        assert np.array_equal(cut_histories(Interactions.from_frame(table), ordered=False), expected), dtype


def test_a_scorer_warns_of_a_test_matrix_with_the_shape_of_the_training_matrix():
    whole = sp.random_array((40, 30), density=0.5, random_state=np.random.default_rng(0)).tocoo()
    is_test = np.arange(whole.nnz) % 2 == 0
    train, test = (sp.csr_array((whole.data[m], (whole.row[m], whole.col[m])), shape=(40, 30)) for m in (~is_test, is_test))
    model, ndcg = EASERecommender().fit(train), get_scorer("ndcg@10")
    with pytest.warns(UserWarning, match=r"matrix of exactly the shape of the training data.*Interactions\.from_csr\(X\)"):
        ndcg(model, test)
    for matrix in (train, test):
        with pytest.warns(UserWarning, match=r"matrix of exactly the shape of the training data.*Interactions\.from_csr"):
            model.recommend(matrix, k=3)
    assert np.isfinite(ndcg(model, Interactions.from_csr(test)))  # of known users
    assert np.isfinite(ndcg(model, train))  # scikit-learn's train score
    assert np.isfinite(ndcg(model, train[:20]))  # of a fold of users


def test_a_labelled_newcomer_without_events_gets_the_popular_items():
    model = PopularityRecommender().fit(DAY_1)
    newcomer = Interactions.from_csr([[0.0, 0]], user_ids=["me"], item_ids=model.item_ids_)
    assert model.recommend(newcomer, k=2).items.tolist() == [[10, 11]]
    both = Interactions.from_csr([[0.0, 0], [1, 0]], user_ids=["me", "you"], item_ids=model.item_ids_)
    answer = model.recommend(both, k=2)
    assert answer.users.tolist() == ["me", "you"] and answer.items.tolist() == [[10, 11], [11, None]]


def test_an_unknown_user_gets_the_popular_items_on_request():
    model = PopularityRecommender().fit(DAY_1)
    with pytest.raises(ValueError, match="users contains labels that the model does not know"):
        model.recommend([2, 99], k=2)
    answer = model.recommend([99, 2, 98], k=2, unknown="popular")
    assert answer.users.tolist() == [99, 2, 98] and answer.items.tolist() == [[10, 11], [11, None], [10, 11]]


def test_unknown_labels_may_be_excluded():
    model = PopularityRecommender().fit(DAY_1)
    assert model.recommend([2], k=2, exclude_seen=False, exclude=[10, 77]).items.tolist() == [[11, None]]


def test_candidates_that_the_model_does_not_know_are_left_out_on_request():
    model = PopularityRecommender().fit(DAY_1)
    with pytest.raises(ValueError, match="candidates contains labels that the model does not know"):
        model.recommend([2], candidates=[11, 77])
    assert model.recommend([2], k=2, candidates=[11, 77], unknown="popular").items.tolist() == [[11, None]]


COLLECTIONS = {
    "set": set,
    "frozenset": frozenset,
    "iterator": iter,
    "generator": lambda labels: (label for label in labels),
    "keys": lambda labels: dict.fromkeys(labels).keys(),
    "values": lambda labels: dict(enumerate(labels)).values(),
    "range": lambda labels: range(labels[0], labels[-1] + 1),
    "Index": pd.Index,
    "Series": lambda labels: pd.Series(labels, index=[5] * len(labels)),
}


@pytest.mark.parametrize("make", COLLECTIONS.values(), ids=COLLECTIONS)
def test_labels_may_come_in_any_collection(make):
    model = PopularityRecommender().fit(DAY_1)
    assert sorted(model.recommend(make([1, 2]), k=1).users) == [1, 2]
    assert model.recommend([2], k=2, exclude_seen=False, exclude=make([10])).items.tolist() == [[11, None]]
    assert model.recommend([2], k=2, exclude_seen=False, candidates=make([10])).items.tolist() == [[10, None]]


def test_each_user_may_have_candidates_of_their_own():
    model = PopularityRecommender().fit(pd.DataFrame({"user": [1, 1, 2, 3], "item": ["a", "b", "a", "c"]}))
    own = {1: ["c", "b"], 2: {"c"}, 99: ["a"]}
    pairs = pd.DataFrame({"user": [1, 1, 2, 99], "item": ["c", "b", "c", "a"], "shown": True})
    for candidates in (own, pairs):
        answer = model.recommend([2, 1, 3], k=2, exclude_seen=False, candidates=candidates)
        assert answer.items.tolist() == [["c", None], ["b", "c"], [None, None]]


def test_datetimes_do_not_follow_unix_seconds_in_one_column():
    seconds = DAY_1.assign(timestamp=[1_600_000_000, 1_600_000_001, 1_600_000_002])
    dates = DAY_1.assign(timestamp=pd.to_datetime(["2021-01-01", "2021-01-02", "2021-01-03"]))
    words = r"timestamps of X are .*microseconds.*, but those of the known events are whole numbers of an unknown unit"
    with pytest.raises(ValueError, match=words):
        PopularityRecommender().fit(seconds).partial_fit(dates)
    with pytest.raises(ValueError, match=r"timestamps of X are whole numbers of an unknown unit, but .* microseconds"):
        PopularityRecommender().fit(dates).partial_fit(seconds)
    assert len(PopularityRecommender().fit(dates).partial_fit(dates).events_) == 6


def test_a_time_that_its_type_does_not_hold_exactly_is_refused():
    with pytest.raises(ValueError, match="whole numbers that int64, or their own type, float32, holds exactly"):
        PopularityRecommender().fit(DAY_1.assign(timestamp=np.array([1.6e9, 1.6e9, 1.6e9], np.float32)))


@pytest.mark.parametrize(
    "model", [EASERecommender(positive_from=4), ALSRecommender(positive_from=4, n_factors=2, random_state=0)], ids=str
)
def test_nothing_is_similar_to_an_item_that_was_only_disliked(model):
    users, items = [0, 0, 1, 1, 2, 2, 3], list("abababz")
    model.fit(pd.DataFrame({"user": users, "item": items, "rating": [5.0] * 6 + [1.0]}))
    assert model.similar_items(["z"], k=3, include_self=True).codes.tolist() == [[-1, -1, -1]]
    assert model.similar_items(["a"], k=3).labels.tolist() == [["b", None, None]]
    assert model.recommend_users(["z"], k=2).codes.tolist() == [[-1, -1]]


def test_items_with_few_users_may_be_left_out_of_similar_ones():
    likes = pd.DataFrame({"user": [0, 0, 0, 1, 1, 2, 2], "item": list("abcabab"), "rating": [5.0, 5, 5, 5, 5, 5, 4]})
    model = EASERecommender(positive_from=4).fit(likes)
    assert model.similar_items(["a"], k=2).labels.tolist() == [["b", "c"]]
    assert model.similar_items(["a"], k=2, min_count=2).labels.tolist() == [["b", None]]
    assert model.similar_items(["c"], k=2, min_count=2).labels.tolist() == [["a", "b"]]


@pytest.mark.parametrize("missing", [np.nan, None, -1, "-1", pd.NA], ids=repr)
def test_a_missing_impression_says_that_an_event_was_in_none(missing):
    table = pd.DataFrame({"user": [0, 0, 1, 1, 0, 1], "item": [0, 1, 0, 1, 2, 2], "rating": [1.0, 0, 0, 1, 1, 1]})
    table["impression"] = pd.Series([7, 7, 8, 8, missing, missing], dtype=object)
    data = Interactions.from_frame(table)
    assert data.impressions.tolist() == [0, 0, 1, 1, -1, -1]
    assert Interactions.from_frame(data.to_frame()).impressions.tolist() == data.impressions.tolist()
    model = NewsRecommender(n_factors=2, max_epochs=1, random_state=0).fit(data)
    assert get_scorer("impression_auc").evaluate(model, data).impressions.tolist() == [0, 1]
    mf = MFRecommender(negatives="slate", n_factors=2, max_epochs=1, random_state=0).fit(data)
    assert np.isfinite(mf.history_.train_loss).all()


@pytest.fixture
def written(tmp_path):
    """Write a text file and say where."""

    def write(text, name="plays.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


# ---- Independence of the machine and of other users ------------------------------------------------------------------


def test_a_user_who_has_everything_is_the_same_alone_and_in_company():
    everything = np.ones((20, 3))
    model = AutoRecRecommender(side="item", batch_size=8, random_state=0).fit(everything)
    together = model.predict(everything)
    alone = np.vstack([model.predict(everything[[row]]) for row in range(20)])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-7)
    # the prior is what trained users are like, and nothing else is known: all answers are one
    np.testing.assert_allclose(together, together[[0]].repeat(20, 0), rtol=1e-5, atol=1e-7)


def test_fold_in_ends_where_the_gradient_vanishes():
    rng = np.random.default_rng(0)
    likes = (rng.random((40, 30)) < 0.3).astype(np.float32)
    model = MFRecommender(n_factors=8, max_epochs=20, solver="gradient", random_state=0).fit(likes)
    vectors = model.transform(likes).astype(float)
    mean, root = model.prior_.mean.double().numpy(), model.prior_.root.double().numpy()
    scores = vectors @ model.item_embeddings_.T.astype(float) + model.item_biases_
    chances = np.exp(scores - scores.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    slopes = (likes.sum(1, keepdims=True) * chances - likes) @ model.item_embeddings_
    strengths = likes.sum(1, keepdims=True) ** model.prior_.exponent
    whitened = strengths * np.linalg.solve(root, (vectors - mean).T).T
    assert np.abs(slopes @ root + whitened).max() < 1e-3 * np.abs(whitened).max()


# ---- What a process shares -------------------------------------------------------------------------------------------


def test_a_pickle_or_a_copy_leaves_a_model_on_its_device():
    trained = small_model().fit(likes())
    trained.device_ = "cuda:0"  # what a fit on a GPU leaves; the weights do not tell
    before = dict(vars(trained))
    unpickled, copied = pickle.loads(pickle.dumps(trained)), copy.copy(trained)
    assert vars(trained) == before
    assert unpickled.device_ == "cpu"
    assert copied.device_ == "cuda:0" and copied.module_ is trained.module_


def test_overlapping_als_fits_leave_the_threads_of_blas_as_they_were():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with threadpool_limits(2, "blas"):
        before = threads()
        with ThreadPoolExecutor(2) as pool:
            fits = [ALSRecommender(n_factors=4, n_jobs=1, max_epochs=n) for n in (50, 100)]
            list(pool.map(lambda estimator: estimator.fit(two_camps()), fits))
        assert threads() == before


def test_overlapping_slim_fits_leave_convergence_warnings_on():
    class Slow(SLIMRecommender):
        def _weights_of(self, item, rows, columns):
            time.sleep(0.05)
            return super()._weights_of(item, rows, columns)

    before = list(warnings.filters)
    with ThreadPoolExecutor(2) as pool:  # the one that begins first ends first
        fits = [pool.submit(Slow(n_jobs=1).fit, two_camps(n)) for n in (3, 6)]
    assert all(fit.result() for fit in fits)
    assert warnings.filters == before


def test_a_network_is_fitted_in_a_slurm_job_of_several_tasks(monkeypatch):
    job = {"NTASKS": "4", "JOB_NAME": "job.sh", "PROCID": "0", "LOCALID": "0", "NODEID": "0", "JOB_ID": "1"}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert len(small_model().fit(likes()).history_) == 3


# ---- Machines, files and checkpoints ---------------------------------------------------------------------------------

ZEROS = gzip.compress(bytes(1_000_000))  # a thousandth of its content


def test_a_gzip_file_of_one_megabyte_that_unpacks_to_a_gigabyte_is_refused(tmp_path):
    (tmp_path / "reviews.json.gz").write_bytes(ZEROS * 1000)
    with pytest.raises(ValueError, match=r"^reviews\.json\.gz has \d+ bytes and unpacks to more than \d+, the limit; a larger"):
        load_amazon(tmp_path / "reviews.json.gz")


def test_a_gzipped_table_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path):
    (tmp_path / "plays.csv.gz").write_bytes(gzip.compress(b"user,item\n" + b"ann,x\n" * 12_000_000))
    with pytest.raises(
        ValueError, match=r"^plays\.csv\.gz has \d+ bytes and unpacks to more than 67108864, the limit; a larger"
    ):
        Interactions.from_csv(tmp_path / "plays.csv.gz")


def test_what_a_gzip_file_may_unpack_to_can_be_said(tmp_path):
    (tmp_path / "plays.csv.gz").write_bytes(gzip.compress(b"user,item\n" + b"ann,x\n" * 100))
    with pytest.raises(ValueError, match="unpacks to more than 500, the limit; a larger max_bytes allows it"):
        Interactions.from_csv(tmp_path / "plays.csv.gz", max_bytes=500)
    assert len(Interactions.from_csv(tmp_path / "plays.csv.gz", max_bytes=1000)) == 100


@pytest.fixture
def split(tmp_path):
    """The test files of a leave-one-out split, whose training file is an archive yet to be written."""
    (tmp_path / "ml-1m.test.rating").write_text("0\t3\t4\t978824351\n")
    (tmp_path / "ml-1m.test.negative").write_text("(0,3)\t1\t4\n")
    return tmp_path


def npy(shape: int) -> bytes:
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({shape},), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)


def archive_of(shape: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("user", "item", "time_rank"):
            archive.writestr(f"{name}.npy", npy(shape))
    return buffer.getvalue()


def test_an_archive_of_arrays_that_unpacks_to_far_more_than_its_size_is_refused(split):
    zeros = np.zeros(4_000_000, np.int64)
    np.savez_compressed(split / "train_pairs.npz", user=zeros, item=zeros, time_rank=zeros)
    with pytest.raises(
        ValueError, match=r"^train_pairs\.npz has \d+ bytes and unpacks to more than 67108864, the limit; a larger"
    ):
        load_ncf(split)
    assert len(load_ncf(split, max_bytes=10**8).train) == 4_000_000


def test_an_array_that_claims_more_numbers_than_it_has_is_refused(split):
    (split / "train_pairs.npz").write_bytes(archive_of(10**13))
    with pytest.raises(ValueError, match=r"^train_pairs\.npz, array 'user': the header declares 10000000000000 values"):
        load_ncf(split)


def test_an_encrypted_archive_is_refused_by_name(split):
    content = archive_of(1)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start, *members = content.split(mark)
        content = start + b"".join(mark + member[: place - 4] + b"\x01" + member[place - 3 :] for member in members)
    (split / "train_pairs.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"train_pairs\.npz is not a valid zip archive: .* is encrypted"):
        load_ncf(split)


@pytest.mark.parametrize("damage", [lambda sound: sound[:-10], lambda sound: sound[:-8] + b"wxyz" + sound[-4:]])
def test_a_gzip_file_that_is_broken_off_or_has_another_checksum_is_refused_by_name(tmp_path, damage):
    (tmp_path / "plays.csv.gz").write_bytes(damage(gzip.compress(b"user,item\nann,x\nbob,y\n")))
    with pytest.raises(ValueError, match=r"^plays\.csv\.gz cannot be unpacked: "):
        Interactions.from_csv(tmp_path / "plays.csv.gz")


@pytest.mark.parametrize("line", [f"1 {2**64}", f"{2**64} 1"])
def test_a_number_beyond_int64_is_refused_by_file_and_line(tmp_path, line):
    (tmp_path / "train.txt").write_text(f"0 1\n{line}\n")
    (tmp_path / "test.txt").write_text("0 2\n")
    with pytest.raises(ValueError, match=r"^train\.txt, line 2: expected a user and items"):
        load_lightgcn(tmp_path)


@pytest.fixture
def two_threads():
    """Torch has worked with two threads, and would do so again."""
    with threadpool_limits(2):
        torch.ones(1_000_000).exp()
        yield


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    "estimator", [small_model(), ALSRecommender(n_factors=2, n_jobs=2), EASERecommender()], ids=["MF", "ALS", "EASE"]
)
def test_a_forked_child_fits_and_recommends_after_work_in_two_threads(estimator):
    def answers():
        torch.ones(1_000_000).exp()
        return estimator.recommend(k=1).items.tolist(), estimator.fit(two_camps()).recommend(k=1).items.tolist()

    estimator.fit(two_camps())
    assert in_a_fork(answers) == answers()


@pytest.mark.usefixtures("two_threads")
def test_a_search_under_multiprocessing_ends_after_work_in_two_threads():
    small_model().fit(two_camps())
    search = GridSearchCV(small_model(max_epochs=1), {"n_factors": [1, 2]}, cv=KFold(3, shuffle=True, random_state=0))
    with parallel_config("multiprocessing", n_jobs=2):
        assert in_a_fork(lambda: search.fit(two_camps()).cv_results_["mean_test_score"].shape, seconds=100) == (2,)


def test_sigterm_in_a_fit_ends_the_process_by_that_signal():
    code = """
import signal
from small_models import likes, model

def loss(scores, target, mask=None, log_q=None):
    signal.raise_signal(signal.SIGTERM)
    return scores.mean()

try:
    model(loss=loss, max_epochs=1000).fit(likes())
finally:
    print("went on")
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGTERM, "", "")


def test_no_thread_is_left_by_als():
    code = """
import threading
from skrec import ALSRecommender
from small_models import two_camps

ALSRecommender(n_factors=2, max_epochs=2).fit(two_camps())
print(threading.active_count())
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=100)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def checkpoints(folder):
    return sorted(folder.rglob("epoch=*.ckpt"))


def stop_after_two_epochs(estimator, monkeypatch):
    """Fit until Ctrl-C before the third checkpoint."""
    take_in = _history.TrainingHistory.__call__

    def then_stop(recorder, row, device):
        if row["epoch"] == 2:
            raise KeyboardInterrupt
        return take_in(recorder, row, device)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_history.TrainingHistory, "__call__", then_stop)
        estimator.fit(likes())


def test_two_fits_with_one_checkpoint_folder_both_end_right(tmp_path, monkeypatch):
    """The second begins and ends after the first has found the checkpoint that it goes on from."""
    expected, make, others = weights_of(small_model(max_epochs=5).fit(likes())), MFRecommender._new_network, []

    def fit_another(estimator, *given):
        if not others:
            others.append(small_model(checkpoint_dir=tmp_path, max_epochs=5))
            others[0].fit(likes())
        return make(estimator, *given)

    stop_after_two_epochs(small_model(checkpoint_dir=tmp_path, max_epochs=5), monkeypatch)
    monkeypatch.setattr(MFRecommender, "_new_network", fit_another)
    fitted = small_model(checkpoint_dir=tmp_path, max_epochs=5).fit(likes())
    assert same(weights_of(fitted), expected) and same(weights_of(others[0]), expected)


def test_what_a_killed_fit_leaves_behind_goes_at_the_next_fit(tmp_path, monkeypatch):
    stop_after_two_epochs(small_model(checkpoint_dir=tmp_path), monkeypatch)
    leftover = checkpoints(tmp_path)[0].with_name(".unfinished-0a1b2c3d")
    leftover.write_bytes(b"half of a checkpoint")
    small_model(checkpoint_dir=tmp_path).fit(likes())
    assert not leftover.exists()


def test_a_full_disk_at_a_checkpoint_is_an_os_error_with_the_path(tmp_path, monkeypatch):
    stop_after_two_epochs(small_model(checkpoint_dir=tmp_path), monkeypatch)
    before = {path: path.read_bytes() for path in checkpoints(tmp_path)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match=r"epoch=2\.ckpt") as caught:
            small_model(checkpoint_dir=tmp_path).fit(likes())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno is not None
    assert {path: path.read_bytes() for path in checkpoints(tmp_path)} == before


@pytest.mark.parametrize("part", [0.01, 0.3, 0.5, 0.7])
def test_a_flipped_bit_in_a_checkpoint_changes_no_weight(tmp_path, monkeypatch, part):
    stop_after_two_epochs(small_model(checkpoint_dir=tmp_path), monkeypatch)
    newest = checkpoints(tmp_path)[-1]
    damaged = bytearray(newest.read_bytes())
    damaged[int(part * len(damaged))] ^= 4
    newest.write_bytes(damaged)
    with pytest.warns(UserWarning, match=r"epoch=1\.ckpt cannot be read and is left out"):
        fitted = small_model(checkpoint_dir=tmp_path).fit(likes())
    assert same(weights_of(fitted), weights_of(small_model().fit(likes())))


def test_a_pipe_in_the_place_of_a_checkpoint_is_passed_over(tmp_path, monkeypatch):
    stop_after_two_epochs(small_model(checkpoint_dir=tmp_path), monkeypatch)
    newest = checkpoints(tmp_path)[-1]
    newest.unlink()
    os.mkfifo(newest)
    with pytest.warns(UserWarning, match="not a regular file"):
        fitted = small_model(checkpoint_dir=tmp_path).fit(likes())
    assert same(weights_of(fitted), weights_of(small_model().fit(likes())))


def test_an_empty_checkpoint_dir_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="checkpoint_dir must be a path, not empty"):
        small_model(checkpoint_dir="").fit(likes())
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_dir_that_cannot_be_written_to_is_found_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(_history.TrainingHistory, "__call__", lambda *_: pytest.fail("an epoch was trained first"))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="checkpoint_dir cannot be written to"):
        small_model(checkpoint_dir=tmp_path / "file" / "checkpoints").fit(likes())


def test_divergence_in_the_last_step_names_epoch_and_rate():
    with pytest.raises(ValueError, match=r"diverged in epoch 0.*lower learning_rate \(it is 1e\+30\)"):
        small_model(loss="mse", learning_rate=1e30, optimizer="sgd", max_epochs=1, batch_size=50).fit(ratings())


def test_factors_of_implicit_that_are_no_numbers_are_an_error_in_words():
    with pytest.raises(ValueError, match=r"diverged within 15 epochs.*scale the ratings down \(the largest is 1e\+30\)"):
        ALSRecommender(n_factors=4, alpha=1, random_state=0).fit(likes().with_values(np.linspace(1, 1e30, 50)))
    with pytest.raises(ValueError, match=r"diverged within 100 epochs.*lower learning_rate \(it is 1e\+30\)"):
        BPRRecommender(n_factors=4, learning_rate=1e30, max_epochs=100, random_state=0).fit(likes())


def test_ratings_of_1e30_are_told_to_be_scaled_down():
    with pytest.raises(ValueError, match=r"epoch 0.*scale the ratings down \(the largest is 1e\+30\)") as caught:
        small_model(loss="mse").fit(likes().with_values(np.linspace(0, 1e30, 50)))
    assert "learning_rate" not in str(caught.value)


def test_weights_of_1e38_make_no_infinite_popularity():
    events = Interactions.from_arrays([0, 1, 2, 3], [0, 0, 0, 0], weights=np.full(4, 1e38))
    with pytest.raises(ValueError, match=r"scale the weights down \(the largest is 1e\+38\)"):
        PopularityRecommender().fit(events)


def test_weights_of_1e38_make_finite_probabilities_in_the_markov_chain():
    walks = Interactions.from_arrays([0, 0, 1, 1, 2, 2, 3, 3, 4], [0, 1, 0, 1, 0, 1, 0, 1, 0], weights=np.full(9, 1e38))
    scores = MarkovRecommender().fit(walks).recommend([4], k=2, exclude_seen=False).scores
    assert np.isfinite(scores).all() and scores.max() <= 1


# ---- Warnings, and measuring -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["10m", "20m", "25m", "32m"])
def test_the_large_releases_of_movielens_are_read_by_the_same_call(small_releases, empty_cache, name):
    empty_cache.mkdir()
    (empty_cache / f"ml-{name}.zip").write_bytes(small_releases[name])
    films = fetch_movielens(name, download=False)
    assert films.frame["rating"].tolist() == [4.5, 2.5, 0.5, 4, 2]
    assert films.items["genres"].iloc[0] == ("Action",) and films.name == f"ml-{name}"


def test_amazon_reviews_of_2018_are_read_with_and_without_their_texts(tmp_path):
    review = {
        "reviewerID": "A1V6B6TNIC10QE",
        "asin": "0143026860",
        "overall": 4.0,
        "verified": True,
        "unixReviewTime": 1424304000,
    }
    (tmp_path / "Books.json.gz").write_bytes(gzip.compress(json.dumps(review).encode() + b"\n"))
    (tmp_path / "Books.csv").write_text("0143026860,A1V6B6TNIC10QE,4.0,1424304000\n")  # the item comes first
    for name in ("Books.json.gz", "Books.csv"):
        events = load_amazon(tmp_path / name).interactions.to_frame()
        assert events.to_numpy().tolist() == [["A1V6B6TNIC10QE", "0143026860", 4.0, pd.Timestamp(1424304000, unit="s")]]


def test_amazon_reviews_of_2023_are_read_with_and_without_their_texts(tmp_path):
    review = {
        "user_id": "AGKASBHYZPGT",
        "asin": "B006GBITXD",
        "parent_asin": "B006GBITXC",
        "rating": 3.0,
        "timestamp": 1452647382000,
    }
    (tmp_path / "Toys.jsonl.gz").write_bytes(gzip.compress(json.dumps(review | {"title": "fine", "text": "so so"}).encode()))
    (tmp_path / "Toys.csv").write_text("user_id,parent_asin,rating,timestamp\nAGKASBHYZPGT,B006GBITXC,3.0,1452647382000\n")
    for name in ("Toys.jsonl.gz", "Toys.csv"):
        events = load_amazon(tmp_path / name).interactions.to_frame()
        assert events.to_numpy().tolist() == [["AGKASBHYZPGT", "B006GBITXC", 3.0, pd.Timestamp(1452647382000, unit="ms")]]


def ones(shape=(12, 8), seed=0):
    """A matrix half of whose entries are 1."""
    return sp.csr_array((np.random.default_rng(seed).random(shape) < 0.5).astype(np.float32))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_negatives", 4),
        ("positive_from", 0.5),
        ("lr_schedule__cycle_mult", 2),
    ],
)
def test_a_parameter_without_effect_is_warned_about(name, value):
    with pytest.warns(UserWarning, match=f"{name}={value!r} has no effect on this fit of MFRecommender: it needs"):
        model = MFRecommender(max_epochs=1, lr_schedule=CosineRestarts(), random_state=0)
        if name == "positive_from":
            model.set_params(loss="mse")
        model.set_params(**{name: value}).fit(ones())


def test_a_fraction_of_validation_data_is_not_used_beside_validation_data():
    model = MFRecommender(early_stopping=EarlyStopping("valid_loss", validation_fraction=0.2), max_epochs=1, random_state=0)
    words = r"early_stopping__validation_fraction=0\.2 has no effect .* it needs fit without validation data"
    with pytest.warns(UserWarning, match=words):
        model.fit(ones(), validation=Interactions.from_csr(ones(seed=1)))


def test_a_penalty_of_vectors_that_a_model_of_text_does_not_have_is_warned_about():
    data = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 1, 2], timestamps=[0, 1, 2, 3], item_features=np.eye(3))
    with pytest.warns(UserWarning, match=r"regularization=0\.5 has no effect .*: it needs .*id_embeddings=True"):
        NewsRecommender(max_epochs=1, regularization=0.5, random_state=0).fit(data)


def test_models_of_rankings_have_no_range_of_ratings():
    models = (LightGCNRecommender, MultVAERecommender, SASRecRecommender, GRU4RecRecommender, CaserRecommender, NewsRecommender)
    for model in models:
        with pytest.raises(TypeError, match="y_range"):
            model(y_range=(0, 5))


def test_models_of_whole_rows_have_no_negatives():
    for model in (AutoRecRecommender, MultVAERecommender):
        assert not {"negatives", "n_negatives"} & set(model().get_params())


def test_early_stopping_ranks_items_all_of_whose_positive_events_were_held_out():
    rng = np.random.default_rng(0)
    users = np.r_[rng.integers(40, size=300), np.arange(12)]
    items = np.r_[rng.integers(10, size=300), np.arange(10, 22)]  # twelve items have one event each
    data = Interactions.from_arrays(users, items)
    model = MFRecommender(
        early_stopping=EarlyStopping("valid_loss", validation_fraction=0.3), max_epochs=2, random_state=0
    ).fit(data)
    np.testing.assert_array_equal(model.item_counts_, MFRecommender(max_epochs=1, random_state=0).fit(data).item_counts_)
    assert np.isfinite(model.recommend(k=22, exclude_seen=False).scores).all()


def test_validation_data_do_not_choose_the_epoch_unasked():
    train, held_out = ones(seed=0), Interactions.from_csr(ones(seed=1))
    model = MFRecommender(max_epochs=8, learning_rate=0.5, random_state=0).fit(train, validation=held_out)
    assert model.history_.valid_loss.argmin() < 7
    assert model.best_epoch_ == 7
    np.testing.assert_array_equal(
        model.item_embeddings_, MFRecommender(max_epochs=8, learning_rate=0.5, random_state=0).fit(train).item_embeddings_
    )


def test_a_positive_event_that_early_stopping_holds_out_is_not_said_to_be_missing():
    for seed in range(6):
        data = Interactions.from_arrays([0, 1, 2], [0, 1, 2], [5, 1, 1])
        stopping = EarlyStopping("valid_loss", validation_fraction=0.5)
        model = MFRecommender(early_stopping=stopping, positive_from=4, random_state=seed)
        with pytest.raises(ValueError) as caught:
            model.fit(data)
        assert "largest value" not in str(caught.value)
        assert "needs positive events both for training and for validation" in str(caught.value)


@pytest.mark.filterwarnings("ignore:n_negatives")
@pytest.mark.parametrize("model", [SASRecRecommender, GRU4RecRecommender, CaserRecommender, MarkovRecommender, NewsRecommender])
def test_the_columns_of_a_matrix_are_not_taken_for_time_in_silence(model):
    settings = {"max_epochs": 1, "random_state": 0} if "max_epochs" in model().get_params() else {}
    for X in (ones(), ones().toarray()):
        with pytest.warns(UserWarning, match=f"X is a matrix: {model.__name__} learns from events in order of time") as said:
            model(**settings).fit(X)
        assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="X has no timestamps and lists the items of each user by their code"):
        model(**settings).fit(Interactions.from_csr(ones()))
    timed = Interactions.from_arrays(*np.array(ones().nonzero())[:, ::-1], timestamps=np.arange(ones().nnz), n_items=8)
    fitted = model(**settings).fit(timed)
    fitted.recommend([0, 1], k=1)  # ids, in silence
    with pytest.warns(UserWarning, match="users is a matrix"):
        fitted.recommend(ones()[:2], k=1)
    with pytest.warns(UserWarning, match="X is a matrix"):
        fitted.predict(ones()[:2])


def test_a_generator_is_a_random_state_of_models_too():
    models = (ALSRecommender(n_jobs=1), MFRecommender(max_epochs=1))
    for model in models:
        first, same, other = (
            type(model)(**model.get_params() | {"random_state": np.random.default_rng(seed)}).fit(ones()) for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first.item_embeddings_, same.item_embeddings_)
        assert (first.item_embeddings_ != other.item_embeddings_).any()
        before = first.item_embeddings_
        assert (first.fit(ones()).item_embeddings_ != before).any()  # the generator has moved on


def random_events(n_users=40, n_items=25, n=600, seed=0):
    """A table of distinct (user, item) pairs with ratings from 1 to 5."""
    rng = np.random.default_rng(seed)
    events = {"user": rng.integers(0, n_users, n), "item": rng.integers(0, n_items, n), "rating": rng.integers(1, 6, n)}
    return pd.DataFrame(events).drop_duplicates(["user", "item"])


def unseen_item(events, user):
    return min(set(events["item"]) - set(events["item"][events["user"] == user]))


def test_a_test_set_of_mostly_repeats_is_scored_with_a_warning():
    train = random_events()
    new = pd.DataFrame([(user, unseen_item(train, user), 5) for user in range(10)], columns=["user", "item", "rating"])
    test = pd.concat([train[:90], new])
    model, scorer = PopularityRecommender(positive_from=1).fit(train), get_scorer("ndcg@10", positive_from=1)
    with pytest.warns(UserWarning, match="90% of the relevant events in X repeat pairs"):
        evaluation = scorer.evaluate(model, test)
    assert evaluation.share_of_repeats == 0.9
    assert "90.0% of the relevant events repeat pairs" in str(evaluation)
    assert "90.0% of the relevant events that repeat such pairs" in evaluation.protocol


def test_a_test_set_of_nothing_but_repeats_is_not_taken_for_new_items_in_silence():
    train = random_events()
    model, scorer = PopularityRecommender(positive_from=1).fit(train), get_scorer("ndcg@10", positive_from=1)
    with pytest.warns(UserWarning, match="all events in X repeat training pairs"):
        evaluation = scorer.evaluate(model, train[:100])
    assert evaluation.share_of_repeats == 1
    assert "all events in X repeat training pairs" in evaluation.protocol
    assert scorer.evaluate(model, train).share_of_repeats == 1  # the training data itself, without a warning


@pytest.mark.parametrize(
    ("values", "are_ratings"),
    [(np.tile(np.arange(1, 11), 20), True), (np.repeat([1, 2, 3], [140, 40, 20]), False)],
    ids=["ratings from 1 to 10", "play counts"],
)
def test_ratings_from_1_to_10_are_warned_about_and_play_counts_are_not(values, are_ratings):
    events = Interactions.from_arrays(np.arange(200) % 20, np.arange(200) // 20, values)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        PopularityRecommender().fit(events)
        EASERecommender().fit(events)
    assert ["look like ratings" in str(warning.message) for warning in said] == [True] * 2 * are_ratings


def test_a_scorer_that_was_not_told_the_threshold_of_the_model_says_so():
    events = random_events()
    model = PopularityRecommender(positive_from=3).fit(events[:400])
    with pytest.warns(UserWarning, match="has positive_from=3. Pass positive_from=3 or another threshold to the scorer"):
        get_scorer("ndcg@10")(model, events[400:])


def test_ndcg_counts_grades_as_gains():
    grades = np.array([[5.0, 0.0, 3.0, 1.0]])
    ranking = [[2, 1, 0]]
    gained = 3 / np.log2(2) + 5 / np.log2(4)
    best = 5 / np.log2(2) + 3 / np.log2(3) + 1 / np.log2(4)
    np.testing.assert_allclose(ndcg(ranking, grades, k=3), [gained / best], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="relevant must hold 0 and 1"):
        recall(ranking, grades, k=3)


def test_scores_of_pairs_cost_no_more_than_the_pairs():
    n, rng = 20_000, np.random.default_rng(0)
    events = Interactions.from_arrays(rng.integers(0, n, 40_000), rng.integers(0, n, 40_000), n_users=n, n_items=n)
    pairs = Interactions.from_arrays(rng.integers(0, n, 3000), rng.integers(0, n, 3000), n_users=n, n_items=n)
    for model in (ALSRecommender(n_factors=64, max_epochs=1, n_jobs=1, random_state=0), ItemKNNRecommender()):
        model.fit(events)
        start = process_time()
        model.predict(pairs)
        assert process_time() - start < 0.1  # 3,000 x 20,000 scores take three times as long


def test_a_pipeline_that_ends_in_a_recommender_is_scored_and_searched():
    events, folds = random_events(), KFold(3, shuffle=True, random_state=0)
    scorer = get_scorer("ndcg@5", positive_from=4)
    pipeline = make_pipeline(FunctionTransformer(lambda X: X), EASERecommender(positive_from=4))
    alone = cross_val_score(EASERecommender(positive_from=4), events, scoring=scorer, cv=folds)
    np.testing.assert_array_equal(cross_val_score(pipeline, events, scoring=scorer, cv=folds), alone)
    grid = {"easerecommender__regularization": [1e9, 1.0]}
    scores = GridSearchCV(pipeline, grid, scoring=scorer, cv=folds).fit(events).cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and scores[0] != scores[1]


def test_an_impression_of_two_users_is_named_as_in_the_table():
    shown = pd.DataFrame(
        {"user": [1, 1, 2, 3], "item": [1, 2, 3, 1], "rating": [0, 1, 0, 1], "impression": ["m", "m", "w", "w"]}
    )
    model = PopularityRecommender().fit(shown)
    for labels in (["m", "m", "w", "w"], [70, 70, 12, 12]):
        with pytest.raises(ValueError, match=f"but {labels[-1]!r} has events of several users"):
            get_scorer("impression_auc")(model, shown.assign(impression=labels))


def test_predict_of_a_table_does_not_read_its_ratings():
    events = random_events()
    model = PopularityRecommender(positive_from=4).fit(events)
    unknown = events.assign(rating=np.nan, weight="none", timestamp=pd.NaT)
    np.testing.assert_array_equal(model.predict(unknown), model.predict(events))


def test_a_warning_of_a_scorer_points_at_the_line_of_the_user():
    events = random_events()
    model, newcomers = PopularityRecommender(positive_from=0).fit(events), [(user, 1) for user in range(90, 99)]
    few = pd.DataFrame([*newcomers, (1, unseen_item(events, 1))], columns=["user", "item"])
    scorer = get_scorer("ndcg@10", positive_from=0)
    for call in (
        lambda: scorer(model, few),
        lambda: scorer.evaluate(model, few),
        lambda: model.score(few),
    ):
        with pytest.warns(UserWarning, match="could be scored") as said:
            call()
        assert {warning.filename for warning in said} == {__file__}


def test_events_are_split_at_a_date():
    days = pd.date_range("2026-01-01", periods=10)
    events = pd.DataFrame({"user": 1, "item": range(10), "timestamp": days})
    [(train, test)] = TemporalSplit(at="2026-01-08").split(events)
    assert (train.tolist(), test.tolist()) == ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])
    rolling = TemporalSplit(at=["2026-01-04", "2026-01-07"], train_window="2D", test_window="2D")
    parts = [(train.tolist(), test.tolist()) for train, test in rolling.split(events)]
    assert parts == [([1, 2], [3, 4]), ([4, 5], [6, 7])]
    with pytest.raises(ValueError, match="no events to test on from 2027-01-01T00:00:00"):
        next(TemporalSplit(at="2027-01-01").split(events))


# ---- Rows of input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["", "-1", "-1.0", "NaN", "nan", "None", "null", "NULL", "NA"])
@pytest.mark.parametrize("numbers", [("7", "8"), ("a", "b")])
def test_a_missing_impression_in_a_text_file_is_no_impression(tmp_path, word, numbers):
    first, second = numbers
    path = tmp_path / "shown.csv"
    path.write_text(
        f"user,item,rating,impression\nNaN,1,1,{first}\nNaN,2,0,{first}\nnull,1,1,{word}\nNaN,None,0,{word}\nnull,2,1,{second}\n"
    )
    for labels in ("auto", "text"):
        data = Interactions.from_csv(path, labels=labels)
        assert data.impressions.tolist() == [0, 0, -1, -1, 1]
        assert data.to_frame()["user"].tolist() == ["NaN", "NaN", "null", "NaN", "null"]  # labels are text as written
        assert data.to_frame()["item"].tolist() == ["1", "2", "1", "None", "2"]


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist])
def test_rows_of_plays_with_repeated_pairs_are_no_matrix(kind):
    rng = np.random.default_rng(0)
    plays = np.c_[rng.integers(0, 50, 500), rng.integers(0, 30, 500), rng.geometric(0.05, 500)]
    assert len(np.unique(plays[:, :2], axis=0)) < len(plays)
    for table in (plays, plays[np.argsort(plays[:, 0])], plays.astype(float), plays[:, [1, 0, 2]]):
        with pytest.raises(ValueError, match=r"looks like \(user, item, rating\) rows\. Pass a DataFrame"):
            PopularityRecommender().fit(kind(table))


def test_the_time_among_others_that_is_none_is_named_with_its_position():
    times = [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02"), "yesterday"]
    events = pd.DataFrame({"user": [1, 2, 3], "item": [1, 1, 2], "timestamp": pd.Series(times, dtype=object)})
    with pytest.raises(ValueError, match=r"column 'timestamp' of X must be .*, got 'yesterday' at position 2"):
        PopularityRecommender().fit(events)


@pytest.mark.parametrize("library", ["default", "pandas", "polars"])
def test_a_pipeline_whose_output_is_set_may_end_in_a_model_with_embeddings(library):
    events = random_events()
    model = ALSRecommender(n_factors=4, positive_from=1, n_jobs=1, random_state=0)
    plain = clone(model).fit(events)
    as_frame = FunctionTransformer(pl.from_pandas if library == "polars" else pd.DataFrame)
    pipeline = make_pipeline(as_frame, model).set_output(transform=library).fit(events)
    np.testing.assert_array_equal(pipeline.predict(events), plain.predict(events))
    vectors, n_users = pipeline.transform(events), events["user"].nunique()
    np.testing.assert_array_equal(np.asarray(vectors), plain.transform(events))
    if library != "default":
        assert list(vectors.columns) == [f"alsrecommender{n}" for n in range(4)]
    if library == "pandas":  # a row for each user, not for each event
        assert vectors.index.tolist() == sorted(events["user"].unique()) and len(vectors) == n_users


def test_popularity_holds_sums_that_float32_does_not():
    weights = [2.0**24, 1.0, 1.0, 1.0]
    data = Interactions.from_arrays([0, 1, 2, 3], [0, 0, 0, 1], weights=weights)
    assert PopularityRecommender().fit(data).popularity_.tolist() == [2.0**24 + 2, 1]
    assert EASERecommender(positive_from=1).fit(random_events()).popularity_.dtype == np.float64


def test_groups_of_minibatches_have_no_effect_where_there_is_one():
    with pytest.warns(
        UserWarning, match=r"\['accumulate_grad_batches'\]=2 has no effect .* more than one minibatch in an epoch"
    ):
        MFRecommender(max_epochs=1, batch_size=1000, trainer={"accumulate_grad_batches": 2}, random_state=0).fit(ones())
    MFRecommender(max_epochs=1, batch_size=10, trainer={"accumulate_grad_batches": 2}, random_state=0).fit(ones())


@pytest.mark.filterwarnings("ignore:n_negatives")
@pytest.mark.parametrize("model", [SASRecRecommender, GRU4RecRecommender, CaserRecommender, MarkovRecommender])
def test_scorers_warn_of_columns_that_are_taken_for_time(model):
    settings = {"max_epochs": 1, "random_state": 0} if "max_epochs" in model().get_params() else {}
    timed = Interactions.from_arrays(*np.array(ones().nonzero()), timestamps=np.arange(ones().nnz), n_items=8)
    fitted, scorer = model(**settings).fit(timed), get_scorer("ndcg@3")
    newcomers = ones((20, 8), seed=1)
    users, items = newcomers.nonzero()
    untimed = Interactions.from_arrays(100 + users, items, n_items=8)
    for X, words in (
        (newcomers, "X is a matrix"),
        (newcomers.toarray(), "X is a matrix"),
        (untimed, "X has no timestamps and lists the items of each user by their code"),
    ):
        for call in (scorer, scorer.evaluate, lambda estimator, X: estimator.score(X)):
            with pytest.warns(UserWarning, match=f"{words}: {model.__name__} learns from events in order of time") as said:
                call(fitted, X)
            assert ["in order of time" in str(warning.message) for warning in said].count(True) == 1
            assert said[0].filename == __file__
    scorer(fitted, dataclasses.replace(untimed, timestamps=np.arange(len(untimed))))  # with times, in silence
    scorer(fitted, Interactions.from_arrays(*np.divmod(np.arange(96), 8)))  # users of the training data, likewise
