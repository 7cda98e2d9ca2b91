"""How checkpoints are written and processes are started. This file imports Lightning."""

from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.strategies import DDPStrategy

from skrec.engine.training._checkpoint_files import write_checkpoint
from skrec.engine.training._checkpoints import Checkpoints


class CheckpointFiles(TorchCheckpointIO):
    """Writes Lightning's checkpoints to files with a checksum.

    Parameters
    ----------
    checkpoints : Checkpoints
        Checkpoints of the fit.
    """

    def __init__(self, checkpoints: Checkpoints):
        self.checkpoints = checkpoints

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        write_checkpoint(Path(path), checkpoint, run=self.checkpoints.run)

    def load_checkpoint(self, path: Any, *args: Any, **options: Any) -> Any:
        return self.checkpoints.state  # has been read and checked when it was chosen


class Processes(DDPStrategy):
    """Processes with the whole network in each. `Training.update` sums their gradients, so the network is not wrapped."""

    def configure_ddp(self) -> None:
        """Leave the network as it is."""
