"""Checks of fold-in: results for new users from their events."""

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec.base import BaseRecommender
from skrec.data import Interactions
from skrec.metrics import ndcg
from skrec.testing._data import labeled, likes, split_events, training_events
from skrec.testing._fitting import assert_raises, assert_same_answers, fitted, rows


def check_matrix_rows_are_new_users(estimator: BaseRecommender) -> None:
    """A matrix row gets the same list at another position and alone, since rows are new users."""
    model, matrix = fitted(estimator, likes), likes()[:44]
    answer = model.recommend(matrix, k=6)
    assert answer.users.tolist() == list(range(44))
    order = np.random.default_rng(0).permutation(44)
    assert_same_answers(model.recommend(matrix[order], k=6), rows(answer, order), "rows in another order")
    for row in (0, 5, 9):
        assert_same_answers(model.recommend(matrix[[row]], k=6), rows(answer, [row]), "a row alone")


def check_new_users_are_scored_independently(estimator: BaseRecommender) -> None:
    """The scores of a new user do not depend on the other new users.

    They agree to 1e-5 of the largest score alone, in another order and with users without a history.
    """
    model, some = fitted(estimator, likes), likes()[[0, 9, 30, 41]]
    expected = model.predict(some)
    rounding = 1e-5 * np.abs(expected[np.isfinite(expected)]).max(initial=1e-3)
    empty = sp.csr_array((2, 24), dtype=np.float32)
    answers = {
        "alone": np.vstack([model.predict(some[[row]]) for row in range(4)]),
        "in another order": model.predict(some[::-1])[::-1],
        "among users without a history": model.predict(sp.vstack([empty, some, empty], format="csr"))[2:-2],
    }
    for said, answer in answers.items():
        np.testing.assert_allclose(answer, expected, rtol=0, atol=rounding, err_msg=f"{said}: other scores")


def check_events_of_a_known_label_are_a_new_user(estimator: BaseRecommender) -> None:
    """Only the given events are used, even if the label is that of a training user."""
    model, data = fitted(estimator, labeled), labeled()
    history = pd.DataFrame({"user": "user 99", "item": data.item_ids[[1, 4, 7]]})
    known, unknown = model.recommend(history, k=8), model.recommend(history.assign(user="nobody"), k=8)
    assert known.users.tolist() == ["user 99"] and unknown.users.tolist() == ["nobody"]
    assert_same_answers(known, unknown, "the label of a known user")


def check_every_form_of_a_history_is_the_same(estimator: BaseRecommender) -> None:
    """All forms of data with the same events give the same lists."""
    model, some = fitted(estimator, likes), likes()[[0, 9, 30]]
    answer = model.recommend(some, k=8)
    forms = [sp.csr_matrix(some), some.tocoo(), some.tocsc(), some.toarray(), some.toarray().astype(np.float64)]
    for form in [*forms, Interactions.from_csr(some)]:
        assert_same_answers(model.recommend(form, k=8), answer, f"the history as {type(form).__name__}")
    named = fitted(estimator, labeled)
    data = Interactions.from_csr(some, user_ids=["a", "b", "c"], item_ids=labeled().item_ids)
    assert_same_answers(named.recommend(data.to_frame(), k=8), named.recommend(data, k=8), "the history as a DataFrame")


def check_seen_items_of_new_users_are_excluded(estimator: BaseRecommender) -> None:
    """`exclude_seen` excludes exactly the items of a history."""
    model, some = fitted(estimator, likes), likes()[:9]
    for row, codes in zip(some.toarray(), model.recommend(some, k=24).codes):
        assert sorted(codes[codes >= 0]) == np.flatnonzero(row == 0).tolist()
    assert (np.sort(model.recommend(some, k=24, exclude_seen=False).codes) == np.arange(24)).all()


def check_users_without_events_get_popular_items(estimator: BaseRecommender) -> None:
    """New users with an empty row and training users without events get the most popular items."""
    model = fitted(estimator, likes)
    n_users = np.bincount(likes().indices, minlength=24)
    popular = np.argsort(-n_users, kind="stable")
    named, nothing = fitted(estimator, labeled), sp.csr_array((2, 24), dtype=np.float32)
    unseen_users = Interactions.from_csr(nothing, user_ids=["me", "you"], item_ids=labeled().item_ids)
    no_events = Interactions.from_arrays([], [], user_ids=["me", "you"], item_ids=labeled().item_ids)
    answers = [
        model.recommend(nothing, k=24),
        model.recommend([5, 40], k=24),
        named.recommend(unseen_users, k=24),
        named.recommend(no_events, k=24),
        named.recommend(pd.DataFrame({"user": ["me", "you"], "item": [-1, -2]}), k=24),
    ]
    row_and_nothing = sp.csr_array(sp.vstack([likes()[:1], nothing]))
    beside = Interactions.from_csr(row_and_nothing, user_ids=["he", "me", "you"], item_ids=labeled().item_ids)
    answers.append(rows(named.recommend(beside, k=24), [1, 2]))
    for answer in answers:
        assert (answer.codes == popular).all(), "not in the order of popularity"
        assert (answer.scores[:, :-3] == n_users[popular[:-3]]).all(), "the scores are not the numbers of users"


def check_unknown_items_of_a_history_are_ignored(estimator: BaseRecommender) -> None:
    """Items that are not in the training data are ignored in a history."""
    model = fitted(estimator, labeled)
    known = pd.DataFrame({"user": "me", "item": labeled().item_ids[[1, 4, 7]]})
    unknown = pd.DataFrame({"user": ["me", "you"], "item": [-1, -2]})
    answer = model.recommend(pd.concat([known, unknown]), k=8)
    assert answer.users.tolist() == ["me", "you"]
    assert_same_answers(rows(answer, [0]), model.recommend(known, k=8), "with an unknown item in the history")
    nothing = fitted(estimator, likes).recommend(sp.csr_array((1, 24), dtype=np.float32), k=8)
    assert_same_answers(rows(answer, [1]), nothing, "with unknown items only")


def check_histories_of_another_shape_are_refused(estimator: BaseRecommender) -> None:
    """A matrix needs a column for each item, and labels if and only if the model has labels."""
    model, named = fitted(estimator, likes), fitted(estimator, labeled)
    for call in (model.recommend, model.predict):
        assert_raises(ValueError, lambda call=call: call(likes()[:, :20]), "20", "24")
        assert_raises(ValueError, lambda call=call: call(labeled()), "labels")
    for call in (named.recommend, named.predict):
        assert_raises(ValueError, lambda call=call: call(likes()), "labels")
        assert_raises(ValueError, lambda call=call: call(Interactions.from_csr(likes())), "labels")


def check_fold_in_agrees_with_training(estimator: BaseRecommender) -> None:
    """Training users that are folded in get similar lists.

    On average, the top 10 lists share at least 6 items, and the NDCG of held-out events differs by at most 10 %.
    """
    model, (train, test) = fitted(estimator, training_events), split_events()
    stored, folded = model.recommend(k=10).codes, model.recommend(train, k=10).codes
    overlap = np.mean([np.isin(own, other).mean() for own, other in zip(folded, stored)])
    assert overlap >= 0.6, f"the folded-in top 10 shares {overlap:.0%} with the stored one, expected at least 60%"
    relevant = test.to_csr(duplicates="any")
    of_stored, of_folded = (np.nanmean(ndcg(codes, relevant, k=10)) for codes in (stored, folded))
    assert abs(of_folded - of_stored) <= 0.1 * of_stored, f"NDCG@10 folded in {of_folded:.4f}, stored {of_stored:.4f}"
