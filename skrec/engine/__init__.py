"""Networks trained inside scikit-learn estimators."""

from skrec.engine._estimator import TorchRecommender
from skrec.engine._growth import grown
from skrec.engine._pair_estimator import DRAWN, KINDS_OF_NEGATIVES, ROWS_AT_ONCE, PairRecommender, ranking_of, ratings_of
from skrec.engine._row_estimator import RowRecommender, rows_of
from skrec.engine._sequence_estimator import SequenceRecommender
from skrec.engine.batches._at_times import Asked, AskedBatches, NegativesAsOf, PastTable, numbered
from skrec.engine.batches._batches import Batches, ColumnBatches, PairBatches, RatingRows, RowBatches, SlateBatches
from skrec.engine.batches._clock import Clock
from skrec.engine.batches._negatives import PopularNegatives, UniformNegatives
from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.batches._sparse_rows import Rows, RowTable, SparseMatrix
from skrec.engine.fold_in import Catalogue, FoldIn, learn_prior, prior_of
from skrec.engine.losses._losses import LOSSES, Loss, Losses, bpr, ccl
from skrec.engine.networks._autoencoder import ACTIVATIONS, Readout, RowNetwork, SparseLinear
from skrec.engine.networks._branches import GMF, MLP, PathNetwork
from skrec.engine.networks._layers import Dropout, Noise, build_seeded, embedding, weights
from skrec.engine.networks._network import EmbeddingNetwork, RecommenderNetwork, State, prepare
from skrec.engine.networks._products import DotProduct, Factors, ProductNetwork, products
from skrec.engine.networks._sequence import SequenceNetwork
from skrec.engine.networks._tower import Reader, Tower, feature_table
from skrec.engine.objectives._objective import Objective
from skrec.engine.objectives._rankings import Ranking, SampledRanking, Slates, WholeColumns, WholeRows
from skrec.engine.objectives._ratings import Ratings, RatingsByItem, RatingsByUser
from skrec.engine.training._checks import check_layers, check_negatives, check_y_range
from skrec.engine.training._history import TrainingHistory, ValidationMonitor
from skrec.engine.training._replay import PARTIAL_FIT_RATE, sample_with_replay

__all__ = [
    "ACTIVATIONS",
    "DRAWN",
    "GMF",
    "KINDS_OF_NEGATIVES",
    "LOSSES",
    "MLP",
    "PARTIAL_FIT_RATE",
    "ROWS_AT_ONCE",
    "Asked",
    "AskedBatches",
    "Batches",
    "Catalogue",
    "Clock",
    "ColumnBatches",
    "DotProduct",
    "Dropout",
    "EmbeddingNetwork",
    "Factors",
    "FoldIn",
    "Loss",
    "Losses",
    "NegativesAsOf",
    "Noise",
    "Objective",
    "PairBatches",
    "PairRecommender",
    "PastTable",
    "PathNetwork",
    "PopularNegatives",
    "ProductNetwork",
    "Ranking",
    "RatingRows",
    "Ratings",
    "RatingsByItem",
    "RatingsByUser",
    "Reader",
    "Readout",
    "RecommenderNetwork",
    "RowBatches",
    "RowNetwork",
    "RowRecommender",
    "RowTable",
    "Rows",
    "SampledRanking",
    "SequenceNetwork",
    "SequenceRecommender",
    "SequenceTable",
    "Sequences",
    "SlateBatches",
    "Slates",
    "SparseLinear",
    "SparseMatrix",
    "State",
    "TorchRecommender",
    "Tower",
    "TrainingHistory",
    "UniformNegatives",
    "ValidationMonitor",
    "WholeColumns",
    "WholeRows",
    "bpr",
    "build_seeded",
    "ccl",
    "check_layers",
    "check_negatives",
    "check_y_range",
    "embedding",
    "feature_table",
    "grown",
    "learn_prior",
    "numbered",
    "prepare",
    "prior_of",
    "products",
    "ranking_of",
    "ratings_of",
    "rows_of",
    "sample_with_replay",
    "weights",
]
