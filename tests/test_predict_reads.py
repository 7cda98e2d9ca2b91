"""Which columns of a table `predict`, and data with y, read: what is not needed may hold anything."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skrec import EASERecommender, MFRecommender, NewsRecommender, PopularityRecommender, get_scorer
from skrec.datasets import make_news

EVENTS = pd.DataFrame({"user": [1, 1, 2, 2, 3], "item": ["a", "b", "a", "c", "b"], "rating": [5, 3, 4, 1, 2]})
SPOILT = EVENTS.assign(rating=np.nan, value="?", timestamp=pd.NaT, weight=-1, impression=[1, 1, 1, 2, None], price=3.5)


@pytest.mark.parametrize("form", [lambda X: X, pl.from_pandas, pa.Table.from_pandas], ids=["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize(
    "model", [PopularityRecommender(positive_from=1), EASERecommender(positive_from=1), MFRecommender(loss="mse", max_epochs=1)]
)
def test_predict_reads_users_and_items_alone(model, form):
    model.fit(EVENTS)
    np.testing.assert_array_equal(model.predict(form(SPOILT)), model.predict(EVENTS))


def test_a_model_that_knows_time_reads_times():
    shown = make_news(50, 400, 300, random_state=0).interactions
    model = NewsRecommender(n_factors=4, max_epochs=1, random_state=0).fit(shown)
    table = shown.to_frame()
    np.testing.assert_array_equal(model.predict(table.assign(rating=np.nan)), model.predict(table))
    with pytest.raises(ValueError, match="'timestamp' of X must not be missing"):
        model.predict(table.assign(timestamp=np.nan))


def test_y_takes_the_place_of_a_column_that_is_not_read():
    model = PopularityRecommender(positive_from=3).fit(EVENTS.assign(rating=np.nan), EVENTS["rating"])
    np.testing.assert_array_equal(model.item_scores_, PopularityRecommender(positive_from=3).fit(EVENTS).item_scores_)
    ratings = MFRecommender(loss="mse", max_epochs=1, random_state=0).fit(EVENTS)
    scorer = get_scorer("neg_rmse")
    assert scorer(ratings, EVENTS.assign(rating=np.nan), EVENTS["rating"]) == scorer(ratings, EVENTS)


def test_a_table_without_users_is_refused_with_all_its_columns():
    model = PopularityRecommender(positive_from=1).fit(EVENTS)
    with pytest.raises(ValueError, match=r"it has \['who', 'item', 'rating'\]"):
        model.predict(EVENTS.rename(columns={"user": "who"}))
