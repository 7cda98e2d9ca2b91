"""News recommendation by text and age, with several kinds of negatives. Run it with `tox -e news`.

`tox -e news -- MINDsmall_train` reads a part of the MIND release instead. All its articles should have texts.
"""

import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GridSearchCV

from skrec import (
    FeatureEncoder,
    Interactions,
    MFRecommender,
    NewsRecommender,
    PopularityRecommender,
    compare,
    get_scorer,
    text_vectors,
)
from skrec.datasets import load_mind, make_news
from skrec.model_selection import TemporalSplit, train_test_split

AUC = get_scorer("impression_auc")
METRICS = ["impression_auc", "impression_mrr", "impression_ndcg@5", "impression_ndcg@10"]
SETTINGS = {"n_factors": 32, "max_epochs": 10, "random_state": 0}
HOUR = 3600


def main():
    torch.set_num_threads(1)  # A second thread saves no time with minibatches of this size.
    events, news = load()
    encoder = FeatureEncoder(text="title", text_encoder=text_vectors(64)).fit(news[["title"]])
    text = encoder.transform(news[["title"]])
    events = replace(events, item_features=text.loc[events.item_ids].to_numpy())
    train, test = train_test_split(events, by="time", test_size=0.2)
    print(events)
    print(f"{(~np.isin(test.items, train.items)).mean():.0%} of the items shown in the test part are not in the training part")

    heading("One impression: the shown and the clicked articles")
    one = train.to_frame()[train.impressions == train.impressions[-1]]
    show(pd.DataFrame({"clicked": one["rating"].astype(int), "title": news.loc[one["item"], "title"].to_numpy()}))

    heading("Negatives: the other articles of the impression, or articles drawn at random, one or several")
    half_life = 6.0
    models = {
        "popularity": PopularityRecommender(),
        "ids, impressions": MFRecommender(negatives="slate", **SETTINGS),
        "text, impressions": NewsRecommender(negatives="slate", **SETTINGS),
        "text, one random": NewsRecommender(negatives="uniform", n_negatives=1, **SETTINGS),
        "text, four random": NewsRecommender(negatives="uniform", n_negatives=4, **SETTINGS),
        "text and age, impressions": NewsRecommender(negatives="slate", recency_half_life=half_life, **SETTINGS),
        "text and age, four random": NewsRecommender(negatives="uniform", recency_half_life=half_life, **SETTINGS),
    }
    # The first two models cannot rank new articles, which the table shows too.
    warnings.filterwarnings("ignore", ".*the model has scores for")
    table = compare(models, train, METRICS, test=test, baseline="popularity")
    show(table[[*METRICS, "impression_auc_low", "impression_auc_high", "fit_seconds"]].reset_index())

    heading("A search over half-lives of the age, on later impressions of the training part")
    model = NewsRecommender(**SETTINGS | {"max_epochs": 5})
    grid = {"recency_half_life": [None, 2.0, 6.0, 24.0]}
    search = GridSearchCV(model, grid, scoring=AUC, cv=TemporalSplit(), refit=False).fit(train)
    names = ["without age" if hours is None else f"{hours:g} h" for hours in grid["recency_half_life"]]
    show(pd.DataFrame({"half-life": names, "AUC": search.cv_results_["mean_test_score"]}))

    model = NewsRecommender(negatives="slate", recency_half_life=half_life, **SETTINGS).fit(events)
    user = events.user_ids[np.bincount(events.users, weights=events.values).argmax()]
    for hours_ago in (48, 0):
        at = int(events.timestamps.max()) - hours_ago * HOUR
        heading(f"Recommendations for user {user}, {hours_ago} hours before the end, among articles of the day before")
        recent = np.unique(events.items[(events.timestamps <= at) & (events.timestamps > at - 24 * HOUR)])
        best = model.recommend([user], k=5, candidates=events.item_ids[recent], at=at)
        show(pd.DataFrame({"title": news.loc[best.items[0], "title"].to_numpy(), "score": best.scores[0]}))

    heading("A new user with two clicks, and a new article")
    read = news.index[news["title"] != ""][:2]
    breaking = news.loc[read[:1]].set_axis(["breaking"]).assign(title=news.loc[read[0], "title"] + ": live")
    model.partial_fit(Interactions.from_features(item_features=encoder.transform(breaking[["title"]])))
    print("\n".join(["clicked:", *news.loc[read, "title"], "new article:", *breaking["title"]]))
    new_user = pd.DataFrame({"user": "new user", "item": read})
    show(
        model.recommend(new_user, k=3, candidates=[*events.item_ids[recent], "breaking"]).to_frame()[["rank", "item", "score"]]
    )


def load():
    """Load events in order of time and articles from a folder of MIND, or generate them without an argument."""
    if len(sys.argv) > 1:
        mind = load_mind(sys.argv[1])
        return mind.events, mind.news.fillna({"title": ""})
    made = make_news(150, 2000, 9000, recency=3.0, random_state=0)
    return made.interactions, made.news


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


def show(table):
    print(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
