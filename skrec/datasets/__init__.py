"""Data sets: official files read as they are, and a generator."""

from skrec.datasets._dataset import Dataset
from skrec.datasets._files import DatasetNotAvailable
from skrec.datasets._lightgcn import LightGCNSplit, load_lightgcn
from skrec.datasets._movielens import fetch_movielens
from skrec.datasets._ncf import NCFSplit, load_ncf
from skrec.datasets._synthetic import make_interactions

__all__ = [
    "Dataset",
    "DatasetNotAvailable",
    "LightGCNSplit",
    "NCFSplit",
    "fetch_movielens",
    "load_lightgcn",
    "load_ncf",
    "make_interactions",
]
