"""Networks trained inside scikit-learn estimators."""

from skrec.engine._batches import Batches, ColumnBatches, PairBatches, RatingRows, RowBatches, SlateBatches
from skrec.engine._clock import TICKS_PER_SECOND, Clock
from skrec.engine._dot_product import DotProduct, DotProductEmbeddings, ProductNetwork, products
from skrec.engine._embedding_network import EmbeddingNetwork, State
from skrec.engine._estimator import TorchRecommender
from skrec.engine._family_parameters import NegativeParameters, RatingParameters
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import Dropout, Noise, build_seeded, embedding, weights
from skrec.engine._losses import LOSSES, Loss, ccl
from skrec.engine._moments import Asked, AskedBatches, NegativesAsOf, PastTable, numbered
from skrec.engine._negatives import PopularNegatives, UniformNegatives
from skrec.engine._paths import GMF, MLP, PathEmbeddings, PathNetwork, check_layers
from skrec.engine._rehearsal import PACE_OF_PARTIAL_FIT, with_rehearsal
from skrec.engine._row_likelihood import Factors
from skrec.engine._row_network import ACTIVATIONS, Readout, RowNetwork, RowRecommender, SparseLinear
from skrec.engine._rows import Rows, RowTable, SparseMatrix
from skrec.engine._sequence_network import SequenceNetwork, SequenceRecommender
from skrec.engine._sequences import Sequences, SequenceTable
from skrec.engine._tower import Reader, Tower, feature_table
from skrec.engine.fold_in import learn_prior

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
