"""Networks trained inside scikit-learn estimators."""

from skrec.engine._autoencoder import ACTIVATIONS, Readout, SparseLinear
from skrec.engine._batches import Batches, ColumnBatches, PairBatches, RatingRows, RowBatches
from skrec.engine._dot_product import DotProduct, DotProductEmbeddings, products
from skrec.engine._embedding_network import EmbeddingNetwork, RowNetwork
from skrec.engine._estimator import TorchRecommender
from skrec.engine._foldin import ridge
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import Dropout, Noise, build_seeded, embedding, weights
from skrec.engine._losses import Loss
from skrec.engine._negatives import UniformNegatives
from skrec.engine._paths import GMF, MLP, PathEmbeddings, PathNetwork, check_layers
from skrec.engine._rehearsal import PACE_OF_PARTIAL_FIT, with_rehearsal
from skrec.engine._rows import Rows, RowTable, SparseMatrix

__all__ = [
    "ACTIVATIONS",
    "GMF",
    "MLP",
    "PACE_OF_PARTIAL_FIT",
    "Batches",
    "ColumnBatches",
    "DotProduct",
    "DotProductEmbeddings",
    "Dropout",
    "EmbeddingNetwork",
    "Loss",
    "NetworkInference",
    "Noise",
    "PairBatches",
    "PathEmbeddings",
    "PathNetwork",
    "RatingRows",
    "Readout",
    "RowBatches",
    "RowNetwork",
    "RowTable",
    "Rows",
    "SparseLinear",
    "SparseMatrix",
    "TorchRecommender",
    "UniformNegatives",
    "build_seeded",
    "check_layers",
    "embedding",
    "products",
    "ridge",
    "weights",
    "with_rehearsal",
]
