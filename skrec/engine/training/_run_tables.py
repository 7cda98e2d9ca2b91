"""Values of parameters in logs, and logged runs as a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_N_PARTS_OF_TIME = 4  # day, time, microseconds and a random number


def plain(value: Any) -> Any:
    """Return the value of a parameter as a number, a str or None, in which it is logged."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else repr(value)


def read_runs(folder: Path, name: str | None, search: Any) -> pd.DataFrame:
    """Read the runs in a folder, in order of time, with a row for each epoch.

    Parameters
    ----------
    folder : Path
        Folder of a `TrainingLog` of the kind "csv".
    name : str or None
        First part of the names of the runs. If None, all runs.
    search : estimator or None
        A fitted search with ``cv_results_``.
    """
    from pytorch_lightning.core.saving import load_hparams_from_yaml

    candidates = None if search is None else _Candidates(search)
    parts = []
    files = [file for file in folder.glob("*/metrics.csv") if name in (None, _name_and_time(file)[0])]
    for file in sorted(files, key=lambda file: _name_and_time(file)[1]):
        epochs = pd.read_csv(file)
        known = {"run": file.parent.name} | load_hparams_from_yaml(str(file.with_name("hparams.yaml")), use_omegaconf=False)
        if candidates is not None:
            known |= candidates.results_of(known)
        names = {name: f"{name}_of_epoch" if name in known else name for name in epochs if name not in ("epoch", "step")}
        figures = epochs[list(names)].rename(columns=names)
        parts.append(pd.DataFrame([known] * len(epochs)).assign(epoch=epochs["step"]).join(figures))
    if not parts:
        raise FileNotFoundError(f"{folder} has no runs" + ("" if name is None else f" with the name {name!r}"))
    return pd.concat(parts, ignore_index=True)


def _name_and_time(file: Path) -> tuple[str, str]:
    """The two parts of the name of a run."""
    parts = file.parent.name.rsplit("-", _N_PARTS_OF_TIME)
    return parts[0], "-".join(parts[1:])


class _Candidates:
    """The candidates of a search, and the results of the candidate of a run."""

    def __init__(self, search: Any):
        results = pd.DataFrame(search.cv_results_)
        self.parameters = [{name: plain(value) for name, value in given.items()} for given in results["params"]]
        scores = [name for name in results if name.startswith(("mean_test_", "std_test_", "rank_test_"))]
        self.results = results[scores].assign(candidate=range(len(results)))

    def results_of(self, run: dict[str, Any]) -> dict[str, Any]:
        for candidate, parameters in enumerate(self.parameters):
            if all(run.get(_own_name(name, run)) == value for name, value in parameters.items()):
                return self.results.loc[candidate].to_dict()
        return {}


def _own_name(name: str, run: dict[str, Any]) -> str:
    """The name of a parameter without those of the estimators around the model, such as steps of a Pipeline."""
    while name not in run and "__" in name:
        name = name.partition("__")[2]
    return name
