"""Early stopping."""

from typing import Any

from skrec._checks import check_fraction, check_int, check_no_class
from skrec.base._parameters import DeclaredParameters
from skrec.metrics import get_scorer


class EarlyStopping(DeclaredParameters):
    """Stop training when a scorer no longer improves, and keep the weights of the best epoch.

    Parameters
    ----------
    scorer : str
        Name of a scorer, such as "ndcg@10", or "valid_loss" for the loss on validation data.
    patience : int, default=3
        Number of epochs without improvement after which training ends. With ``patience=max_epochs`` all epochs are trained and
        the best one is kept.
    validation_fraction : float, default=0.1
        Fraction of the events held out if ``fit`` is called without validation data. Models of sequences and of news hold out
        users' last events or the latest impressions, see their documentation.

    Examples
    --------
    >>> from skrec import EarlyStopping, MFRecommender
    >>> model = MFRecommender(early_stopping=EarlyStopping("ndcg@10", patience=5))
    >>> model.set_params(early_stopping__patience=8).early_stopping
    EarlyStopping(patience=8, scorer='ndcg@10')
    """

    def __init__(self, scorer: str, *, patience: int = 3, validation_fraction: float = 0.1):
        self.scorer = scorer
        self.patience = patience
        self.validation_fraction = validation_fraction

    def _check_parameters(self) -> None:
        _check_scorer(self.scorer, "the scorer of early_stopping must be 'valid_loss' or the name of a scorer")
        check_int(self.patience, "patience", at_least=1)
        check_fraction(self.validation_fraction, "validation_fraction")


def check_early_stopping(value: Any) -> None:
    """Check the parameter ``early_stopping`` of a model.

    Raises
    ------
    ValueError, TypeError
        If it is neither the name of a scorer nor a valid `EarlyStopping`.
    """
    check_no_class(value, "early_stopping")
    if isinstance(value, EarlyStopping):
        value._check_parameters()
    else:
        _check_scorer(value, "early_stopping must be None, 'valid_loss', the name of a scorer or an EarlyStopping")


def _check_scorer(scorer: Any, accepted: str) -> None:
    if not isinstance(scorer, str):
        raise TypeError(f"{accepted}, got {scorer!r}")
    if scorer == "valid_loss":
        return
    try:
        get_scorer(scorer)
    except ValueError as error:
        raise ValueError(f"{accepted}: {error}") from None
