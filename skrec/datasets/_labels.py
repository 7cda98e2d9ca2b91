"""Names as labels."""

import pandas as pd


def unique_names(names: pd.Series, ids: pd.Series) -> pd.Series:
    """Names without white space around them, those that several ids bear followed by the id, as in "Twins (1988) [3]"."""
    names = names.str.strip()
    return names.where(~names.duplicated(keep=False), names + " [" + ids.astype(str) + "]")
