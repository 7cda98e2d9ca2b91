"""Graphs of ONNX recommend as the estimators do."""

import json
import logging
import subprocess
import sys
import threading
from importlib.util import find_spec

import numpy as np
import onnx
import pytest
from onnx_graphs import (
    MODELS,
    N_ITEMS,
    N_USERS,
    TRACED,
    WITHOUT_POSITIVES,
    WITHOUT_USERS,
    answer,
    answer_to_users,
    as_interactions,
    assert_same,
    events,
    fitted,
    histories,
    padded,
    session,
)
from sklearn.exceptions import NotFittedError

from skrec import ALSRecommender, EASERecommender, MFRecommender, PopularityRecommender, RandomRecommender
from skrec.models import all_estimators

pytestmark = pytest.mark.usefixtures("one_thread")

BATCHES = (1, 2, 7, 64)  # networks are traced with three users


@pytest.fixture
def graph_of(tmp_path):
    """A function that writes the graph of a model and opens it."""

    def write(model, **options):
        path = tmp_path / "model.onnx"
        model.to_onnx(path, **options)
        onnx.checker.check_model(str(path), full_check=True)
        return session(path)

    return write


def reads_values(graph):
    return "values" in {part.name for part in graph.get_inputs()}


def test_all_estimators_are_tested():
    names = {f"{name.partition(' ')[0]}Recommender" for name in MODELS}
    assert {estimator.__name__ for estimator in all_estimators()} - names == {"RandomRecommender"}


@pytest.mark.parametrize("name", MODELS)
def test_known_users_get_the_same_lists(name, graph_of):
    model = fitted(name)
    graph = graph_of(model, k=7)
    for n in BATCHES:
        users = np.random.default_rng(n).integers(0, N_USERS, n)
        users[-1] = WITHOUT_POSITIVES
        assert_same(answer_to_users(graph, users), model.recommend(users, k=7))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in TRACED else name for name in MODELS],
)
def test_new_users_get_the_same_lists(name, graph_of):
    model = fitted(name)
    assert_same_lists_of_new_users(graph_of(model, inputs="history", k=7), model)


def assert_same_lists_of_new_users(graph, model):
    for n in BATCHES:
        rows, values = histories(n, seed=n, least=1 if reads_values(graph) else 3)
        assert_same(answer(graph, rows, values), model.recommend(as_interactions(rows, values), k=7))


def test_unknown_users_and_users_without_events_get_popular_items(graph_of):
    model = fitted("MF")
    expected = model.recommend(["nobody"] if model.user_ids_ is not None else [N_USERS], k=5, unknown="popular")
    assert_same(answer_to_users(graph_of(model, k=5), [-1]), expected)
    items, scores = answer(graph_of(model, inputs="history", k=5), [[], [4]])
    assert_same((items[:1], scores[:1]), expected)


@pytest.mark.parametrize("name", ["ALS", "EASE", "ItemKNN", "MF by bpr", "NeuMF of ratings", "UserKNN"])
def test_the_order_of_events_and_repetitions_have_the_effect_that_they_have_in_recommend(name, graph_of):
    model = fitted(name)
    graph = graph_of(model, inputs="history", k=6)
    rows = [[9, 4, 9, 1], [1, 4, 9], [30, 2]]
    values = [[5, 3, 4, 5], [5, 3, 4], [5, 5]]
    assert_same(answer(graph, rows, values), model.recommend(as_interactions(rows, values), k=6))


def test_events_that_are_not_positive_are_seen_but_not_learned_from(graph_of):
    model = fitted("ALS")
    rows, values = [[1, 2, 3], [5, 6]], [[5, 1, 2], [4, 3]]
    graph = graph_of(model, inputs="history", k=N_ITEMS)
    assert_same(answer(graph, rows, values), model.recommend(as_interactions(rows, values), k=N_ITEMS))


def test_the_padding_has_no_effect(graph_of):
    graph = graph_of(fitted("SLIM"), inputs="history", k=5)
    exclude = padded([[3], [8]])
    alone = graph.run(None, {"history": padded([[1, 2], [5, 6]]), "exclude": exclude})
    wide = {"history": padded([[1, 2], [5, 6], range(20)])[:2], "exclude": padded([[3], [8], range(9)])[:2]}
    for one, other in zip(alone, graph.run(None, wide), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("inputs", ["user", "history"])
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_seen_and_excluded_items_are_left_out(inputs, exclude_seen, graph_of):
    model = fitted("EASE")
    graph = graph_of(model, inputs=inputs, exclude_seen=exclude_seen, k=10)
    if inputs == "user":
        users, excluded = np.array([0, 5]), [[11, 12, 13], []]
        items, scores = answer_to_users(graph, users, excluded)
    else:
        rows, excluded = [[1, 2, 3], [4, 5, 6]], [[11, 12, 13], []]
        items, scores = answer(graph, rows, exclude=excluded)
        users = as_interactions(rows, [[5, 5, 5], [5, 5, 5]])
    expected = model.recommend(users, exclude=[11, 12, 13], exclude_seen=exclude_seen, k=10)
    other = model.recommend(users, exclude_seen=exclude_seen, k=10)
    np.testing.assert_array_equal(items, [expected.codes[0], other.codes[1]])
    np.testing.assert_allclose(scores, [expected.scores[0], other.scores[1]], rtol=1e-5)


def test_short_lists_are_padded(graph_of):
    model = fitted("ALS")
    graph = graph_of(model, k=N_ITEMS + 3)
    assert_same(answer_to_users(graph, range(N_USERS)), model.recommend(k=N_ITEMS + 3))
    items, scores = answer_to_users(graph, [0], [range(N_ITEMS)])
    assert (items == -1).all()
    assert np.isnan(scores).all()


def test_items_without_events_come_last(graph_of):
    items, scores = answer_to_users(graph_of(fitted("MF"), k=N_ITEMS, exclude_seen=False), [0])
    assert (items[0, -1], scores[0, -1]) == (WITHOUT_USERS, -np.inf)


def test_ties_are_in_the_order_of_codes(graph_of):
    model = PopularityRecommender().fit(np.array([[1, 0, 1, 1, 0], [1, 1, 0, 0, 1], [0, 0, 1, 0, 0]]))
    items, _ = answer_to_users(graph_of(model, k=5, exclude_seen=False), [0])
    assert items.tolist() == [[0, 2, 1, 3, 4]]


def test_models_of_labels_answer_by_codes(graph_of, tmp_path):
    data = events()._replace(user_ids=np.array([f"user {n}" for n in range(N_USERS)]), item_ids=np.arange(N_ITEMS) * 10)
    model = EASERecommender(regularization=5.0, positive_from=3).fit(data._replace(item_features=None, user_features=None))
    graph = graph_of(model, k=4, labels=tmp_path / "labels.json")
    labels = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
    assert (labels["format"], labels["version"], len(labels["users"])) == ("skrec.labels", 1, N_USERS)
    items, _ = answer_to_users(graph, [labels["users"].index("user 9")])
    assert [labels["items"][code] for code in items[0]] == model.recommend(["user 9"], k=4).items[0].tolist()
    graph_of(model, inputs="history", labels=tmp_path / "labels.json")
    assert json.loads((tmp_path / "labels.json").read_text(encoding="utf-8")).keys() == {"format", "version", "items"}


def test_a_model_without_labels_has_none_in_the_file(graph_of, tmp_path):
    graph_of(fitted("EASE"), labels=tmp_path / "labels.json")
    labels = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
    assert (labels["users"], labels["items"]) == (None, None)


def test_labels_that_json_does_not_have_are_an_error_before_anything_is_written(tmp_path):
    data = events()._replace(item_ids=np.datetime64("2020-01-01") + np.arange(N_ITEMS), item_features=None, user_features=None)
    model = EASERecommender(positive_from=3).fit(data)
    with pytest.raises(TypeError, match="labels of items must be text or numbers"):
        model.to_onnx(tmp_path / "model.onnx", labels=tmp_path / "labels.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["EASE", "MF", "UserKNN"])
def test_weights_above_the_limit_of_protobuf_go_to_a_second_file(name, tmp_path, monkeypatch):
    model, path = fitted(name), tmp_path / "model.onnx"
    assert model.to_onnx(path, k=5) == [path]
    inside = answer_to_users(session(path), range(N_USERS))
    monkeypatch.setattr("skrec.export._proto.MAX_BYTES", 2000)
    files = model.to_onnx(path, k=5)
    assert files == [path, tmp_path / "model.onnx.data"]
    assert files[0].stat().st_size < 20_000
    onnx.checker.check_model(str(path))
    for one, other in zip(inside, answer_to_users(session(path), range(N_USERS)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(tmp_path.iterdir()) == files


def test_the_limit_of_protobuf_is_below_two_gigabytes():
    from skrec.export import _proto

    assert _proto.MAX_BYTES < 2**31


def test_models_whose_scores_have_no_formula_are_refused(tmp_path):
    class Own(EASERecommender):
        def _score(self, rows, items):
            return -super()._score(rows, items)

    data = events()._replace(item_features=None, user_features=None)
    for model in (RandomRecommender(random_state=0, positive_from=3), Own(positive_from=3)):
        with pytest.raises(NotImplementedError, match=type(model).__name__):
            model.fit(data).to_onnx(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_classes_that_override_what_is_described_are_refused(tmp_path):
    class OwnScores(PopularityRecommender):
        def _score(self, rows, items):
            return -super()._score(rows, items)

    class OwnStates(EASERecommender):
        def _new_state(self, histories):
            return super()._new_state(histories)[:, ::-1]

    data = events()._replace(item_features=None, user_features=None)
    with pytest.raises(NotImplementedError, match="OwnScores"):
        OwnScores(positive_from=3).fit(data).to_onnx(tmp_path / "model.onnx")
    with pytest.raises(NotImplementedError, match="new users of OwnStates"):
        OwnStates(positive_from=3).fit(data).to_onnx(tmp_path / "model.onnx", inputs="history")
    assert OwnStates(positive_from=3).fit(data).to_onnx(tmp_path / "model.onnx") == [tmp_path / "model.onnx"]


def test_new_users_of_losses_without_a_graph_are_refused(tmp_path):
    data = events()._replace(item_features=None, user_features=None)
    settings = {"positive_from": 3, "n_factors": 4, "max_epochs": 1, "random_state": 0}
    model = MFRecommender(loss="bpr", negatives="hard", n_negatives=2, **settings).fit(data)
    with pytest.raises(NotImplementedError, match="MFRecommender with this loss"):
        model.to_onnx(tmp_path / "model.onnx", inputs="history")
    assert model.to_onnx(tmp_path / "model.onnx") == [tmp_path / "model.onnx"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": "item"}, ValueError, "inputs must be"),
        ({"k": 0}, ValueError, "k must be"),
        ({"k": 2.5}, TypeError, "k must be"),
        ({"exclude_seen": 1}, TypeError, "exclude_seen must be"),
        ({"labels": 7}, TypeError, "labels must be"),
        ({"path": 7}, TypeError, "path must be"),
        ({"path": ""}, ValueError, "path must be"),
    ],
)
def test_bad_arguments(options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        fitted("EASE").to_onnx(**{"path": tmp_path / "model.onnx"} | options)
    assert list(tmp_path.iterdir()) == []


def test_errors_of_files_and_of_unfitted_models(tmp_path):
    with pytest.raises(NotFittedError):
        ALSRecommender().to_onnx(tmp_path / "model.onnx")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fitted("EASE").to_onnx(tmp_path / "nowhere" / "model.onnx")


@pytest.mark.parametrize(("package", "inputs", "name"), [("onnx", "user", "EASE"), ("onnxscript", "history", "AutoRec")])
def test_missing_packages_are_named(package, inputs, name, tmp_path, monkeypatch):
    for module in ("skrec.base._onnx", "skrec.engine._exported_networks"):
        monkeypatch.setattr(f"{module}.find_spec", lambda wanted: None if wanted == package else find_spec(wanted))
    with pytest.raises(ImportError, match=rf"{package}: pip install 'skrec\[onnx\]'"):
        fitted(name).to_onnx(tmp_path / "model.onnx", inputs=inputs)


def test_a_failed_export_keeps_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"earlier")
    monkeypatch.setattr("skrec.export._proto.store_inside", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fitted("EASE").to_onnx(path)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_tracing_a_network_is_quiet(tmp_path, capfd, caplog):
    model, level = fitted("AutoRec of ratings"), logging.getLogger("torch.onnx").level
    model.to_onnx(tmp_path / "model.onnx", inputs="history", k=7)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert logging.getLogger("torch.onnx").level == level
    assert sorted(tmp_path.iterdir()) == [tmp_path / "model.onnx"]
    assert_same_lists_of_new_users(session(tmp_path / "model.onnx"), model)


def test_linear_models_are_exported_without_torch():
    code = """
import sys, tempfile, numpy as np
from skrec import ALSRecommender, EASERecommender, MarkovRecommender, UserKNNRecommender
likes = np.kron(np.eye(2), np.ones((4, 4)))
for model in (ALSRecommender(n_factors=2, random_state=0), EASERecommender(), UserKNNRecommender()):
    with tempfile.TemporaryDirectory() as folder:
        for inputs in ("user", "history"):
            model.fit(likes).to_onnx(f"{folder}/model.onnx", inputs=inputs)
print("torch" in sys.modules, "onnxscript" in sys.modules)
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]


def test_graphs_answer_in_several_threads(graph_of):
    model = fitted("MF by bpr")
    graph = graph_of(model, inputs="history", k=5)
    requests = [histories(3, seed, least=3) for seed in range(8)]
    serial, answers = [answer(graph, *request) for request in requests], {}
    threads = [
        threading.Thread(target=lambda place=place, request=request: answers.update({place: answer(graph, *request)}))
        for place, request in enumerate(requests)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, expected in enumerate(serial):
        np.testing.assert_array_equal(answers[place][0], expected[0])
        np.testing.assert_array_equal(answers[place][1], expected[1])


def test_an_answer_does_not_depend_on_the_other_users_of_the_batch(graph_of):
    model = fitted("MF by warp")
    graph = graph_of(model, inputs="history", k=5)
    rows, values = histories(20, seed=1, least=3)
    together = answer(graph, rows, values)
    for place in range(len(rows)):
        items, scores = answer(graph, rows[place : place + 1])
        np.testing.assert_array_equal(items[0], together[0][place])
        np.testing.assert_allclose(scores[0], together[1][place], rtol=1e-6)
