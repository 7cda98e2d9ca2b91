"""
Comparing models with ALS
=========================

Quality against seconds, with intervals, and what the models recommend.
"""

# %%
from sklearn.model_selection import GridSearchCV

from skrec import (
    ALSRecommender,
    EASERecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    compare,
    get_scorer,
)
from skrec.datasets import make_interactions
from skrec.inspection import ComparisonDisplay, PopularityDisplay, SearchDisplay
from skrec.model_selection import RandomHoldout, train_test_split

films = make_interactions(400, 150, density=0.15, random_state=0).interactions
train, test = train_test_split(films, test_size=0.2, random_state=0)
als = ALSRecommender(n_factors=16, positive_from=4, n_jobs=1, random_state=0)
ease, knn = EASERecommender(positive_from=4), ItemKNNRecommender(positive_from=4)
popular = PopularityRecommender(positive_from=4)
table = compare([als, ease, knn, popular], train, "ndcg@10", test=test)
ComparisonDisplay.from_table(table)

# %%
# How often the items are recommended, against how popular they are.
PopularityDisplay.from_estimator(knn.fit(train))

# %%
# A search over two parameters.
search = GridSearchCV(
    knn,
    {"n_neighbors": [5, 10, 20, 50], "shrinkage": [0.0, 10.0, 100.0]},
    scoring=get_scorer("ndcg@10", positive_from=4),
    cv=RandomHoldout(0.2, random_state=0),
).fit(train)
SearchDisplay.from_search(search)
