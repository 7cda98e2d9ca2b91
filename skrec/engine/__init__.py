"""Networks trained inside scikit-learn estimators."""

from skrec.engine._batches import Batches, ColumnBatches, PairBatches, RatingRows, RowBatches
from skrec.engine._dot_product import DotProduct, DotProductEmbeddings, ProductNetwork, products
from skrec.engine._embedding_network import EmbeddingNetwork, State
from skrec.engine._estimator import TorchRecommender
from skrec.engine._foldin import ridge
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import Dropout, Noise, build_seeded, embedding, weights
from skrec.engine._losses import LOSSES, Loss, ccl
from skrec.engine._negatives import UniformNegatives
from skrec.engine._paths import GMF, MLP, PathEmbeddings, PathNetwork, check_layers
from skrec.engine._rehearsal import PACE_OF_PARTIAL_FIT, with_rehearsal
from skrec.engine._row_network import ACTIVATIONS, Readout, RowNetwork, RowRecommender, SparseLinear
from skrec.engine._rows import Rows, RowTable, SparseMatrix

__all__ = [
    "ACTIVATIONS",
    "GMF",
    "LOSSES",
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
    "ProductNetwork",
    "RatingRows",
    "Readout",
    "RowBatches",
    "RowNetwork",
    "RowRecommender",
    "RowTable",
    "Rows",
    "SparseLinear",
    "SparseMatrix",
    "State",
    "TorchRecommender",
    "UniformNegatives",
    "build_seeded",
    "ccl",
    "check_layers",
    "embedding",
    "products",
    "ridge",
    "weights",
    "with_rehearsal",
]
