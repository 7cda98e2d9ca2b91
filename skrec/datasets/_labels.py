"""Labels made of names."""

import pandas as pd


def unique_names(names: pd.Series, ids: pd.Series) -> pd.Series:
    """Names without surrounding white space. Names of several ids are followed by the id, as in "Twins (1988) [3]"."""
    names = names.str.strip()
    return names.where(~names.duplicated(keep=False), names + " [" + ids.astype(str) + "]")
