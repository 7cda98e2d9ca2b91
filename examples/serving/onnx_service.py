"""A service with onnxruntime and numpy alone that recommends by graphs written by `model.to_onnx`.

`pip install onnxruntime numpy`, then `python onnx_service.py users.onnx new_users.onnx labels.json 8000`, with the files of
`model.to_onnx("users.onnx", labels="labels.json")` and `model.to_onnx("new_users.onnx", inputs="history")`. `GET /users/42`
recommends to a known user, `POST /new-users` with `{"items": [10, 20], "ratings": [5, 4]}` to a new one.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import numpy as np
from onnxruntime import InferenceSession, SessionOptions


def make_server(users: str, new_users: str, labels: str, port: int) -> ThreadingHTTPServer:
    options = SessionOptions()
    options.intra_op_num_threads = 1  # requests are answered in parallel
    sessions = {name: InferenceSession(path, options) for name, path in (("user", users), ("history", new_users))}
    with open(labels, encoding="utf-8") as file:
        names = json.load(file)
    users_by_label, items_by_label = ({str(x): code for code, x in enumerate(names[axis])} for axis in ("users", "items"))

    def recommend(session: InferenceSession, **inputs: np.ndarray) -> dict:
        known = {port.name for port in session.get_inputs()}
        inputs["exclude"] = np.empty((1, 0), np.int64)
        codes, scores = session.run(["items", "scores"], {name: inputs[name] for name in known})
        pairs = [(names["items"][code], float(score)) for code, score in zip(codes[0], scores[0]) if code >= 0]
        return {"items": [item for item, _ in pairs], "scores": [x if np.isfinite(x) else None for _, x in pairs]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # an unknown user has the code -1 and gets the most popular items
            code = users_by_label.get(unquote(self.path.removeprefix("/users/")), -1)
            self.answer("/users/", lambda: recommend(sessions["user"], user=np.array([code])))

        def do_POST(self):
            self.answer("/new-users", lambda: recommend(sessions["history"], **self.read_history()))

        def read_history(self) -> dict[str, np.ndarray]:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            events = list(zip(body["items"], body.get("ratings") or [1.0] * len(body["items"]), strict=True))
            known = [(items_by_label[str(item)], rating) for item, rating in events if str(item) in items_by_label]
            codes, values = zip(*known) if known else ((), ())
            return {"history": np.array([codes], np.int64), "values": np.array([values], np.float32)}

        def answer(self, path, call):
            try:
                status, answer = (200, call()) if self.path.startswith(path) else (404, {"detail": "Not Found"})
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                status, answer = 422, {"detail": f"a body like {{'items': [1, 2], 'ratings': [5, 4]}} is expected: {error}"}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer(("", port), Handler)


if __name__ == "__main__":
    make_server(*sys.argv[1:4], port=int(sys.argv[4])).serve_forever()
