"""Alternating least squares for implicit feedback.

`_training.py` has the loop over epochs. Half an epoch improves one table while the other is fixed, by compiled code on a CPU
(`_compiled_rows.py`, `_kernels.py`) and by batches of tensors on a GPU (`_batched_rows.py`).
"""

from skrec.engine.als._parameters import ALS, check_solver
from skrec.engine.als._training import alternate

__all__ = ["ALS", "alternate", "check_solver"]
