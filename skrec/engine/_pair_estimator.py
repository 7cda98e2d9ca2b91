"""The family of models that score pairs of a user and an item."""

from typing import Any, ClassVar

from skrec.base._parameters import Needs
from skrec.engine._estimator import TorchRecommender
from skrec.engine.objectives._objective import Objective
from skrec.engine.objectives._rankings import InBatchRanking, Ranking, SampledRanking, Slates, WholeRows
from skrec.engine.objectives._ratings import Ratings
from skrec.engine.training._checks import check_negatives, check_pair_loss, check_y_range

DRAWN = Needs(lambda model: model._objective().draws_negatives, "negatives that are drawn, as with negatives='uniform'")
PAIRS_AT_ONCE, ROWS_AT_ONCE = 1024, 128
KINDS_OF_NEGATIVES = ("auto", "uniform", "popularity", "hard", "in_batch", "all", "slate")
_WITHOUT_DRAWS = {"in_batch": InBatchRanking, "all": WholeRows, "slate": Slates}


class PairRecommender(TorchRecommender):
    """Base of models of ratings, or of rankings, that score pairs of a user and an item.

    Parameters
    ----------
    y_range : (float, float), default=None
        Bounds of the predicted ratings, by a sigmoid; needs ``loss="mse"``. Bounds a little wider than those of the ratings
        let these be reached. If None, predictions are not bounded and are centred on the mean of the ratings.
    n_negatives : int, default=1
        Negatives for each positive event, where they are drawn. "warp" estimates a rank from them: with one all weigh alike.
    negatives : {"auto", "uniform", "popularity", "hard", "in_batch", "all", "slate"}, default="auto"
        What positives are compared with: unseen items drawn uniformly or by popularity, the one with the highest score of
        ``n_negatives`` drawn uniformly, the other positives of the minibatch, the whole catalogue, or what was shown in the
        same impression. "auto" is "all" for the softmax of products of embeddings, else "uniform". "softmax" and "bce" correct
        draws that are not uniform by the logarithm of their probability; other losses do not, and what is popular is then
        pushed down. Ratings are compared with nothing, so "mse" takes "auto" alone.
    """

    y_range: tuple[float, float] | None = None
    n_negatives: int = 1
    negatives: str = "auto"

    _needs: ClassVar[dict[str, Needs]] = {"n_negatives": DRAWN}
    # the losses of whole rows, unless other negatives are asked for
    _losses_of_rows: ClassVar[tuple[str, ...]] = ("softmax",)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_negatives(self, KINDS_OF_NEGATIVES)
        check_pair_loss(self)
        if self.y_range is not None:
            check_y_range(self.y_range, is_rating=self._predicts_ratings)

    def _objective(self) -> Objective:
        if self._predicts_ratings:
            return ratings_of(self, Ratings, self.batch_size or PAIRS_AT_ONCE)
        return ranking_of(self, self._losses_of_rows)


def ratings_of(model: Any, objective: type[Ratings], batch_size: int) -> Ratings:
    """An objective of ratings, by the parameters of a model."""
    return objective(losses=model._both_losses(), half_life=model.half_life, batch_size=batch_size, y_range=model.y_range)


def ranking_of(model: Any, losses_of_rows: tuple[str, ...] = ("softmax",)) -> Objective:
    """The objective that the parameters ``loss`` and ``negatives`` of a model ask for.

    Parameters
    ----------
    model : TorchRecommender
        With the parameters ``negatives`` and ``n_negatives``.
    losses_of_rows : tuple of str, default=("softmax",)
        The losses for which ``negatives="auto"`` means "all".
    """
    kind = model.negatives
    if kind == "auto":
        kind = "all" if model.loss in losses_of_rows else "uniform"
    losses = model._both_losses()
    base = Ranking(
        losses=losses.of_hardest() if kind == "hard" else losses,
        half_life=model.half_life,
        batch_size=model.batch_size or (ROWS_AT_ONCE if kind == "all" else PAIRS_AT_ONCE),
        positive_from=model.positive_from,
    )
    if kind in ("in_batch", "all", "slate"):
        return _WITHOUT_DRAWS[kind](**vars(base))
    sampling = "popularity" if kind == "popularity" else "uniform"
    return SampledRanking(**vars(base), sampling=sampling, n_negatives=model.n_negatives)
