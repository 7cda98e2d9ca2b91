"""The example services answer requests of several threads as the model does, and refuse bad requests."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from skrec import ALSRecommender

SERVING = Path(__file__).parents[1] / "examples" / "serving"
N_USERS, K = 40, 10


def events(user, item):
    """Ratings of users, with labels of the given types."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((N_USERS, 30)) < 0.3)
    columns = {"user": [user(x) for x in users], "item": [item(x) for x in items], "rating": rng.integers(1, 6, len(users))}
    return pd.DataFrame(columns)


LABELS = {"numbers": (int, int), "text": ("user/{} é".format, "item {}".format)}


@pytest.fixture(scope="module", params=LABELS, ids=list(LABELS))
def model(request):
    return ALSRecommender(n_factors=4, positive_from=2, random_state=0).fit(events(*LABELS[request.param]))


@contextmanager
def fastapi_service(model, folder):
    """The address of the service with FastAPI."""
    import app
    import uvicorn

    model.save(folder / "model.skrec", include_events=False)
    server = uvicorn.Server(uvicorn.Config(app.make_app(str(folder / "model.skrec")), port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def onnx_service(model, folder):
    """The address of the service with onnxruntime."""
    import onnx_service

    files = [str(folder / name) for name in ("users.onnx", "new_users.onnx", "labels.json")]
    model.to_onnx(files[0], labels=files[2])
    model.to_onnx(files[1], inputs="history")
    server = onnx_service.make_server(*files, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


SERVICES = {"FastAPI": fastapi_service, "ONNX": onnx_service}


@pytest.fixture(scope="module", params=SERVICES, ids=list(SERVICES))
def client(request, model, tmp_path_factory):
    sys.path.insert(0, str(SERVING))
    try:
        with (
            SERVICES[request.param](model, tmp_path_factory.mktemp("service")) as address,
            httpx.Client(base_url=address) as client,
        ):
            yield client
    finally:
        sys.path.remove(str(SERVING))


@pytest.fixture(autouse=True)
def quiet(capfd):
    """Discard the log lines of the servers."""


def ask(client, user, **options):
    return client.get("/recommendations", params={"user": user, **options})


def assert_same(response, expected):
    """Compare an answer with a list of the model."""
    assert response.status_code == 200, response.text
    answer, (items, scores) = response.json(), expected
    assert answer["items"] == items[0].tolist()
    np.testing.assert_allclose(answer["scores"], scores[0], rtol=1e-4)


def test_known_users_get_the_lists_of_the_model_in_eight_threads(client, model):
    users = model.user_ids_.tolist() * 4
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda user: ask(client, user), users))
    for user, response in zip(users, responses, strict=True):
        assert_same(response, model.recommend([user], k=K))


def test_new_users_get_the_lists_of_the_model_in_eight_threads(client, model):
    rng = np.random.default_rng(0)
    histories = [rng.choice(model.item_ids_, 4, replace=False).tolist() for _ in range(40)]
    ratings = rng.integers(1, 6, (40, 4)).tolist()
    bodies = [{"items": items, "ratings": values} for items, values in zip(histories, ratings)]
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda body: client.post("/recommendations", json=body), bodies))
    for body, response in zip(bodies, responses, strict=True):
        table = pd.DataFrame({"user": 0, "item": body["items"], "rating": body["ratings"]})
        assert_same(response, model.recommend(table, k=K))


def test_items_without_ratings_and_unknown_items_are_read(client, model):
    known, unknown = model.item_ids_[:3].tolist(), 999 if model.item_ids_.dtype.kind == "i" else "unknown"
    for items in (known, [*known, unknown], [unknown]):
        expected = model.recommend(pd.DataFrame({"user": 0, "item": items, "rating": 1}), k=K)
        response = client.post("/recommendations", json={"items": items, "ratings": [1] * len(items)})
        assert_same(response, expected)
    assert client.post("/recommendations", json={"items": known}).status_code == 200


def test_unknown_users_get_the_most_popular_items(client, model):
    unknown = 10**9 if model.user_ids_.dtype.kind == "i" else "unknown/ü ?"
    assert_same(ask(client, unknown), model.recommend([unknown], k=K, unknown="popular"))


BAD_BODIES = {
    "no JSON": {"content": b"{items"},
    "no object": {"json": [1, 2]},
    "no items": {"json": {"ratings": [1]}},
    "number of ratings": {"json": {"items": ["a", "b"], "ratings": [1.0]}},
    "text as rating": {"json": {"items": ["a"], "ratings": ["good"]}},
    "no list": {"json": {"items": 3}},
    "nothing": {"content": b""},
    "a rating that is no number": {"content": b'{"items": ["a", "b"], "ratings": [1, NaN]}'},
    "an infinite rating": {"content": b'{"items": ["a"], "ratings": [1e99]}'},
    "NaN as text": {"json": {"items": ["a"], "ratings": ["nan"]}},
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=list(BAD_BODIES))
def test_bad_bodies_are_refused(client, body):
    response = client.post("/recommendations", **body)
    assert response.status_code == 422 and response.json()["detail"]


def test_other_paths_are_not_found(client):
    for path in ("/", "/recommendation", "/recommendations/1?user=1"):
        assert client.get(path).status_code == 404
    assert client.post("/other", json={"items": ["a"]}).status_code == 404


def test_long_bodies_are_refused_by_the_service_for_containers(client, model, request):
    if "ONNX" not in request.node.name:
        pytest.skip("the limit of the other service is that of the server in front of it")
    assert client.post("/recommendations", content=b" " * (2**20 + 1)).status_code == 413
    assert client.post("/recommendations", json={"items": model.item_ids_[:2].tolist()}).status_code == 200


def test_a_request_without_a_user_is_refused(client):
    assert client.get("/recommendations").status_code == 422


def test_bad_numbers_are_refused_by_fastapi(client, model, request):
    if "FastAPI" not in request.node.name:
        pytest.skip("the other service has lists of a fixed length")
    user = model.user_ids_.tolist()[0]
    assert ask(client, user, k=3).json()["items"] == model.recommend([user], k=3).items[0].tolist()
    for k in (0, 101, "a"):
        assert ask(client, user, k=k).status_code == 422
    if model.user_ids_.dtype.kind == "i":
        assert ask(client, "text").status_code == 422
    infinite = client.post("/recommendations", content=b'{"items": [1], "ratings": [Infinity]}')
    assert infinite.status_code == 422


def test_the_service_for_containers_needs_two_libraries():
    import ast

    tree = ast.parse((SERVING / "onnx_service.py").read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}


@pytest.mark.parametrize("name", ["app.py", "onnx_service.py"])
def test_services_have_fewer_than_60_lines(name):
    assert len((SERVING / name).read_text("utf-8").splitlines()) < 60
