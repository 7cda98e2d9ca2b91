"""Errors about labels that a model does not know."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from skrec.data._encoding import as_list


class _UnknownLabelError(ValueError, KeyError):
    """Base of the errors about unknown labels."""

    def __init__(self, message: str, labels: list[Any]):
        super().__init__(message, labels)  # the arguments by which it is pickled

    def __str__(self) -> str:
        return self.args[0]  # a KeyError would put it in quotes

    @property
    def labels(self) -> list[Any]:
        """The unknown labels, in the given order."""
        return self.args[1]


class UnknownUserError(_UnknownLabelError):
    """A user is not in the training data. It is a ValueError and a KeyError.

    Parameters
    ----------
    message : str
        What is wrong.
    labels : list
        The labels of users that the model does not know, in the given order.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import PopularityRecommender, UnknownUserError
    >>> model = PopularityRecommender().fit(csr_array(np.eye(3)))
    >>> try:
    ...     model.recommend([0, 7])
    ... except UnknownUserError as error:
    ...     print(error.labels)
    [7]
    """


class UnknownItemError(_UnknownLabelError):
    """An item is not in the training data. It is a ValueError and a KeyError.

    Parameters
    ----------
    message : str
        What is wrong.
    labels : list
        The labels of items that the model does not know, in the given order.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skrec import ALSRecommender, UnknownItemError
    >>> model = ALSRecommender(n_factors=2, random_state=0).fit(csr_array(np.eye(3)))
    >>> try:
    ...     model.similar_items([2, 8, 9])
    ... except UnknownItemError as error:
    ...     print(error.labels)
    [8, 9]
    """


def check_known(
    unknown: NDArray, error: Callable[[str, list[Any]], _UnknownLabelError], name: str, n_codes: int | None = None
) -> None:
    """Raise an error if there are unknown labels.

    Parameters
    ----------
    unknown : array of shape (n_unknown,)
        The unknown labels.
    error : type
        `UnknownUserError` or `UnknownItemError`.
    name : str
        Name of the argument.
    n_codes : int, default=None
        Number of known codes, if the labels are codes.
    """
    if not len(unknown):
        return
    labels = as_list(unknown)
    if n_codes is not None:
        raise error(f"{name} must be codes in 0..{n_codes - 1}, got {labels[0]}", labels)
    raise error(f"{name} contains labels that the model does not know: {labels[:5]}, {len(labels)} in all", labels)
