"""Tags of recommenders, in the manner of scikit-learn."""

from dataclasses import dataclass, field, fields

from sklearn.utils import Tags


@dataclass(slots=True)
class RecommenderTags:
    """What a recommender does, read by scorers and checks.

    Parameters
    ----------
    ordered : bool, default=False
        Whether the model predicts what comes next from the order of a user's events.
    predicts_ratings : bool, default=False
        Whether scores are ratings, on the scale of the values.
    """

    ordered: bool = False
    predicts_ratings: bool = False


_NAMES = [tag.name for tag in fields(Tags)]  # read once, since `check_is_fitted` asks for the tags in every call


@dataclass(slots=True)
class _Tags(Tags):
    """The tags of scikit-learn and those of recommenders."""

    recommender_tags: RecommenderTags = field(default_factory=RecommenderTags)


def with_recommender_tags(tags: Tags, recommender_tags: RecommenderTags) -> Tags:
    """Tags of scikit-learn with a further attribute ``recommender_tags``."""
    return _Tags(**{name: getattr(tags, name) for name in _NAMES}, recommender_tags=recommender_tags)
