"""A service with FastAPI that recommends by a model written by `model.save`.

`pip install skrec fastapi uvicorn`, then `SKREC_MODEL=model.skrec uvicorn app:make_app --factory --workers 2`. Each worker
reads the file once, and answers in several threads. `GET /docs` shows the requests: `GET /recommendations?user=42&k=5` for a
known user, and `POST /recommendations` with `{"items": [10, 20], "ratings": [5, 4]}` for a new one.
"""

import os
from typing import Annotated

import numpy as np
import pandas as pd
from fastapi import Body, FastAPI, HTTPException, Query

import skrec

Length = Annotated[int, Query(ge=1, le=100)]


def make_app(path: str | None = None) -> FastAPI:
    model = skrec.load(path or os.environ["SKREC_MODEL"])
    app = FastAPI(title=f"Recommendations by {type(model).__name__}")
    User, Item = type_of(model.user_ids_), type_of(model.item_ids_)

    @app.get("/recommendations")
    def recommend(user: User, k: Length = 10) -> dict:
        """The best items for a user, or the most popular ones for a user whom the model does not know."""
        return first_list(model.recommend([user], k=k, unknown="popular"))

    @app.post("/recommendations")
    def recommend_to_new_user(
        items: Annotated[list[Item], Body(min_length=1, max_length=1000)],
        ratings: Annotated[list[float] | None, Body()] = None,
        k: Length = 10,
    ) -> dict:
        """The best items for a user with these events, in order of time. Unknown items are ignored."""
        columns = {"user": 0, "item": items} | ({} if ratings is None else {"rating": ratings})
        try:
            return first_list(model.recommend(pd.DataFrame(columns), k=k))
        except ValueError as error:  # such as a wrong number of ratings
            raise HTTPException(422, str(error)) from error

    return app


def type_of(labels: np.ndarray | None) -> type:
    """The Python type of labels. Codes are the labels if there are no others."""
    return int if labels is None else type(labels.tolist()[0])


def first_list(answer: skrec.Recommendations) -> dict:
    """The list of the first user, without padding. JSON has no minus infinity, the score of items without events."""
    table = answer.to_frame()
    return {"items": table["item"].tolist(), "scores": [x if np.isfinite(x) else None for x in table["score"].tolist()]}
