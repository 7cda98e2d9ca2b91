"""Networks trained inside scikit-learn estimators."""

from skrec.engine._dot_product import DotProduct, DotProductEmbeddings
from skrec.engine._embedding_network import EmbeddingNetwork
from skrec.engine._estimator import TorchRecommender
from skrec.engine._foldin import ridge
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import Dropout, build_seeded, embedding, weights
from skrec.engine._rehearsal import PACE_OF_PARTIAL_FIT, with_rehearsal

__all__ = [
    "PACE_OF_PARTIAL_FIT",
    "DotProduct",
    "DotProductEmbeddings",
    "Dropout",
    "EmbeddingNetwork",
    "NetworkInference",
    "TorchRecommender",
    "build_seeded",
    "embedding",
    "ridge",
    "weights",
    "with_rehearsal",
]
