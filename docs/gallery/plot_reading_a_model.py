"""
Reading a model of ratings
==========================

Ratings and predictions, biases, and a map of the embeddings.
"""

# %%
from skrec import MFRecommender
from skrec.datasets import make_interactions
from skrec.inspection import BiasDisplay, EmbeddingDisplay, RatingTableDisplay

films = make_interactions(400, 150, density=0.15, random_state=0)
setting = dict(n_factors=8, batch_size=64, max_epochs=10, learning_rate=5e-3, random_state=0)
model = MFRecommender(loss="mse", y_range=(0, 5.5), **setting)
model.fit(films.interactions)

# %%
# The predictions of the pairs with most ratings. Bold numbers have no rating.
RatingTableDisplay.from_estimator(model)

# %%
# The films with the highest and the lowest biases.
BiasDisplay.from_estimator(model, k=8, min_count=20)

# %%
# Films near each other have similar embeddings. Colors are genres.
genre = films.items["genres"].str[0].rename("genre")
most = films.frame["item"].value_counts().index[:6]
EmbeddingDisplay.from_estimator(model, color_by=genre, labels=list(most))
