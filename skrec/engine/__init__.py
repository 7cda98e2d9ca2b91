"""Networks trained inside scikit-learn estimators."""

from skrec.engine._dot_product import DotProduct, DotProductEmbeddings
from skrec.engine._estimator import TorchRecommender
from skrec.engine._foldin import ridge
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import Dropout, build_seeded, embedding, weights

__all__ = [
    "DotProduct",
    "DotProductEmbeddings",
    "Dropout",
    "NetworkInference",
    "TorchRecommender",
    "build_seeded",
    "embedding",
    "ridge",
    "weights",
]
