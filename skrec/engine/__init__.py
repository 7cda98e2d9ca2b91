"""Networks trained inside scikit-learn estimators."""

from skrec.engine._estimator import TorchRecommender
from skrec.engine._expansion import expand_network
from skrec.engine._pair_estimator import (
    KINDS_OF_NEGATIVES,
    NEEDS_DRAWN_NEGATIVES,
    PairRecommender,
    ranking_objective,
    ranking_settings,
    rating_objective,
    row_batch_size,
)
from skrec.engine._row_estimator import RowRecommender, row_objective
from skrec.engine._sequence_estimator import SequenceRecommender
from skrec.engine._stored import NetworkKind, PriorKind, TrainedWith
from skrec.engine.als import ALS, check_solver
from skrec.engine.batches._at_times import NegativesAtTimes, TimedBatches, TimedSequenceTable, UsersAtTimes, one_user_per_event
from skrec.engine.batches._batches import Batches, ColumnBatches, PairBatches, RatingRows, RowBatches, SlateBatches
from skrec.engine.batches._clock import Clock
from skrec.engine.batches._negatives import PopularNegatives, UniformNegatives
from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.batches._sparse_rows import Rows, RowTable, SparseMatrix
from skrec.engine.fold_in import (
    Catalog,
    FoldIn,
    events_of_reference_users,
    learn_prior,
    prior_of,
    prior_of_training,
    settled_prior,
)
from skrec.engine.losses._losses import LOSSES, CosineContrastiveLoss, Loss, Losses, bpr, ccl
from skrec.engine.networks._autoencoder import ACTIVATIONS, OutputLayer, RowNetwork, SparseLinear
from skrec.engine.networks._branches import GMF, MLP, BranchNetwork
from skrec.engine.networks._layers import Dropout, Noise, build_seeded, embedding, weights
from skrec.engine.networks._network import EmbeddingNetwork, RecommenderNetwork, State, prepare
from skrec.engine.networks._products import DotProduct, Factors, ProductNetwork, products
from skrec.engine.networks._sequence import SequenceNetwork
from skrec.engine.networks._tower import FeatureMLP, Tower, feature_table
from skrec.engine.objectives._implicit_squares import ImplicitSquares, implicit_squares
from skrec.engine.objectives._objective import Objective
from skrec.engine.objectives._rankings import Ranking, SampledRanking, Slates, WholeColumns, WholeRows
from skrec.engine.objectives._rating_penalties import default_strength
from skrec.engine.objectives._ratings import Ratings, RatingsByItem, RatingsByUser
from skrec.engine.training._checks import check_layers, check_negatives, check_y_range, parameters_of
from skrec.engine.training._early_stopping import EarlyStopping
from skrec.engine.training._history import TrainingHistory, ValidationMonitor
from skrec.engine.training._processes import batches_of_process
from skrec.engine.training._replay import PARTIAL_FIT_LR_FACTOR, sample_with_replay
from skrec.engine.training._schedules import CosineRestarts
from skrec.engine.training._training_log import TrainingLog

__all__ = [
    "ACTIVATIONS",
    "ALS",
    "GMF",
    "KINDS_OF_NEGATIVES",
    "LOSSES",
    "MLP",
    "NEEDS_DRAWN_NEGATIVES",
    "PARTIAL_FIT_LR_FACTOR",
    "Batches",
    "BranchNetwork",
    "Catalog",
    "Clock",
    "ColumnBatches",
    "CosineContrastiveLoss",
    "CosineRestarts",
    "DotProduct",
    "Dropout",
    "EarlyStopping",
    "EmbeddingNetwork",
    "Factors",
    "FeatureMLP",
    "FoldIn",
    "ImplicitSquares",
    "Loss",
    "Losses",
    "NegativesAtTimes",
    "NetworkKind",
    "Noise",
    "Objective",
    "OutputLayer",
    "PairBatches",
    "PairRecommender",
    "PopularNegatives",
    "PriorKind",
    "ProductNetwork",
    "Ranking",
    "RatingRows",
    "Ratings",
    "RatingsByItem",
    "RatingsByUser",
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
    "TimedBatches",
    "TimedSequenceTable",
    "TorchRecommender",
    "Tower",
    "TrainedWith",
    "TrainingHistory",
    "TrainingLog",
    "UniformNegatives",
    "UsersAtTimes",
    "ValidationMonitor",
    "WholeColumns",
    "WholeRows",
    "bpr",
    "build_seeded",
    "ccl",
    "check_layers",
    "check_negatives",
    "check_solver",
    "check_y_range",
    "default_strength",
    "embedding",
    "events_of_reference_users",
    "expand_network",
    "feature_table",
    "implicit_squares",
    "learn_prior",
    "one_user_per_event",
    "parameters_of",
    "prepare",
    "prior_of",
    "prior_of_training",
    "products",
    "ranking_objective",
    "ranking_settings",
    "rating_objective",
    "row_batch_size",
    "row_objective",
    "sample_with_replay",
    "settled_prior",
    "weights",
]
