"""Base class of models that read and predict whole rows of users."""

from skrec.engine._estimator import TorchRecommender
from skrec.engine._pair_estimator import ranking_settings, row_batch_size
from skrec.engine.objectives._objective import Objective
from skrec.engine.objectives._rankings import WholeRows
from skrec.engine.training._checks import check_whole_row_loss


class RowRecommender(TorchRecommender):
    """Base of autoencoders, which predict whole rows of users without drawing negatives.

    Parameters
    ----------
    batch_size : int, default=None
        Number of rows in a minibatch. If None, 128.
    """

    batch_size: int | None = None

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_whole_row_loss(self)

    def _objective(self) -> Objective:
        return row_objective(self, WholeRows)


def row_objective(model: TorchRecommender, objective: type[WholeRows]) -> WholeRows:
    """Return an objective of whole rows with the parameters of a model.

    Parameters
    ----------
    model : TorchRecommender
    objective : type
        `WholeRows` or a subclass.
    """
    return objective(**ranking_settings(model, row_batch_size(model, model.n_users_)))
