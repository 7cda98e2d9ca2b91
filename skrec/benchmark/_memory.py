"""Peak memory of a fit."""

import gc
import sys
import threading
from typing import Any, Self

from skrec._memory import resident_bytes

_SAMPLING_SECONDS = 0.005
_MEBIBYTE = 2**20


class MemoryWatch:
    """Context manager that measures the peak memory of its block.

    A thread samples the resident memory of the process every 5 ms. On CUDA devices, the memory allocated by torch is measured.
    The peaks of torch are reset at the beginning.

    Examples
    --------
    >>> from skrec.benchmark import MemoryWatch
    >>> with MemoryWatch() as memory:
    ...     data = bytearray(2**20)
    >>> peak = memory.peak_megabytes("cpu")
    """

    def __enter__(self) -> Self:
        gc.collect()  # memory of an earlier model would be reused and hide allocations
        self._cuda_before = _reset_cuda_peaks()
        self._before = self._peak = resident_bytes()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="skrec-memory-watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._peak = max(self._peak, resident_bytes())

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLING_SECONDS):
            self._peak = max(self._peak, resident_bytes())

    def peak_megabytes(self, device: str) -> float:
        """Peak memory above the level at the beginning of the block.

        Parameters
        ----------
        device : str
            "cpu" for the process, or a CUDA device such as "cuda:0".

        Returns
        -------
        float
            Memory in units of 2**20 bytes. NaN for the process on systems other than Linux.
        """
        if device.startswith("cuda"):
            import torch

            index = torch.device(device).index or 0
            return (torch.cuda.max_memory_allocated(index) - self._cuda_before.get(index, 0)) / _MEBIBYTE
        return (self._peak - self._before) / _MEBIBYTE


def _reset_cuda_peaks() -> dict[int, int]:
    """Reset torch's peaks. Returns the allocated bytes of each device, empty if CUDA is not initialized."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    devices = range(torch.cuda.device_count())
    for device in devices:
        torch.cuda.reset_peak_memory_stats(device)
    return {device: torch.cuda.memory_allocated(device) for device in devices}
