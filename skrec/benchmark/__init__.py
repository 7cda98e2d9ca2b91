"""Comparison of models on the same held-out data, with their costs."""

from skrec.benchmark._compare import compare
from skrec.benchmark._memory import MemoryWatch

__all__ = ["MemoryWatch", "compare"]
