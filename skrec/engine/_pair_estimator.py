"""Base class of models that score pairs of a user and an item."""

from typing import Any, ClassVar

from skrec.base._parameters import Needs
from skrec.engine._estimator import TorchRecommender
from skrec.engine.objectives._objective import Objective
from skrec.engine.objectives._rankings import InBatchRanking, SampledRanking, Slates, WholeRows
from skrec.engine.objectives._ratings import Ratings
from skrec.engine.training._checks import check_negatives, check_whole_row_loss, check_y_range

NEEDS_DRAWN_NEGATIVES = Needs(
    lambda model: model._objective().draws_negatives, "negatives that are drawn, as with negatives='uniform'"
)
PAIR_BATCH_SIZE = 1024
# with fewer steps in an epoch the biases of a small data set are not learned in 20 epochs
_RATING_BATCHES, _SMALLEST_RATING_BATCH = 100, 16
KINDS_OF_NEGATIVES = ("auto", "uniform", "popularity", "hard", "in_batch", "all", "slate")
_WITHOUT_DRAWS = {"in_batch": InBatchRanking, "all": WholeRows, "slate": Slates}


class PairRecommender(TorchRecommender):
    """Base of models that score pairs of a user and an item, for ratings or rankings.

    Parameters
    ----------
    y_range : (float, float), default=None
        Bounds (low, high) of the predicted ratings. Predictions are mapped into this range by a sigmoid, so the bounds should
        be slightly wider than the rating scale. Requires ``loss="mse"``. If None, predictions are not bounded. In both cases
        they are centered on the mean rating. A mean in the outer hundredth of the range is moved to its edge.
    batch_size : int, default=None
        Number of examples in a minibatch. If None, 1024 events, or with ``negatives="all"`` a sixteenth of the
        users, from 16 to 128. For ``loss="mse"``, a hundredth of the ratings, from 16 to 1024, so that small data sets have
        enough steps.
    n_negatives : int, default=1
        Number of negatives per positive event, if negatives are drawn. "warp" estimates the rank of the positive from them.
        With a single negative, "warp" gives the same weight to all pairs within the margin.
    negatives : {"auto", "uniform", "popularity", "hard", "in_batch", "all", "slate"}, default="auto"
        Items that positive events are compared with.

        - "uniform": items without a positive event of the user, drawn uniformly.
        - "popularity": items drawn in proportion to their number of positive events.
        - "hard": the item with the highest score among ``n_negatives`` items drawn uniformly.
        - "in_batch": the items of the other positive events in the minibatch.
        - "all": the whole catalog.
        - "slate": the items shown in the same impression that were not chosen.
        - "auto": "all" for the softmax over dot products, else "uniform".

        The losses "softmax" and "bce" correct non-uniform draws by the logarithm of their probability. Other losses do not, so
        that popular items get lower scores. ``loss="mse"`` uses no negatives and requires "auto".

    Attributes
    ----------
    batch_size_ : int
        Number of examples in a minibatch.
    """

    y_range: tuple[float, float] | None = None
    n_negatives: int = 1
    negatives: str = "auto"

    _needs: ClassVar[dict[str, Needs]] = {"n_negatives": NEEDS_DRAWN_NEGATIVES}
    # the losses for which negatives="auto" means "all"
    _losses_of_rows: ClassVar[tuple[str, ...]] = ("softmax",)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_negatives(self, KINDS_OF_NEGATIVES)
        if self.y_range is not None:
            check_y_range(self.y_range, is_rating=self._predicts_ratings)

    def _objective(self) -> Objective:
        if self._predicts_ratings:
            return rating_objective(self, Ratings, self.batch_size or batch_size_of_ratings(self.seen_.nnz))
        return ranking_objective(self, self._losses_of_rows)

    @property
    def batch_size_(self) -> int:
        """Number of examples in a minibatch of the last training."""
        return self.objective_.batch_size


def batch_size_of_ratings(n_ratings: int) -> int:
    """Return the default number of ratings in a minibatch: a hundredth of all, from 16 to 1024."""
    return min(max(n_ratings // _RATING_BATCHES, _SMALLEST_RATING_BATCH), PAIR_BATCH_SIZE)


def rating_objective(model: Any, objective: type[Ratings], batch_size: int) -> Ratings:
    """Return an objective of ratings with the parameters of a model.

    Parameters
    ----------
    model : TorchRecommender
    objective : type
        `Ratings` or a subclass.
    batch_size : int
        Number of examples in a minibatch.
    """
    return objective(losses=model._both_losses(), half_life=model.half_life, batch_size=batch_size, y_range=model.y_range)


def ranking_objective(model: Any, losses_of_rows: tuple[str, ...] = ("softmax",)) -> Objective:
    """Return the ranking objective for the parameters ``loss`` and ``negatives`` of a model.

    Parameters
    ----------
    model : TorchRecommender
        Model with the parameters ``negatives`` and ``n_negatives``.
    losses_of_rows : tuple of str, default=("softmax",)
        Losses for which ``negatives="auto"`` means "all".

    Raises
    ------
    ValueError
        If whole rows are predicted and the loss supports only a single positive.
    """
    kind = resolved_negatives(model, losses_of_rows)
    if kind == "all":
        check_whole_row_loss(model)
    batch_size = row_batch_size(model, model.n_users_) if kind == "all" else model.batch_size or PAIR_BATCH_SIZE
    settings = ranking_settings(model, batch_size, hard=kind == "hard")
    if kind in ("in_batch", "all", "slate"):
        return _WITHOUT_DRAWS[kind](**settings)
    sampling = "popularity" if kind == "popularity" else "uniform"
    return SampledRanking(**settings, sampling=sampling, n_negatives=model.n_negatives)


def resolved_negatives(model: Any, losses_of_rows: tuple[str, ...] = ("softmax",)) -> str:
    """Return the value of ``negatives``, without "auto".

    Parameters
    ----------
    model, losses_of_rows
        As for `ranking_objective`.
    """
    if model.negatives != "auto":
        return model.negatives
    return "all" if model._loss_name in losses_of_rows else "uniform"


def row_batch_size(model: Any, n_rows: int) -> int:
    """Return the number of rows in a minibatch. By default, an epoch of few rows still has 16 minibatches.

    Parameters
    ----------
    model : TorchRecommender
    n_rows : int
        Number of users, or of items if these are the examples.
    """
    return model.batch_size or min(max(n_rows // 16, 16), 128)


def ranking_settings(model: Any, batch_size: int, *, hard: bool = False) -> dict[str, Any]:
    """Return the arguments that all ranking objectives of a model have in common.

    Parameters
    ----------
    model : TorchRecommender
    batch_size : int
        Number of examples in a minibatch.
    hard : bool, default=False
        Whether the loss uses only the negative with the highest score.
    """
    losses = model._both_losses()
    return {
        "losses": losses.of_hardest() if hard else losses,
        "half_life": model.half_life,
        "batch_size": batch_size,
        "positive_from": model.positive_from,
    }
