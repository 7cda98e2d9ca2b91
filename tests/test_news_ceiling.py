"""How near the best that there can be news are ranked, on as many cases as the benchmark has."""

from dataclasses import replace

import pytest

from skrec import FeatureEncoder, NewsRecommender, get_scorer
from skrec.datasets import make_news
from skrec.model_selection import train_test_split

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
def test_the_click_is_hit_nearly_as_often_as_can_be():
    made = make_news(n_users=250, random_state=0)  # as in benchmarks/synthetic_slates.py
    text = FeatureEncoder(text="title").fit_transform(made.news[["title"]])
    events = replace(made.interactions, item_features=text.loc[made.interactions.item_ids].to_numpy())
    train, test = train_test_split(events, by="time", test_size=0.25)
    most_likely = made.chances[len(train) :].reshape(-1, 6).max(axis=1)
    fitted = NewsRecommender(negatives="slate", max_length=100, random_state=0).fit(train)
    hits = get_scorer("impression_ndcg@1").evaluate(fitted, test).per_impression  # with one click each: hit or missed
    assert len(hits) == len(most_likely) >= 5000 and set(hits.tolist()) == {0, 1}
    assert hits.mean() > most_likely.mean() - 0.03
