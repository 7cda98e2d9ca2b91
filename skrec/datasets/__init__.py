"""Data sets: loaders of official files, and generators of synthetic data."""

from skrec.datasets._amazon import AmazonReviews, load_amazon
from skrec.datasets._dataset import Dataset
from skrec.datasets._files import DatasetNotAvailable
from skrec.datasets._lastfm import LastFM, load_lastfm
from skrec.datasets._lightgcn import LightGCNSplit, load_lightgcn
from skrec.datasets._mind import Mind, load_mind
from skrec.datasets._movielens import fetch_movielens
from skrec.datasets._ncf import NCFSplit, load_ncf
from skrec.datasets._sasrec import load_sasrec
from skrec.datasets._synthetic import make_interactions
from skrec.datasets._synthetic_news import SyntheticNews, make_news

__all__ = [
    "AmazonReviews",
    "Dataset",
    "DatasetNotAvailable",
    "LastFM",
    "LightGCNSplit",
    "Mind",
    "NCFSplit",
    "SyntheticNews",
    "fetch_movielens",
    "load_amazon",
    "load_lastfm",
    "load_lightgcn",
    "load_mind",
    "load_ncf",
    "load_sasrec",
    "make_interactions",
    "make_news",
]
