"""Draw models, comparisons and searches of MovieLens. Run it with `tox -e inspection -- FOLDER`, the folder of the pictures."""

import sys
import tempfile
from pathlib import Path

from matplotlib import pyplot
from sklearn.model_selection import GridSearchCV

from skrec import (
    ALSRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MFRecommender,
    PopularityRecommender,
    UserKNNRecommender,
    compare,
    get_scorer,
)
from skrec.datasets import DatasetNotAvailable, fetch_movielens, make_interactions
from skrec.inspection import (
    BiasDisplay,
    ComparisonDisplay,
    EmbeddingDisplay,
    LearningCurveDisplay,
    PopularityDisplay,
    RatingTableDisplay,
    SearchDisplay,
)
from skrec.model_selection import RandomHoldout, train_test_split

LIKED = 4  # ratings of 4 and 5 are positive


def main(folder):
    films = load()
    train, test = train_test_split(films.interactions, test_size=0.2, random_state=0)

    ratings = MFRecommender(
        loss="mse",
        y_range=(0, 5.5),
        n_factors=50,
        max_epochs=5,
        batch_size=64,
        learning_rate=5e-3,
        regularization=0.07,
        random_state=0,
    ).fit(train, validation=test)
    save(LearningCurveDisplay.from_estimator(ratings), folder / "learning-curve.png")
    save(RatingTableDisplay.from_interactions(train), folder / "ratings.png")
    save(RatingTableDisplay.from_estimator(ratings), folder / "predictions.png")
    save(BiasDisplay.from_estimator(ratings, min_count=30), folder / "biases.png")

    als = ALSRecommender(n_factors=32, alpha=2, regularization=30, positive_from=LIKED, n_jobs=1, random_state=0)
    als.fit(train)
    genre = films.items["genres"].str[0].rename("genre")
    known = films.frame["item"].value_counts().index[:25]
    save(EmbeddingDisplay.from_estimator(als, color_by=genre, labels=known), folder / "embeddings.png")
    save(PopularityDisplay.from_estimator(als), folder / "popularity.png")

    others = [EASERecommender, ItemKNNRecommender, UserKNNRecommender, PopularityRecommender]
    models = [als, *(model(positive_from=LIKED) for model in others)]
    table = compare(models, train, ["ndcg@10", "coverage@10"], test=test)
    save(ComparisonDisplay.from_table(table), folder / "comparison.png")

    search = GridSearchCV(
        ItemKNNRecommender(positive_from=LIKED),
        {"n_neighbors": [10, 20, 50, 100], "shrinkage": [0.0, 10.0, 100.0]},
        scoring=get_scorer("ndcg@10", positive_from=LIKED),
        cv=RandomHoldout(0.2, random_state=0),
    ).fit(train)
    save(SearchDisplay.from_search(search), folder / "search.png")


def load():
    """Load MovieLens 100K from SKREC_DATA, the cache or the network, or generate similar data."""
    try:
        return fetch_movielens("100k", verbose=1)
    except DatasetNotAvailable as problem:
        print(f"{problem}\nUsing generated data instead.")
        return make_interactions(900, 600, density=0.08, random_state=0)


def save(display, path):
    display.figure_.savefig(path, dpi=150)
    pyplot.close(display.figure_)
    print(path)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="skrec-pictures-"))
    target.mkdir(parents=True, exist_ok=True)
    main(target)
