"""Checks of labels."""

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.testing._data import active_likes, labeled, likes
from skrec.testing._fitting import assert_equal_answers, fitted


def check_labels_do_not_change_lists(estimator: BaseRecommender) -> None:
    """A model fitted to labeled events gives the same lists, as labels."""
    plain, named, data = fitted(estimator, likes), fitted(estimator, labeled), labeled()
    answer = named.recommend(["user 60", "user 99", "user 94"], k=8)
    assert_equal_answers(answer, plain.recommend([39, 0, 5], k=8), "with labels")
    assert answer.users.tolist() == ["user 60", "user 99", "user 94"]
    assert answer.items.tolist() == data.item_ids[answer.codes].tolist()
    assert plain.user_ids_ is None and plain.item_ids_ is None
    assert named.user_ids_.tolist() == data.user_ids.tolist() and named.item_ids_.tolist() == data.item_ids.tolist()


def check_a_table_of_events_is_the_same_data(estimator: BaseRecommender) -> None:
    """A DataFrame, Interactions and a CSR matrix with the same events give the same model."""
    data, plain = _table(), fitted(estimator, active_likes)
    tabled, framed = fitted(estimator, _frame), fitted(estimator, _table)
    for model in (tabled, framed):
        answer = model.recommend(k=8)
        assert_equal_answers(answer, plain.recommend(k=8), "fitted to labeled events")
        assert answer.users.tolist() == data.user_ids.tolist()
        there = answer.codes >= 0
        assert (answer.items[there] == data.item_ids[answer.codes[there]]).all()


def _table() -> Interactions:
    n_users, n_items = active_likes().shape
    user_ids, item_ids = [f"u{code:02}" for code in range(n_users)], [f"i{code:02}" for code in range(n_items)]
    return Interactions.from_csr(active_likes(), user_ids=user_ids, item_ids=item_ids)


def _frame():
    return _table().to_frame()
