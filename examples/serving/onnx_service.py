"""A service with onnxruntime and numpy alone that recommends by graphs written by `model.to_onnx`.

`pip install onnxruntime numpy`, then `python onnx_service.py users.onnx new_users.onnx labels.json 8000`, with the files of
`model.to_onnx("users.onnx", labels="labels.json")` and `model.to_onnx("new_users.onnx", inputs="history")`.
`GET /recommendations?user=42` is for a known user, `POST /recommendations` with `{"items": [10], "ratings": [5]}` for another.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
from onnxruntime import InferenceSession, SessionOptions


def make_server(users, new_users, labels, port):
    (options := SessionOptions()).intra_op_num_threads = 1  # requests are answered in parallel
    for_known, for_new = InferenceSession(users, options), InferenceSession(new_users, options)
    with open(labels, encoding="utf-8") as file:
        names = json.load(file)
    code_of_user, code_of_item = ({str(label): code for code, label in enumerate(names[axis])} for axis in ("users", "items"))

    def recommend(session, **inputs):
        inputs["exclude"] = np.empty((1, 0), np.int64)
        codes, scores = session.run(["items", "scores"], {port.name: inputs[port.name] for port in session.get_inputs()})
        pairs = [(names["items"][code], float(score)) for code, score in zip(codes[0], scores[0]) if code >= 0]
        return {"items": [item for item, _ in pairs], "scores": [score if np.isfinite(score) else None for _, score in pairs]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # the code of an unknown user is -1, who gets the most popular items
            user, *others = parse_qs(urlsplit(self.path).query).get("user", [None])
            if user is None or others:
                return self.answer(422, {"detail": "one user is expected: /recommendations?user=42"})
            self.answer(200, recommend(for_known, user=np.array([code_of_user.get(user, -1)])))

        def do_POST(self):  # unknown items are left out
            try:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                items = [str(item) for item in body["items"]] if isinstance(body["items"], list) and body["items"] else None
                pairs = zip(items, map(float, body.get("ratings") or [1] * len(items)), strict=True)
                known = [(code_of_item[item], rating) for item, rating in pairs if item in code_of_item]
            except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
                return self.answer(422, {"detail": f"items, and a rating of each or none, are expected: {error!r}"})
            codes, ratings = ([pair[i] for pair in known] for i in (0, 1))
            self.answer(200, recommend(for_new, history=np.array([codes], np.int64), values=np.array([ratings], np.float32)))

        def answer(self, status, content):
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer(("", port), Handler)


if __name__ == "__main__":
    make_server(*sys.argv[1:4], int(sys.argv[4])).serve_forever()
