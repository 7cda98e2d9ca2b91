"""Parameters that some families of neural recommenders have, and others do not."""

from typing import ClassVar

from skrec.base._parameters import DeclaredParameters, Needs


class RatingParameters(DeclaredParameters):
    """The parameter of models that can predict ratings.

    Parameters
    ----------
    y_range : (float, float), default=None
        Bounds of the predicted ratings, by a sigmoid; needs ``loss="mse"``. Bounds a little wider than those of the ratings
        let these be reached. If None, predictions are not bounded and are centred on the mean of the ratings.
    """

    y_range: tuple[float, float] | None = None


class NegativeParameters(DeclaredParameters):
    """The parameters of models that compare positive events with other items.

    Parameters
    ----------
    n_negatives : int, default=1
        Negatives for each positive event, where they are drawn. "warp" estimates a rank from them: with one all weigh alike.
    negatives : {"auto", "uniform", "popularity", "hard", "in_batch", "all", "slate"}, default="auto"
        What positives are compared with: unseen items drawn uniformly or by popularity, the one with the highest score of
        ``n_negatives`` drawn uniformly, the other positives of the minibatch, the whole catalogue, or what was shown in the
        same impression. "auto" is "all" for the softmax of products of embeddings, else "uniform". "softmax" and "bce" correct
        draws that are not uniform by the logarithm of their probability; other losses do not, and what is popular is then
        pushed down. Ratings are compared with nothing, so "mse" takes "auto" alone.
    """

    n_negatives: int = 1
    negatives: str = "auto"

    _needs: ClassVar[dict[str, Needs]] = {
        "n_negatives": Needs(lambda model: model._draws_negatives, "negatives that are drawn, as with negatives='uniform'"),
    }
