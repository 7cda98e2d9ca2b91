"""A service with onnxruntime and numpy alone that recommends by graphs written by `model.to_onnx`.

`python onnx_service.py users.onnx new_users.onnx labels.json 8000`: `GET /recommendations?user=42` is for a known user, and
`POST /recommendations` with `{"items": [10], "ratings": [5]}` for another. docs/serving.md shows how to write the files.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from onnxruntime import InferenceSession, SessionOptions


def make_server(users, new_users, labels, port):
    (options := SessionOptions()).intra_op_num_threads = 1  # requests are answered in parallel
    for_known, for_new = InferenceSession(users, options), InferenceSession(new_users, options)
    names = json.loads(Path(labels).read_text("utf-8"))
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
                return self.answer(422, "one user is expected: /recommendations?user=42")
            self.answer(200, recommend(for_known, user=np.array([code_of_user.get(user, -1)])))

        def do_POST(self):  # unknown items are left out
            try:
                if not 0 <= (n_bytes := int(self.headers["Content-Length"])) <= 2**20:
                    return self.answer(413, "a body has at most 1 MiB")
                body = json.loads(self.rfile.read(n_bytes))
                codes = np.array([[code_of_item.get(str(item), -1) for item in body["items"]]] if body["items"] else None, int)
                ratings = np.array([body.get("ratings") or [1] * codes.size], float)
                if not isinstance(body["items"], list) or ratings.shape != codes.shape or not (abs(ratings) < 1e30).all():
                    raise ValueError("items or ratings are not lists of the same length, or a rating is not finite")
            except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
                return self.answer(422, f"items, and a rating of each or none, are expected: {error!r}")
            self.answer(200, recommend(for_new, history=codes[:, codes[0] >= 0], values=np.float32(ratings[:, codes[0] >= 0])))

        def answer(self, status, content):
            status, content = (status, content) if urlsplit(self.path).path == "/recommendations" else (404, "unknown path")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content if status == 200 else {"detail": content}).encode())

    return ThreadingHTTPServer(("", port), Handler)


if __name__ == "__main__":
    make_server(*sys.argv[1:4], int(sys.argv[4])).serve_forever()
