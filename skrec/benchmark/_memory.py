"""How much memory a fit takes on top of what was there before."""

import gc
import os
import sys
import threading
from pathlib import Path
from typing import Any, Self

_SECONDS_BETWEEN_LOOKS = 0.005
_MEBIBYTE = 2**20
_STATM = Path("/proc/self/statm")


class MemoryWatch:
    """Looks at the memory in use while a ``with`` block runs.

    Of the process it is the resident memory, seen every 5 ms by a thread; of CUDA devices what torch has allocated, whose
    peaks are set back at the beginning.
    """

    def __enter__(self) -> Self:
        gc.collect()  # what an earlier model left behind would hide what this one takes
        self._cuda_before = _reset_cuda_peaks()
        self._before = self._peak = _resident_bytes()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="skrec-memory-watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._peak = max(self._peak, _resident_bytes())

    def _look(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            self._peak = max(self._peak, _resident_bytes())

    def peak_megabytes(self, device: str) -> float:
        """What came on top at most, of a CUDA device or of the process, in units of 2**20 bytes."""
        if device.startswith("cuda"):
            import torch

            index = torch.device(device).index or 0
            return (torch.cuda.max_memory_allocated(index) - self._cuda_before.get(index, 0)) / _MEBIBYTE
        return (self._peak - self._before) / _MEBIBYTE


def _resident_bytes() -> float:
    """NaN where the system does not tell."""
    try:
        pages = _STATM.read_text(encoding="ascii").split()[1]
    except OSError:
        return float("nan")
    return float(int(pages) * os.sysconf("SC_PAGE_SIZE"))


def _reset_cuda_peaks() -> dict[int, int]:
    """Bytes now allocated on each device, empty where nothing has used CUDA yet."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    devices = range(torch.cuda.device_count())
    for device in devices:
        torch.cuda.reset_peak_memory_stats(device)
    return {device: torch.cuda.memory_allocated(device) for device in devices}
