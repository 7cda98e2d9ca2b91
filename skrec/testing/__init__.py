"""Checks that every recommender must pass. docs/testing.md shows how to use them with other models.

Each check is a function ``check_...(estimator)`` of an unfitted estimator. It raises AssertionError with an explanation if the
estimator violates the contract, and ``unittest.SkipTest`` if the estimator does not have the checked method. Estimators should
have parameters with which they train fast, and treat every value above 0 as positive, as by default. Models are fitted once for
each estimator and data set and shared by the checks. Most checks fit matrices, about which sequence models warn.

`recommender_checks` lists the checks, `parametrize_recommender_checks` makes pytest tests of them, and
`SCIKIT_LEARN_EXCEPTIONS` names the checks of scikit-learn that recommenders do not pass.
"""

from collections.abc import Callable, Iterable
from inspect import cleandoc
from typing import Any

from skrec.base import BaseRecommender
from skrec.metrics._estimators import read_traits
from skrec.testing._estimator import (
    SCIKIT_LEARN_EXCEPTIONS,
    check_equal_refit,
    check_failed_fit,
    check_grid_search_over_events,
    check_grid_search_over_users,
    check_not_fitted,
    check_parameters,
    check_parameters_are_validated,
    check_pickle,
    check_refit_discards_the_previous_fit,
    check_scikit_learn,
    check_validation_data,
)
from skrec.testing._fitting import ORDER_WARNING
from skrec.testing._forms import (
    check_every_form_of_a_matrix_is_the_same,
    check_invalid_numbers_are_refused,
    check_optional_fields_are_accepted,
    check_y_holds_the_values_of_events,
)
from skrec.testing._interruption import check_interrupted_fit, check_interrupted_partial_fit
from skrec.testing._labels import check_a_table_of_events_is_the_same_data, check_labels_do_not_change_lists
from skrec.testing._learning import (
    check_completes_the_checkerboard,
    check_learns_from_the_data,
    check_predicts_the_next_item,
)
from skrec.testing._lists import (
    check_audience,
    check_audience_with_labels,
    check_bad_arguments_are_refused,
    check_best_first_with_ties_by_item_code,
    check_candidates_of_each_user,
    check_exclude_and_candidates,
    check_items_without_events_come_last,
    check_lists_are_padded,
    check_one_user_equals_the_batch,
    check_recommend_iter_equals_recommend,
    check_recommend_known_users,
    check_recommend_to_parquet,
    check_seen_items_and_duplicates_are_excluded,
    check_unknown_users_get_the_popular_items_on_request,
)
from skrec.testing._neighbors import (
    check_similar_items,
    check_similar_items_of_candidates,
    check_similar_users,
    check_similarity_metrics_agree,
)
from skrec.testing._new_users import (
    check_events_of_a_known_label_are_a_new_user,
    check_every_form_of_a_history_is_the_same,
    check_fold_in_agrees_with_training,
    check_histories_of_another_shape_are_refused,
    check_matrix_rows_are_new_users,
    check_new_users_are_scored_independently,
    check_seen_items_of_new_users_are_excluded,
    check_unknown_items_of_a_history_are_ignored,
    check_users_without_events_get_popular_items,
)
from skrec.testing._partial_fit import (
    check_failed_partial_fit,
    check_partial_fit_does_not_change_copies,
    check_partial_fit_keeps_codes_and_adds_labels,
    check_partial_fit_learns,
    check_partial_fit_of_an_unfitted_model_is_fit,
    check_partial_fit_takes_rows_for_new_users,
)
from skrec.testing._scores import (
    check_explain,
    check_predict_is_refused_above_its_limit,
    check_predict_of_a_matrix,
    check_predict_of_events,
    check_predict_of_unknown_labels,
    check_score,
    check_score_items,
    check_score_measures_lists_or_ratings,
    check_transform,
)
from skrec.testing._side_effects import (
    check_global_state_is_unchanged,
    check_inference_does_not_change_the_model,
    check_input_is_not_changed,
    check_read_only_input,
    check_silence,
)

Check = Callable[[BaseRecommender], None]

__all__ = ["SCIKIT_LEARN_EXCEPTIONS", "parametrize_recommender_checks", "recommender_checks"]
__all__ += [name for name in globals() if name.startswith("check_")]

_SECTIONS = """

Parameters
----------
estimator : BaseRecommender
    Unfitted estimator. It is cloned.

Raises
------
AssertionError
    If the estimator violates the contract.
"""
for _name in __all__:
    if _name.startswith("check_"):
        globals()[_name].__doc__ = cleandoc(globals()[_name].__doc__ or "") + _SECTIONS


def recommender_checks(estimator: BaseRecommender | None = None) -> list[Check]:
    """List all checks in alphabetical order.

    Parameters
    ----------
    estimator : BaseRecommender, default=None
        If given, checks that do not apply to it are left out.

    Returns
    -------
    list of callables
        Functions that take an unfitted estimator.

    Examples
    --------
    >>> from skrec import PopularityRecommender
    >>> for check in recommender_checks(PopularityRecommender())[:3]:
    ...     check(PopularityRecommender())
    """
    checks = [function for name, function in sorted(globals().items()) if name.startswith("check_")]
    excluded: set[Check] = set()
    if estimator is not None and not hasattr(estimator, "transform"):
        excluded.add(check_transform)
    if estimator is not None:  # either a sequence model or not
        excluded.add(check_completes_the_checkerboard if read_traits(estimator).ordered else check_predicts_the_next_item)
    return [check for check in checks if check not in excluded]


def parametrize_recommender_checks(
    estimators: Iterable[BaseRecommender],
    *,
    expected_failures: Callable[[BaseRecommender], dict[str, str]] = lambda estimator: {},
) -> Any:
    """Decorate a pytest test with the arguments ``estimator`` and ``check``, once for each pair that applies.

    Parameters
    ----------
    estimators : iterable of BaseRecommender
        Unfitted estimators, with parameters with which they train fast but learn.
    expected_failures : callable, optional
        Maps an estimator to a dict of the names of the checks that it cannot pass, each with the reason. A test that passes
        unexpectedly fails.

    Returns
    -------
    pytest decorator
        Parametrizes the test function.

    Examples
    --------
    >>> from skrec import PopularityRecommender
    >>> @parametrize_recommender_checks([PopularityRecommender()])
    ... def test_contract(estimator, check):
    ...     check(estimator)
    """
    import pytest

    def case(estimator: BaseRecommender, check: Check) -> Any:
        name = check.__name__
        reason = expected_failures(estimator).get(name)
        marks = [] if reason is None else [pytest.mark.xfail(reason=reason, raises=AssertionError, strict=True)]
        if read_traits(estimator).ordered:  # most checks fit matrices, about which sequence models warn
            marks.append(pytest.mark.filterwarnings(f"ignore:{ORDER_WARNING}"))
        return pytest.param(estimator, check, marks=marks, id=f"{type(estimator).__name__}-{name.removeprefix('check_')}")

    cases = [case(estimator, check) for estimator in estimators for check in recommender_checks(estimator)]
    return pytest.mark.parametrize(("estimator", "check"), cases)
