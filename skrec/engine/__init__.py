"""Networks trained inside scikit-learn estimators."""

from skrec.engine._estimator import TorchRecommender
from skrec.engine._family_parameters import NegativeParameters, RatingParameters
from skrec.engine._inference import NetworkInference
from skrec.engine.batches._at_times import Asked, AskedBatches, NegativesAsOf, PastTable, numbered
from skrec.engine.batches._batches import Batches, ColumnBatches, PairBatches, RatingRows, RowBatches, SlateBatches
from skrec.engine.batches._clock import TICKS_PER_SECOND, Clock
from skrec.engine.batches._negatives import PopularNegatives, UniformNegatives
from skrec.engine.batches._sequences import Sequences, SequenceTable
from skrec.engine.batches._sparse_rows import Rows, RowTable, SparseMatrix
from skrec.engine.fold_in import learn_prior
from skrec.engine.losses._losses import LOSSES, Loss, ccl
from skrec.engine.losses._row_likelihood import Factors
from skrec.engine.networks._autoencoder import ACTIVATIONS, Readout, RowNetwork, RowRecommender, SparseLinear
from skrec.engine.networks._branches import GMF, MLP, PathEmbeddings, PathNetwork, check_layers
from skrec.engine.networks._layers import Dropout, Noise, build_seeded, embedding, weights
from skrec.engine.networks._network import EmbeddingNetwork, State
from skrec.engine.networks._products import DotProduct, DotProductEmbeddings, ProductNetwork, products
from skrec.engine.networks._sequence import SequenceNetwork, SequenceRecommender
from skrec.engine.networks._tower import Reader, Tower, feature_table
from skrec.engine.training._replay import PACE_OF_PARTIAL_FIT, with_rehearsal

__all__ = [
    "ACTIVATIONS",
    "GMF",
    "LOSSES",
    "MLP",
    "PACE_OF_PARTIAL_FIT",
    "TICKS_PER_SECOND",
    "Asked",
    "AskedBatches",
    "Batches",
    "Clock",
    "ColumnBatches",
    "DotProduct",
    "DotProductEmbeddings",
    "Dropout",
    "EmbeddingNetwork",
    "Factors",
    "Loss",
    "NegativeParameters",
    "NegativesAsOf",
    "NetworkInference",
    "Noise",
    "PairBatches",
    "PastTable",
    "PathEmbeddings",
    "PathNetwork",
    "PopularNegatives",
    "ProductNetwork",
    "RatingParameters",
    "RatingRows",
    "Reader",
    "Readout",
    "RowBatches",
    "RowNetwork",
    "RowRecommender",
    "RowTable",
    "Rows",
    "SequenceNetwork",
    "SequenceRecommender",
    "SequenceTable",
    "Sequences",
    "SlateBatches",
    "SparseLinear",
    "SparseMatrix",
    "State",
    "TorchRecommender",
    "Tower",
    "UniformNegatives",
    "build_seeded",
    "ccl",
    "check_layers",
    "embedding",
    "feature_table",
    "learn_prior",
    "numbered",
    "products",
    "weights",
    "with_rehearsal",
]
