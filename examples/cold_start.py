"""Recommend new films by their features, and films to a new user by age and occupation. Run it with `tox -e cold-start`."""

import pandas as pd

from skrec import ALSRecommender, ColdStartRecommender, FeatureEncoder, Interactions, TwoTowerRecommender, text_vectors
from skrec.datasets import DatasetNotAvailable, fetch_movielens, make_interactions

LIKED = 4  # ratings of 4 and 5 are positive


def main():
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

    heading("A new film, described by genres and title")
    new = new_films(films)
    print(new.drop(columns="year").to_string())
    model.partial_fit(Interactions.from_features(item_features=of_films.transform(new)))
    film = new.index[0]
    show(model.similar_items([film], k=5).to_frame()[["similar_item", "score"]])

    heading(f"The audience of {film}")
    audience = model.recommend_users([film], k=5).to_frame()
    show(audience.join(films.users, on="user"))

    heading("Recommendations for a new user with known features")
    person = films.users.iloc[[0]].set_axis(["new user"])
    print(person.to_string(index=False))
    new_user = Interactions.from_features(user_features=of_users.transform(person))
    show(model.recommend(new_user, k=5).to_frame()[["rank", "item", "score"]])

    heading("The new films, ranked for the new user")
    show(model.recommend(new_user, k=2, candidates=new.index).to_frame()[["rank", "item", "score"]])

    heading("Films similar to the new one by ALS, with its vector predicted from its features")
    als = ALSRecommender(n_factors=32, alpha=2, regularization=30, positive_from=LIKED, n_jobs=1, random_state=0)
    cold_start = ColdStartRecommender(estimator=als).fit(ratings)
    cold_start.partial_fit(Interactions.from_features(item_features=of_films.transform(new)))
    show(cold_start.similar_items([film], k=5).to_frame()[["similar_item", "score"]])


def load():
    """Load MovieLens 100K from SKREC_DATA, the cache or the network, or generate similar data."""
    try:
        return fetch_movielens("100k", verbose=1)
    except DatasetNotAvailable as problem:
        print(f"{problem}\nUsing generated data instead.")
        return make_interactions(900, 600, density=0.08, random_state=0)


def new_films(films):
    """Make two films of the latest year, with genres of the data."""
    genres = films.items["genres"].explode()
    known = [genre for genre in ("Sci-Fi", "War", "Romance", "Comedy") if (genre == genres).any()]
    if len(known) < 4:
        known = genres.value_counts().index[:4].tolist()
    films_of_this_year = pd.DataFrame(
        {
            "title": ["Star Patrol: The Last Battle", "My Wedding in Paris"],
            "genres": [tuple(known[:2]), tuple(known[2:])],
            "year": films.items["year"].max(),
        }
    )
    return films_of_this_year.set_index("title", drop=False)


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


def show(table):
    print(table.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
