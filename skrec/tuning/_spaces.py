"""The search space of each estimator.

The most important parameters come first. Ranges are wide, since they have to suit data of every size.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from scipy.stats import loguniform, uniform
from sklearn.pipeline import Pipeline

from skrec._checks import check_choice
from skrec.reranking import RerankedRecommender

Space = dict[str, Any]
SIZES = ("small", "medium", "large")
_NOTHING: Space = {}


class Sizes(NamedTuple):
    """Search space of an estimator: distributions or lists of values by the name of the parameter.

    Attributes
    ----------
    small : dict
        The parameters that matter most.
    medium, large : dict, default={}
        Parameters that a larger space has in addition.
    """

    small: Space
    medium: Space = _NOTHING
    large: Space = _NOTHING


def search_space(estimator: Any, size: str = "small") -> Space:
    """Return distributions of the parameters that are worth tuning.

    The space fits the present parameters of the estimator. For example, `MFRecommender` has another one with ``loss="mse"`` or
    ``solver="gradient"``. An estimator that contains a recommender has the space of the latter, with nested names such as
    ``estimator__n_factors``. Subclasses have the space of their base, without parameters that they do not have. A class may
    define its own in a method ``_search_space``, see Notes.

    Parameters
    ----------
    estimator : estimator
        Recommender, or a Pipeline that ends in one. It need not be fitted.
    size : {"small", "medium", "large"}, default="small"
        "small" has the two or three parameters that matter most. "medium" adds those that often matter, such as ``max_epochs``.
        "large" adds some that rarely do. Some estimators have few parameters, so that the sizes are equal.

    Returns
    -------
    dict
        Values by the name of the parameter: a distribution of scipy.stats, or a list. The most important parameters come first.
        It is empty for `RandomRecommender` and `PopularityRecommender`. The dict is a new one and may be changed.

    Raises
    ------
    TypeError
        If the estimator has no search space.
    ValueError
        If ``size`` is none of the three.

    See Also
    --------
    tune : Search this space with successive halving.
    suggest_params : Draw from the space in a trial of Optuna.

    Notes
    -----
    The dict is an argument of RandomizedSearchCV. HalvingRandomSearchCV with ``resource="max_epochs"`` refuses spaces with
    "max_epochs". Remove it from the larger ones: ``space.pop("max_epochs", None)``.

    Parameters that define the task or that have a unit of the data, such as ``positive_from`` and ``half_life``, are in no
    space. Add them: ``search_space(model) | {"half_life": ["7 days", "30 days"]}``. Lists of numbers are in ascending order.

    A class whose space differs from that of its base has a method ``_search_space(self)`` that returns `Sizes`.

    Examples
    --------
    >>> from sklearn.model_selection import KFold, RandomizedSearchCV
    >>> from skrec import ALSRecommender, EASERecommender, MFRecommender, get_scorer, search_space
    >>> from skrec.datasets import make_interactions
    >>> list(search_space(ALSRecommender()))
    ['regularization', 'alpha', 'n_factors']
    >>> list(search_space(MFRecommender(solver="als"), "medium"))
    ['solver', 'regularization', 'n_factors', 'max_epochs']
    >>> films = make_interactions(60, 30, density=0.3, random_state=0).interactions
    >>> search = RandomizedSearchCV(
    ...     EASERecommender(positive_from=4),
    ...     search_space(EASERecommender()),
    ...     n_iter=5,
    ...     scoring=get_scorer("ndcg@10", positive_from=4),
    ...     cv=KFold(2, shuffle=True, random_state=0),
    ...     random_state=0,
    ... ).fit(films)
    >>> list(search.best_params_)
    ['regularization']
    """
    check_choice(size, "size", SIZES)
    return _space_of(estimator, SIZES.index(size) + 1)


def _space_of(estimator: Any, n_parts: int) -> Space:
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return _nested(name, last, n_parts)
    if isinstance(estimator, RerankedRecommender):
        return _nested("estimator", estimator.estimator, n_parts)
    space: Space = {}
    for part in _sizes_of(estimator)[:n_parts]:
        space |= part
    if getattr(estimator, "estimator", None) is not None:
        space |= _nested("estimator", estimator.estimator, n_parts)
    accepted = estimator.get_params()
    return {name: list(values) if isinstance(values, tuple) else values for name, values in space.items() if name in accepted}


def _nested(prefix: str, estimator: Any, n_parts: int) -> Space:
    return {f"{prefix}__{name}": values for name, values in _space_of(estimator, n_parts).items()}


def _sizes_of(estimator: Any) -> Sizes:
    """The space of the class, or of its first base with one."""
    for cls in () if isinstance(estimator, type) else type(estimator).__mro__:
        if "_search_space" in vars(cls):
            return estimator._search_space()
        if cls.__module__.startswith("skrec.") and cls.__name__ in _SPACES:
            return _SPACES[cls.__name__](estimator)
    raise TypeError(
        f"estimator must be a recommender with a search space, or a Pipeline that ends in one, got {estimator!r}. "
        "A class defines its space in a method _search_space"
    )


# ---- values that several models share --------------------------------------------------------------------------------

_FACTORS = (16, 32, 64, 128, 256)
_EPOCHS = (5, 10, 20, 40)
_ROWS, _PAIRS = (64, 128, 256, 512), (256, 512, 1024, 2048, 4096)  # examples in a minibatch
_LAYERS = ((32,), (64,), (64, 32), (128, 64), (256, 128))
_DROPOUT = uniform(0.0, 0.5)
_SCALE = {"init_std": loguniform(0.003, 0.3)}
_RATE, _SMALL_RATE = loguniform(2e-3, 0.1), loguniform(3e-4, 0.02)


def _negatives(model: Any) -> str:
    from skrec.engine._pair_estimator import resolved_negatives

    return resolved_negatives(model, getattr(model, "_losses_of_rows", ("softmax",)))


def _drawn(model: Any) -> Space:
    """Numbers of negatives, if they are drawn and their number has an effect."""
    if model._predicts_ratings or _negatives(model) in ("all", "in_batch", "slate"):
        return {}
    return {"n_negatives": (4, 8, 16, 32) if model.negatives == "hard" else (1, 2, 4, 8, 16)}


def _pairs(model: Any) -> Sizes:
    """Any model of pairs."""
    of_rows = not model._predicts_ratings and _negatives(model) == "all"
    return Sizes(
        {"regularization": loguniform(1e-3, 1), "learning_rate": _RATE, "n_factors": _FACTORS},
        {"max_epochs": _EPOCHS, "batch_size": _ROWS if of_rows else _PAIRS},
    )


def _rows(model: Any) -> Sizes:
    """Any model of rows."""
    return Sizes(
        {"learning_rate": _SMALL_RATE, "regularization": loguniform(1e-2, 10), "n_factors": _FACTORS},
        {"max_epochs": _EPOCHS, "batch_size": _ROWS},
    )


def _sequences(model: Any) -> Sizes:
    """Any model of sequences."""
    return Sizes(
        {"dropout": uniform(0.1, 0.6), "learning_rate": _SMALL_RATE, "n_factors": (32, 64, 128)},
        {"max_epochs": _EPOCHS, "max_length": (20, 50, 100, 200), "n_layers": (1, 2, 3), "n_blocks": (1, 2, 3)},
        {"batch_size": (32, 64, 128, 256), "weight_decay": loguniform(1e-3, 1), "n_heads": (1, 2, 4)},
    )


def _networks(model: Any) -> Sizes:
    """Any other model that is trained by gradients."""
    return Sizes({"learning_rate": _RATE, "regularization": loguniform(1e-3, 1)}, {"max_epochs": _EPOCHS})


# ---- matrix factorization --------------------------------------------------------------------------------------------


def _mf(model: Any) -> Sizes:
    if model._als is not None:
        return _mf_by_least_squares(model)
    if model._predicts_ratings:
        return _mf_of_ratings(model)
    if model._loss_name == "ccl":
        return _mf_of_cosines(model)
    of_rows = _negatives(model) == "all"
    # few users make many steps of small batches, which then matter more than the rate
    speed: Space = {"batch_size": (32, 64, 128, 256, 512)} if of_rows else {"learning_rate": _RATE}
    rest = {"max_epochs": _EPOCHS, "dropout": _DROPOUT, "learning_rate": _RATE, "batch_size": _ROWS if of_rows else _PAIRS}
    rest = _drawn(model) | {name: values for name, values in rest.items() if name not in speed}
    if model.temperature is not None:
        return Sizes({"temperature": loguniform(0.05, 0.5)} | speed | {"n_factors": _FACTORS}, rest, _SCALE)
    penalty = loguniform(0.1, 20) if of_rows else loguniform(1e-3, 1)
    large = _SCALE | {"temperature": (None, 0.1, 0.15, 0.2)}
    return Sizes({"regularization": penalty} | speed | {"n_factors": _FACTORS}, rest, large)


def _mf_by_least_squares(model: Any) -> Sizes:
    from skrec.engine import ALS

    weights = (0.003, 0.006, 0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.3, 0.6, 1.0)
    if isinstance(model.solver, ALS):
        weight: Space = {"solver__unobserved_weight": loguniform(weights[0], weights[-1])}
    else:
        weight = {"solver": tuple(ALS(unobserved_weight=value) for value in weights)}
    # the penalty of a row is multiplied by a power of its number of events
    penalty = loguniform(5e-4, 0.1) if model._als.regularization_exponent > 0.75 else loguniform(0.01, 10)
    return Sizes(weight | {"regularization": penalty, "n_factors": _FACTORS}, {"max_epochs": (4, 8, 16)})


def _mf_of_ratings(model: Any) -> Sizes:
    return Sizes(
        {"regularization": loguniform(0.02, 3), "learning_rate": loguniform(1e-3, 0.03), "n_factors": _FACTORS},
        {"max_epochs": _EPOCHS, "batch_size": (64, 128, 256, 512, 1024, 2048)},
        {"dropout": _DROPOUT, "init_std": loguniform(1e-3, 0.1)},
    )


def _mf_of_cosines(model: Any) -> Sizes:
    is_object = not isinstance(model.loss, str)
    margin = {"loss__margin": uniform(0.0, 0.9), "loss__negative_weight": loguniform(1, 300)} if is_object else {}
    return Sizes(
        margin | {"learning_rate": _RATE, "n_factors": _FACTORS},
        _drawn(model) | {"max_epochs": _EPOCHS, "dropout": _DROPOUT, "batch_size": _PAIRS},
        _SCALE,
    )


def _als(model: Any) -> Sizes:
    return Sizes(
        {"regularization": loguniform(0.1, 200), "alpha": loguniform(1, 100), "n_factors": _FACTORS},
        {"max_epochs": (5, 10, 15, 30)},
    )


def _bpr(model: Any) -> Sizes:
    return Sizes(
        {"learning_rate": loguniform(5e-3, 0.3), "regularization": loguniform(1e-4, 0.1), "n_factors": _FACTORS},
        {"max_epochs": (30, 100, 300)},
    )


def _lightgcn(model: Any) -> Sizes:
    small, rest, _ = _pairs(model)
    # small penalties: they apply to the embeddings before propagation
    small = {"regularization": loguniform(1e-4, 0.5), "learning_rate": loguniform(1e-3, 0.05), "n_layers": (1, 2, 3, 4)}
    return Sizes(small, rest | {"n_factors": _FACTORS}, _drawn(model) | {"init_std": loguniform(0.01, 0.3)})


# ---- networks --------------------------------------------------------------------------------------------------------


def _mlp(model: Any) -> Sizes:
    _, rest, _ = _pairs(model)
    if model._predicts_ratings:
        small = {"weight_decay": loguniform(0.03, 3), "learning_rate": loguniform(1e-3, 0.02), "dropout": _DROPOUT}
    else:
        small = {"regularization": loguniform(1e-3, 0.3), "learning_rate": _RATE, "n_factors": _FACTORS}
    return Sizes(
        small,
        rest | {"hidden_layer_sizes": _LAYERS, "dropout": _DROPOUT} | _drawn(model),
        {"embedding_dropout": _DROPOUT},
    )


def _neumf(model: Any) -> Sizes:
    _, rest, _ = _pairs(model)
    penalty = loguniform(0.1, 10) if model._predicts_ratings else loguniform(1e-3, 0.5)
    return Sizes(
        {"regularization": penalty, "learning_rate": _RATE, "n_factors": _FACTORS},
        rest | _drawn(model) | {"hidden_layer_sizes": _LAYERS},
        {"dropout": _DROPOUT},
    )


def _two_tower(model: Any) -> Sizes:
    small, rest, _ = _pairs(model)
    if model.temperature is not None:
        small = {"temperature": loguniform(0.03, 0.5)} | {name: small[name] for name in ("learning_rate", "n_factors")}
    of_features = {"id_dropout": uniform(0.0, 0.8)}
    if model.hidden_layer_sizes:
        of_features |= {"hidden_layer_sizes": ((64,), (128,), (128, 64)), "dropout": _DROPOUT}
    return Sizes(small, rest | of_features, _drawn(model) | {"init_std": loguniform(1e-3, 0.3)})


def _autorec(model: Any) -> Sizes:
    rest = {"max_epochs": _EPOCHS, "batch_size": _ROWS, "n_factors": (50, 100, 200, 400, 800)}
    if model._predicts_ratings:
        small = {"weight_decay": loguniform(0.3, 10), "dropout": uniform(0.0, 0.7), "learning_rate": loguniform(1e-3, 0.02)}
    else:
        small = {"regularization": loguniform(1e-2, 10), "dropout": uniform(0.0, 0.7), "learning_rate": _SMALL_RATE}
    return Sizes(small, rest, {"activation": ("sigmoid", "tanh", "identity")})


def _multvae(model: Any) -> Sizes:
    return Sizes(
        {"kl_weight": loguniform(0.02, 1), "regularization": loguniform(0.05, 10), "learning_rate": _SMALL_RATE},
        {"max_epochs": (10, 20, 40), "dropout": uniform(0.2, 0.6), "n_factors": (64, 128, 200, 300)},
        {"hidden_layer_sizes": ((128,), (300,), (600,), (1000,)), "batch_size": _ROWS},
    )


def _caser(model: Any) -> Sizes:
    small, _, large = _sequences(model)
    small = small | {"n_factors": (16, 32, 64, 128)}
    medium = {"max_epochs": _EPOCHS, "window": (3, 5, 8), "n_horizontal": (8, 16, 32), "n_vertical": (2, 4, 8)}
    return Sizes(small, medium, large)


def _news(model: Any) -> Sizes:
    return Sizes(
        {"learning_rate": _SMALL_RATE, "dropout": uniform(0.0, 0.6), "n_factors": (32, 64, 128, 256)},
        {"max_epochs": (2, 5, 10, 20), "weight_decay": loguniform(1e-3, 1), "max_length": (20, 50, 100)},
        {"pooling": ("attention", "mean"), "batch_size": (64, 128, 256, 512)},
    )


# ---- other models ----------------------------------------------------------------------------------------------------


def _neighbors(model: Any) -> Sizes:
    small: Space = {"n_neighbors": (10, 20, 50, 100, 200, 500), "weighting": (None, "tfidf", "bm25")}
    if not model.normalize:
        return Sizes(small)
    # above 0: without shrinkage, the cosine of users is the same with "tfidf"
    small["shrinkage"] = loguniform(0.1, 1000)
    return Sizes(small, {"asymmetry": uniform(-0.5, 1.0)}, {"neighborhood": ("nearest", "reverse")})


def _slim(model: Any) -> Sizes:
    return Sizes(
        {"regularization": loguniform(1e-3, 0.5), "l1_ratio": loguniform(1e-5, 0.1)},
        {"n_neighbors": (None, 50, 100, 200, 500)},
    )


_SPACES: dict[str, Callable[[Any], Sizes]] = {
    "ALSRecommender": _als,
    "AutoRecRecommender": _autorec,
    "BPRRecommender": _bpr,
    "CaserRecommender": _caser,
    "ColdStartRecommender": lambda model: Sizes({"regularization": loguniform(0.01, 100)}),
    "EASERecommender": lambda model: Sizes({"regularization": loguniform(5, 10_000)}),
    "ItemKNNRecommender": _neighbors,
    "LightGCNRecommender": _lightgcn,
    "MFRecommender": _mf,
    "MLPRecommender": _mlp,
    "MarkovRecommender": lambda model: Sizes({"smoothing": loguniform(0.01, 100)}),
    "MultVAERecommender": _multvae,
    "NeuMFRecommender": _neumf,
    "NewsRecommender": _news,
    "PairRecommender": _pairs,
    "PopularityRecommender": lambda model: Sizes({}),
    "RandomRecommender": lambda model: Sizes({}),
    "RowRecommender": _rows,
    "SLIMRecommender": _slim,
    "SequenceRecommender": _sequences,
    "TorchRecommender": _networks,
    "TwoTowerRecommender": _two_tower,
    "UserKNNRecommender": _neighbors,
}
