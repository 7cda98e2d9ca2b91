"""Models side by side on the same held-out data, and what they cost."""

from skrec.benchmark._compare import compare
from skrec.benchmark._memory import MemoryWatch

__all__ = ["MemoryWatch", "compare"]
