"""Tune, compare and use recommenders on MovieLens. Run it with `tox -e quickstart`."""

import time

import pandas as pd
from sklearn.model_selection import GridSearchCV

from skrec import (
    ALSRecommender,
    EASERecommender,
    MFRecommender,
    NeuMFRecommender,
    PopularityRecommender,
    compare,
    get_scorer,
)
from skrec.datasets import DatasetNotAvailable, fetch_movielens, make_interactions
from skrec.model_selection import RandomHoldout, train_test_split

LIKED = 4  # ratings of 4 and 5 are positive
NDCG = get_scorer("ndcg@10", positive_from=LIKED)
RECALL = get_scorer("recall@20", positive_from=LIKED)
SHOWN = ["ndcg@10", "ndcg@10_low", "ndcg@10_high", "ndcg@10_p_value", "recall@20", "fit_seconds", "recommend_seconds"]
WELL_KNOWN = ["Star Wars (1977)", "Fargo (1996)", "Toy Story (1995)"]


def main():
    films = load()
    train, test = train_test_split(films.interactions, test_size=0.2, random_state=0)

    heading("Tuning on the training part by scikit-learn's GridSearchCV")
    mf = tune(
        MFRecommender(positive_from=LIKED, random_state=0),
        {"n_factors": [32, 64, 128], "regularization": [0.2, 0.25, 0.3, 0.35, 0.4, 0.5]},
        train,
    )
    als = tune(
        ALSRecommender(positive_from=LIKED, random_state=0),
        {"n_factors": [32, 64], "alpha": [1.0, 2.0, 5.0], "regularization": [10.0, 30.0, 50.0]},
        train,
    )

    heading("All models on the same held-out ratings, every film ranked: 95 % intervals, p-values against ALS")
    neumf = NeuMFRecommender(
        loss="softmax",
        n_negatives=8,
        positive_from=LIKED,
        max_epochs=10,
        regularization=0.06,
        random_state=0,
    )
    ease, popularity = EASERecommender(positive_from=LIKED), PopularityRecommender(positive_from=LIKED)
    models = {name_of(model): model for model in [als, mf, ease, neumf, popularity]}
    show(compare(models, train, [NDCG, RECALL], test=test)[SHOWN].reset_index())

    for model in (mf, ease):  # refit on all data
        model.fit(films.interactions)
    known = [title for title in WELL_KNOWN if title in mf.item_ids_] or most_rated(films, 3)
    user = mf.user_ids_[0]

    heading(f"Recommendations for user {user}, each with the nearest of the films that they liked")
    recommend_with_neighbors(mf, films, user)

    heading("Recommendations by EASE, with the largest contributions to the score")
    recommend_with_contributions(ease, user)

    heading(f"Films similar to {known[0]}")
    show(mf.similar_items([known[0]], k=5).to_frame()[["similar_item", "score"]])

    heading("Films with the lowest and the highest bias")
    show_biases(films)

    heading(f"A new user who likes {', '.join(known)}")
    new_user = pd.DataFrame({"user": "new user", "item": known, "rating": 5})
    show(mf.recommend(new_user, k=5).to_frame()[["rank", "item", "score"]])

    heading(f"The audience of {known[-1]}: users without a rating of it and with the highest scores")
    show(mf.recommend_users([known[-1]], k=5).to_frame()[["rank", "user", "score"]])


def load():
    """Load MovieLens 100K from SKREC_DATA, the cache or the network, or generate similar data."""
    try:
        return fetch_movielens("100k", verbose=1)
    except DatasetNotAvailable as problem:
        print(f"{problem}\nUsing generated data instead.")
        return make_interactions(900, 600, density=0.08, random_state=0)


def tune(model, grid, train):
    """Search a grid on two random splits of the training part, and refit the best model on all of it."""
    start = time.perf_counter()
    folds = RandomHoldout(test_size=0.2, n_splits=2, random_state=0)
    search = GridSearchCV(model, grid, scoring=NDCG, cv=folds).fit(train)
    seconds = time.perf_counter() - start
    print(f"{name_of(model):12} NDCG@10 {search.best_score_:.4f} with {search.best_params_}, {seconds:.0f} s")
    return search.best_estimator_


def recommend_with_neighbors(model, films, user):
    """Recommend films, each with the nearest films among those that the user liked."""
    liked = films.frame.query("user == @user and rating >= @LIKED")["item"]
    recommended = model.recommend([user], k=5).items[0]
    nearest = model.similar_items(recommended, candidates=liked, k=2).labels
    show(pd.DataFrame({"film": recommended, "nearest": nearest[:, 0], "and": nearest[:, 1]}))


def recommend_with_contributions(model, user):
    """Recommend films, each with the largest contributions to its score."""
    best, rows = model.recommend([user], k=5), []
    for film, score in zip(best.items[0], best.scores[0]):
        reasons = model.explain(user, film, k=2)
        rows.append([film, score, *reasons["item"], reasons["contribution"].sum()])
    show(pd.DataFrame(rows, columns=["film", "score", "because of", "and", "contribution of both"]))


def show_biases(films):
    """Fit the ratings by biases of users and items and products of embeddings, and print the biases of films."""
    ratings = MFRecommender(
        loss="mse",
        y_range=(0, 5.5),
        n_factors=50,
        max_epochs=5,
        batch_size=128,
        learning_rate=5e-3,
        weight_decay=0.2,
        random_state=0,
    ).fit(films.frame[["user", "item"]], films.frame["rating"])
    biases = pd.DataFrame({"film": ratings.item_ids_, "bias": ratings.item_biases_}).sort_values("bias")
    show(pd.concat([biases.head(5), biases.tail(5)]))


def most_rated(films, n):
    return films.frame["item"].value_counts().index[:n].tolist()


def name_of(model):
    return type(model).__name__.removesuffix("Recommender")


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


def show(table):
    print(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
