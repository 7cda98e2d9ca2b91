"""Networks trained inside scikit-learn estimators."""

from skrec.engine._dot_product import DotProduct
from skrec.engine._estimator import TorchRecommender
from skrec.engine._foldin import ridge
from skrec.engine._inference import NetworkInference
from skrec.engine._layers import Dropout, embedding, weights

__all__ = ["DotProduct", "Dropout", "NetworkInference", "TorchRecommender", "embedding", "ridge", "weights"]
