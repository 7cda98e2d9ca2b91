"""News recommendation: kinds of negatives, and the age of articles. Run it with `tox -e news`.

`tox -e news -- MINDsmall_train` reads a part of the MIND release. All articles should have a title.
"""

import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
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
HOUR = pd.Timedelta(hours=1)


def main():
    events, news = load()
    encoder = FeatureEncoder(text="title", text_encoder=text_vectors(64)).fit(news[["title"]])
    text = encoder.transform(news[["title"]])
    events = replace(events, item_features=text.loc[events.item_ids].to_numpy())
    train, test = train_test_split(events, by="time", test_size=0.2)
    print(events)
    print(f"{(~np.isin(test.items, train.items)).mean():.0%} of what is shown in the test part is new since the training part")

    heading("One impression: what was shown, and what was clicked")
    one = train.to_frame()[train.impressions == train.impressions[-1]]
    show(pd.DataFrame({"clicked": one["rating"].astype(int), "title": news.loc[one["item"], "title"].to_numpy()}))

    heading("Negatives: what was shown in the same impression, or articles drawn at random, one or several")
    half_life = 6 * HOUR
    models = {
        "popularity": PopularityRecommender(),
        "ids, what was shown": MFRecommender(negatives="slate", **SETTINGS),
        "text, what was shown": NewsRecommender(negatives="slate", **SETTINGS),
        "text, one at random": NewsRecommender(negatives="uniform", n_negatives=1, **SETTINGS),
        "text, four at random": NewsRecommender(negatives="uniform", n_negatives=4, **SETTINGS),
        "text and age, what was shown": NewsRecommender(negatives="slate", item_half_life=half_life, **SETTINGS),
        "text and age, four at random": NewsRecommender(negatives="uniform", item_half_life=half_life, **SETTINGS),
    }
    # the first two have no scores for new articles, which is also a warning
    warnings.filterwarnings("ignore", ".*the model has scores for")
    table = compare(models, train, METRICS, test=test, baseline="popularity")
    show(table[[*METRICS, "impression_auc_low", "impression_auc_high", "fit_seconds"]].reset_index())

    heading("A search over half-lives, by later impressions of the training part")
    model = NewsRecommender(**SETTINGS | {"max_epochs": 5})
    grid = {"item_half_life": [None, 2 * HOUR, 6 * HOUR, 24 * HOUR]}
    search = GridSearchCV(model, grid, scoring=AUC, cv=TemporalSplit(), refit=False).fit(train)
    names = ["no half-life" if length is None else f"{length / HOUR:g} h" for length in grid["item_half_life"]]
    show(pd.DataFrame({"half-life": names, "AUC": search.cv_results_["mean_test_score"]}))

    model = NewsRecommender(negatives="slate", item_half_life=half_life, **SETTINGS).fit(events)
    times = events.to_frame()["timestamp"]
    reader = events.user_ids[np.bincount(events.users, weights=events.values).argmax()]
    for hours_ago in (48, 0):
        at = times.max() - hours_ago * HOUR
        heading(f"For reader {reader}, {hours_ago} hours before the end: articles of the 24 hours before")
        recent = np.unique(events.items[(times <= at) & (times > at - 24 * HOUR)])
        best = model.recommend([reader], k=5, candidates=events.item_ids[recent], at=at)
        show(pd.DataFrame({"title": news.loc[best.items[0], "title"].to_numpy(), "score": best.scores[0]}))

    heading("A new user who has read two articles, and an article that appears now")
    read = news.index[news["title"] != ""][:2]
    breaking = news.loc[read[:1]].set_axis(["breaking"]).assign(title=news.loc[read[0], "title"] + ": live")
    model.partial_fit(Interactions.from_features(item_features=encoder.transform(breaking[["title"]])))
    print("\n".join(["has read:", *news.loc[read, "title"], "appears:", *breaking["title"]]))
    new_user = pd.DataFrame({"user": "somebody", "item": read})
    show(
        model.recommend(new_user, k=3, candidates=[*events.item_ids[recent], "breaking"]).to_frame()[["rank", "item", "score"]]
    )


def load():
    """Events in order of time, and articles, from the MIND files in a folder if one is given, else synthetic."""
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
