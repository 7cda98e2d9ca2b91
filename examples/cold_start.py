"""A film that nobody has seen, a person of whom only age and job are known. Run it with `tox -e cold-start`."""

import pandas as pd
import torch

from skrec import ALSRecommender, ColdStartRecommender, FeatureEncoder, Interactions, TwoTowerRecommender, text_vectors
from skrec.datasets import DatasetNotAvailable, fetch_movielens, make_interactions

LIKED = 4  # a rating of 4 or 5 stars says "liked"


def main():
    torch.set_num_threads(1)  # on matrices this small a second thread saves no time
    films = load()
    of_films = FeatureEncoder(text="title", text_encoder=text_vectors(32))
    of_users = FeatureEncoder()
    items = of_films.fit_transform(films.items[["genres", "year", "title"]])
    users = of_users.fit_transform(films.users.drop(columns="zip", errors="ignore"))
    ratings = Interactions.from_frame(films.frame, user_features=users, item_features=items)
    print(ratings)

    model = TwoTowerRecommender(
        positive_from=LIKED, n_factors=32, max_epochs=10, batch_size=512, temperature=0.1, random_state=0
    ).fit(ratings)

    heading("A film that comes out today: told by genre and text")
    new = newcomers(films)
    print(new.drop(columns="year").to_string())
    model.partial_fit(Interactions.from_features(item_features=of_films.transform(new)))
    film = new.index[0]
    show(model.similar_items([film], k=5).to_frame()[["similar_item", "score"]])

    heading(f"Who is to be told of {film}")
    audience = model.recommend_users([film], k=5).to_frame()
    show(audience.join(films.users, on="user"))

    heading("Somebody of whom nothing is known but this")
    person = films.users.iloc[[0]].set_axis(["somebody"])
    print(person.to_string(index=False))
    somebody = Interactions.from_features(user_features=of_users.transform(person))
    show(model.recommend(somebody, k=5).to_frame()[["rank", "item", "score"]])

    heading("New to new: the order of today's films for them")
    show(model.recommend(somebody, k=2, candidates=new.index).to_frame()[["rank", "item", "score"]])

    heading("The same film for a model that knows no features: its vector is foretold from those of the others")
    als = ALSRecommender(n_factors=32, alpha=2, regularization=30, positive_from=LIKED, n_jobs=1, random_state=0)
    foretelling = ColdStartRecommender(estimator=als).fit(ratings)
    foretelling.partial_fit(Interactions.from_features(item_features=of_films.transform(new)))
    show(foretelling.similar_items([film], k=5).to_frame()[["similar_item", "score"]])


def load():
    """MovieLens 100K from SKREC_DATA, the cache or the network, else something like it."""
    try:
        return fetch_movielens("100k", verbose=1)
    except DatasetNotAvailable as problem:
        print(f"{problem}\nGoing on with generated data.")
        return make_interactions(900, 600, density=0.08, random_state=0)


def newcomers(films):
    """Two films of this year, of genres that there are."""
    genres = films.items["genres"].explode()
    known = [genre for genre in ("Sci-Fi", "War", "Romance", "Comedy") if (genre == genres).any()]
    if len(known) < 4:
        known = genres.value_counts().index[:4].tolist()
    films_of_today = pd.DataFrame(
        {
            "title": ["Star Patrol: The Last Battle", "My Wedding in Paris"],
            "genres": [tuple(known[:2]), tuple(known[2:])],
            "year": films.items["year"].max(),
        }
    )
    return films_of_today.set_index("title", drop=False)


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


def show(table):
    print(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
