"""Unfitted estimators of the published tables, with the settings of each row.

``make("ncf-ml1m", "MFRecommender")`` is fitted by `reproduce.py`. All settings were chosen on data cut from the training
part by `choose.py`, unless a published row has its own.
"""

import torch
from sklearn.base import clone

from skrec import (
    ALS,
    ALSRecommender,
    AutoRecRecommender,
    CaserRecommender,
    EASERecommender,
    GRU4RecRecommender,
    ItemKNNRecommender,
    LightGCNRecommender,
    MarkovRecommender,
    MFRecommender,
    MLPRecommender,
    MultVAERecommender,
    NeuMFRecommender,
    PopularityRecommender,
    SASRecRecommender,
    SLIMRecommender,
    UserKNNRecommender,
)

_SOFTMAX = dict(loss="softmax", n_factors=256, dropout=0.3, batch_size=256)

_COSINES = dict(temperature=0.15, n_factors=64, init_std=0.1, batch_size=512, max_epochs=25, learning_rate=0.02)

_VAE_GOWALLA = dict(
    hidden_layer_sizes=(128,), n_factors=64, batch_size=256, max_epochs=18, learning_rate=0.01, regularization=6
)

_NEUMF = dict(
    loss="softmax",
    n_negatives=8,
    n_factors=128,
    hidden_layer_sizes=(64, 32),
    batch_size=1024,
    max_epochs=8,
    learning_rate=0.01,
    regularization=0.05,
)

_SASREC_GAMES = dict(n_factors=50, dropout=0.3, max_epochs=20)  # width, length and blocks are the paper's

_RATING_MF = MFRecommender(
    loss="mse",
    y_range=(0, 5.5),
    n_factors=100,
    batch_size=256,
    max_epochs=10,
    learning_rate=3e-3,
    regularization=0.08,
)

_RATING_AUTOREC = AutoRecRecommender(
    loss="mse",
    side="item",
    y_range=(0.5, 5.5),
    n_factors=500,
    dropout=0.3,
    batch_size=128,
    max_epochs=20,
    learning_rate=3e-3,
    weight_decay=5,
)

_RATING_MLP = MLPRecommender(
    loss="mse",
    y_range=(0, 5.5),
    hidden_layer_sizes=(200, 100),
    embedding_dropout=0.1,
    dropout=0.2,
    batch_size=256,
    max_epochs=8,
    learning_rate=3e-3,
    weight_decay=1,
)

_ROOT_PENALTIES = ALS(unobserved_weight=0.3, regularization_exponent=0.5)

ROWS = {
    "ncf-ml1m": {
        "PopularityRecommender": PopularityRecommender(),
        # the published rows' own; the users of theirs are the reverse neighbors
        "ItemKNNRecommender": ItemKNNRecommender(n_neighbors=111, weighting="bm25", shrinkage=298),
        "UserKNNRecommender": UserKNNRecommender(n_neighbors=516, weighting="bm25", shrinkage=0, neighborhood="reverse"),
        "EASERecommender": EASERecommender(regularization=1320),
        "SLIMRecommender": SLIMRecommender(regularization=0.0788, l1_ratio=1.19e-5, n_neighbors=544),
        "ALSRecommender": ALSRecommender(n_factors=128, alpha=5, regularization=50, max_epochs=15),
        "MFRecommender": MFRecommender(**_SOFTMAX, regularization=4, learning_rate=0.01, max_epochs=40),
        "MFRecommender-als": MFRecommender(
            solver=ALS(unobserved_weight=0.5, regularization_exponent=1), n_factors=128, regularization=0.005, max_epochs=8
        ),
        "ALSRecommender-recency": ALSRecommender(n_factors=128, alpha=20, regularization=50, half_life=12, max_epochs=15),
        "MFRecommender-recency": MFRecommender(**_SOFTMAX, regularization=3, learning_rate=0.02, max_epochs=20, half_life=12),
        "NeuMFRecommender": NeuMFRecommender(**_NEUMF),
        "NeuMFRecommender-pretrained": NeuMFRecommender(**_NEUMF | {"n_negatives": 16}, pretrain=True),
        "MLPRecommender": MLPRecommender(
            loss="softmax",
            n_negatives=8,
            n_factors=64,
            hidden_layer_sizes=(128, 64),
            max_epochs=8,
            learning_rate=0.01,
            regularization=0.02,
        ),
        "MultVAERecommender": MultVAERecommender(batch_size=256, max_epochs=30, learning_rate=2e-3),
        "LightGCNRecommender": LightGCNRecommender(
            loss="softmax",
            n_factors=128,
            n_layers=2,
            batch_size=256,
            max_epochs=15,
            learning_rate=0.02,
            regularization=0.05,
        ),
        "MarkovRecommender": MarkovRecommender(),
        "SASRecRecommender": SASRecRecommender(n_factors=64, max_length=100, dropout=0.2, max_epochs=8, batch_size=32),
    },
    "games": {
        "PopularityRecommender": PopularityRecommender(),
        "ALSRecommender": ALSRecommender(n_factors=128, alpha=40, regularization=100, max_epochs=15),
        "MarkovRecommender": MarkovRecommender(),
        "GRU4RecRecommender": GRU4RecRecommender(n_factors=50, dropout=0.3, max_epochs=20),
        "CaserRecommender": CaserRecommender(max_epochs=20),
        "SASRecRecommender-bce": SASRecRecommender(
            **_SASREC_GAMES | {"loss": "bce", "negatives": "uniform", "n_negatives": 1, "max_epochs": 40}
        ),
        "SASRecRecommender": SASRecRecommender(**_SASREC_GAMES),
    },
    "ml100k-rmse": {
        "MFRecommender": _RATING_MF,
        "MLPRecommender": _RATING_MLP,
        "AutoRecRecommender": _RATING_AUTOREC,
    },
    "ml100k-rmse-random": {"MFRecommender": _RATING_MF, "AutoRecRecommender": _RATING_AUTOREC},
    "gowalla": {
        "PopularityRecommender": PopularityRecommender(),
        "ItemKNNRecommender": ItemKNNRecommender(n_neighbors=200, weighting="tfidf", asymmetry=0.4, shrinkage=400),
        "UserKNNRecommender": UserKNNRecommender(n_neighbors=100, weighting="bm25", shrinkage=0),
        "EASERecommender": EASERecommender(regularization=80),  # the published row's own
        "SLIMRecommender": SLIMRecommender(regularization=0.005, l1_ratio=1e-6),  # the published row's own
        "ALSRecommender": ALSRecommender(n_factors=64, alpha=40, regularization=1, max_epochs=15),
        "MFRecommender": MFRecommender(**_COSINES | {"max_epochs": 40}),
        "MFRecommender-als": MFRecommender(
            solver=ALS(unobserved_weight=0.01, regularization_exponent=1), n_factors=64, regularization=0.006, max_epochs=4
        ),
        "MultVAERecommender": MultVAERecommender(**_VAE_GOWALLA),
        "LightGCNRecommender-epoch5": LightGCNRecommender(  # the authors' own, after five of their 1,000 epochs
            n_factors=64,
            n_layers=3,
            init_std=0.1,
            batch_size=2048,
            max_epochs=5,
            learning_rate=1e-3,
            lr_schedule=None,
            optimizer=torch.optim.Adam,
            regularization=0.5e-4,
        ),
    },
    "strong-ml1m": {
        "PopularityRecommender": PopularityRecommender(),
        "EASERecommender": EASERecommender(regularization=500),
        "ALSRecommender": ALSRecommender(n_factors=256, alpha=8, regularization=70, max_epochs=15),
        "MFRecommender": MFRecommender(**_SOFTMAX, regularization=3, learning_rate=0.02, max_epochs=20),
        "MultVAERecommender": MultVAERecommender(batch_size=256, max_epochs=30, learning_rate=2e-3, kl_weight=0.1),
    },
    "strong-gowalla": {
        "PopularityRecommender": PopularityRecommender(),
        "EASERecommender": EASERecommender(regularization=50),
        "ALSRecommender": ALSRecommender(n_factors=128, alpha=40, regularization=1, max_epochs=15),
        "MFRecommender": MFRecommender(**_COSINES),
        "MultVAERecommender": MultVAERecommender(**_VAE_GOWALLA),
    },
}

# figures as they were published for the same split and protocol
PUBLISHED = {
    # Ferrari Dacrema et al., TOIS 2021; MF: Rendle et al., RecSys 2020; NeuMF not pre-trained: He et al., WWW 2017, 32 factors
    "ncf-ml1m": {
        "PopularityRecommender": {"HR@10": 0.4533, "NDCG@10": 0.2542},
        "ItemKNNRecommender": {"HR@10": 0.6694, "NDCG@10": 0.3979},
        "UserKNNRecommender": {"HR@10": 0.6606, "NDCG@10": 0.3951},
        "EASERecommender": {"HR@10": 0.7192, "NDCG@10": 0.4494},
        "SLIMRecommender": {"HR@10": 0.7162, "NDCG@10": 0.4468},
        "ALSRecommender": {"HR@10": 0.7109, "NDCG@10": 0.4382},
        "MFRecommender": {"HR@10": 0.7294, "NDCG@10": 0.4523},
        "NeuMFRecommender": {"HR@10": 0.701, "NDCG@10": 0.425},
        "NeuMFRecommender-pretrained": {"HR@10": 0.7093, "NDCG@10": 0.4349},
        "MLPRecommender": {"HR@10": 0.688, "NDCG@10": 0.416},  # a PyTorch port of the authors' code, 32 factors
    },
    "games": {  # Kang and McAuley, ICDM 2018: one draw of negatives
        "PopularityRecommender": {"HR@10": 0.4724, "NDCG@10": 0.2779},
        "GRU4RecRecommender": {"HR@10": 0.6599, "NDCG@10": 0.4759},
        "CaserRecommender": {"HR@10": 0.5282, "NDCG@10": 0.3214},
        "SASRecRecommender-bce": {"HR@10": 0.7410, "NDCG@10": 0.5360},
        "SASRecRecommender": {"HR@10": 0.7410, "NDCG@10": 0.5360},
    },
    "ml100k-rmse": {},
    "ml100k-rmse-random": {"MFRecommender": {"RMSE": 0.934}},  # SVD of the library Surprise, its README
    "gowalla": {  # BARS leaderboard, whose ItemCF divides each item's similarities by their sum, among other things
        "ItemKNNRecommender": {"Recall@20": 0.157, "NDCG@20": 0.1214},
        "EASERecommender": {"Recall@20": 0.1765, "NDCG@20": 0.1467},
        "SLIMRecommender": {"Recall@20": 0.1699, "NDCG@20": 0.1382},
        "MFRecommender": {"Recall@20": 0.1872, "NDCG@20": 0.1557},  # SimpleX, which is at its heart this
        "MultVAERecommender": {"Recall@20": 0.1641, "NDCG@20": 0.1335},  # the LightGCN paper's
        "LightGCNRecommender-epoch5": {"Recall@20": 0.1071, "NDCG@20": 0.0894},  # the log of the authors' PyTorch code
    },
    "strong-ml1m": {},
    "strong-gowalla": {},
}

# what `choose.py` tries
GRIDS = {
    ("ncf-ml1m", "ALSRecommender"): {"n_factors": [64, 128], "alpha": [1, 5, 10], "regularization": [10, 50, 100]},
    ("ncf-ml1m", "ALSRecommender-recency"): {"half_life": [12, 25, 50], "alpha": [5, 20, 40], "regularization": [10, 50]},
    ("ncf-ml1m", "MFRecommender"): [
        {"learning_rate": [0.02], "max_epochs": [20], "regularization": [2, 3, 4]},
        {"learning_rate": [0.01], "max_epochs": [40], "regularization": [3, 4, 5]},
    ],
    ("ncf-ml1m", "MFRecommender-als"): [
        {"solver__unobserved_weight": [0.3, 0.5], "regularization": [0.005, 0.007]},
        {"solver__unobserved_weight": [1.0], "regularization": [0.003]},
        {"n_factors": [64, 128], "regularization": [0.2], "solver": [_ROOT_PENALTIES], "max_epochs": [13]},
    ],
    ("ncf-ml1m", "MFRecommender-recency"): {"half_life": [12, 25, 50], "regularization": [1, 3]},
    ("ncf-ml1m", "NeuMFRecommender"): {"n_factors": [64, 128], "regularization": [0.03, 0.05, 0.08]},
    ("ncf-ml1m", "NeuMFRecommender-pretrained"): [
        {"n_negatives": [8]},
        {"n_negatives": [16], "regularization": [0.05, 0.1]},
    ],
    ("ncf-ml1m", "MLPRecommender"): {"regularization": [0.01, 0.02, 0.03]},
    ("ncf-ml1m", "LightGCNRecommender"): {"regularization": [0.05, 0.2]},
    ("ncf-ml1m", "MultVAERecommender"): {"learning_rate": [1e-3, 2e-3], "max_epochs": [30]},
    ("games", "ALSRecommender"): [
        {"alpha": [1, 10, 40], "regularization": [1, 10, 30]},
        {"n_factors": [64, 128], "alpha": [40, 100], "regularization": [30, 100]},
    ],
    ("games", "SASRecRecommender"): {"dropout": [0.2, 0.3, 0.5], "n_negatives": [256, 1024]},
    ("games", "GRU4RecRecommender"): {"dropout": [0.3, 0.5]},
    ("games", "CaserRecommender"): {"dropout": [0.3, 0.5], "n_factors": [32, 50]},
    ("ml100k-rmse", "MFRecommender"): {"n_factors": [50, 100], "regularization": [0.06, 0.08, 0.1]},
    ("ml100k-rmse", "AutoRecRecommender"): {"dropout": [0.3, 0.5, 0.7], "weight_decay": [3, 5]},
    ("ml100k-rmse", "MLPRecommender"): [
        {"hidden_layer_sizes": [(100, 50)], "weight_decay": [0.1, 0.3, 1, 2]},
        {"hidden_layer_sizes": [(100, 50)], "weight_decay": [0.3], "embedding_dropout": [0.1, 0.3], "dropout": [0.4]},
        {"hidden_layer_sizes": [(200, 100)]},
    ],
    ("gowalla", "ItemKNNRecommender"): [
        {"weighting": [None], "asymmetry": [0.4], "shrinkage": [10, 50], "n_neighbors": [100]},
        {"weighting": [None], "asymmetry": [0], "shrinkage": [50], "n_neighbors": [100]},
        {"asymmetry": [0, 0.4], "n_neighbors": [100]},
        {"n_neighbors": [50, 200]},
    ],
    ("gowalla", "UserKNNRecommender"): [
        {"weighting": [None], "n_neighbors": [100]},
        {"n_neighbors": [100, 200]},
        {"neighborhood": ["reverse"], "n_neighbors": [100]},
    ],
    ("gowalla", "MFRecommender"): [
        {"temperature": [0.12, 0.15, 0.2], "max_epochs": [25]},
        {"max_epochs": [40]},
        {"max_epochs": [25], "dropout": [0.2]},
    ],
    ("gowalla", "MFRecommender-als"): [
        {"regularization": [0.006], "max_epochs": [4, 5]},
        {"regularization": [1.0], "solver": [ALS(unobserved_weight=0.0256, regularization_exponent=0.0)], "max_epochs": [6]},
        {"regularization": [0.1], "solver": [ALS(unobserved_weight=0.02, regularization_exponent=0.5)], "max_epochs": [6]},
    ],
    ("gowalla", "MultVAERecommender"): [{"regularization": [12], "max_epochs": [12]}, {"regularization": [6]}],
    ("gowalla", "ALSRecommender"): {"alpha": [10, 40, 100], "regularization": [1, 10, 20]},
    ("strong-ml1m", "EASERecommender"): {"regularization": [100, 200, 500, 1000, 2000]},
    ("strong-ml1m", "ALSRecommender"): [
        {"n_factors": [64, 128], "alpha": [2, 5, 10], "regularization": [10, 50, 100]},
        {"n_factors": [256], "alpha": [3, 5, 8], "regularization": [30, 50, 70]},
    ],
    ("strong-ml1m", "MFRecommender"): {"regularization": [1, 2, 3, 5]},
    ("strong-ml1m", "MultVAERecommender"): [
        {"regularization": [0, 1, 3]},
        {"regularization": [1], "kl_weight": [0.1, 0.5]},
        {"kl_weight": [0.02, 0.05, 0.1]},
    ],
    ("strong-gowalla", "EASERecommender"): {"regularization": [20, 50, 200]},
    ("strong-gowalla", "ALSRecommender"): {"alpha": [10, 40, 100], "regularization": [1, 10]},
    ("strong-gowalla", "MFRecommender"): {"temperature": [0.12, 0.15, 0.2]},
}


def make(table, name):
    """Return the unfitted estimator of a row of a table.

    Parameters
    ----------
    table : {"ncf-ml1m", "games", "ml100k-rmse", "ml100k-rmse-random", "gowalla", "strong-ml1m", "strong-gowalla"}
    name : str
        Name of a class, with a suffix if there are several rows: "MFRecommender", "MFRecommender-recency".
    """
    if table not in ROWS:
        raise ValueError(f"table must be one of {', '.join(ROWS)}, got {table!r}")
    if name not in ROWS[table]:
        raise ValueError(f"name must be one of {', '.join(ROWS[table])}, got {name!r}")
    return clone(ROWS[table][name])
