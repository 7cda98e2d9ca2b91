"""
Overfitting and weight decay
============================

Matrix factorization of ratings learns the training data by heart, unless its weights decay.
"""

# %%
# A fifth of the ratings is held out. ``validation`` only watches: the weights are those of the last epoch.
from skrec import MFRecommender
from skrec.datasets import make_interactions
from skrec.inspection import LearningCurveDisplay
from skrec.model_selection import train_test_split

films = make_interactions(400, 150, density=0.15, random_state=0).interactions
train, test = train_test_split(films, test_size=0.2, random_state=0)
setting = dict(loss="mse", y_range=(0, 5.5), n_factors=30, batch_size=64, max_epochs=15)
setting |= dict(learning_rate=5e-3, random_state=0)
free = MFRecommender(**setting, regularization=0).fit(train, validation=test)
LearningCurveDisplay.from_estimator(free)

# %%
# With weight decay, the loss on held-out ratings rises less.
decayed = MFRecommender(**setting, regularization=0, weight_decay=0.2).fit(train, validation=test)
LearningCurveDisplay.from_estimator(decayed)

# %%
# A model that ranks, and the epoch that early stopping has kept.
setting = dict(positive_from=4, n_factors=8, max_epochs=12, random_state=0)
chosen = MFRecommender(early_stopping="ndcg@10", **setting)
LearningCurveDisplay.from_estimator(chosen.fit(train))
