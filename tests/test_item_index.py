"""`build_index` and `recommend(index=)`: the same lists as without an index, or nearly so, and refusals."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_common import fast
from test_product_search import MODELS, QUERIES, events

from skrec import ALSRecommender, EASERecommender, Interactions, MFRecommender, NeuMFRecommender, PopularityRecommender
from skrec.base._item_index import ItemIndex
from skrec.retrieval import ExactIndex, IVFIndex

SUMS_OF_ROWS = ("EASE", "ItemKNN", "UserKNN", "SLIM")
NAMES = [name for name in MODELS if name not in SUMS_OF_ROWS]
LISTS = {name: query for name, query in QUERIES.items() if "candidates" not in query}


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    estimator = MODELS[request.param]
    if "max_epochs" in estimator.get_params():
        estimator.set_params(max_epochs=3)
    if "positive_from" in estimator.get_params() and not estimator._predicts_ratings:
        estimator.set_params(positive_from=2)
    features = pd.DataFrame({"x": np.linspace(0, 1, 30), "y": np.arange(30) % 2}, index=pd.Index(range(30), name="item"))
    return estimator.fit(Interactions.from_frame(events(), item_features=features))


@pytest.fixture(scope="module")
def indexes(model):
    return {name: model.build_index(index) for name, index in {"exact": "exact", "ivf": IVFIndex(1.0, random_state=0)}.items()}


@pytest.mark.parametrize("name", ["exact", "ivf"])
@pytest.mark.parametrize("query", LISTS.values(), ids=list(LISTS))
def test_lists_are_those_without_an_index(model, indexes, name, query):
    options = {"k": 5} | query
    expected, answer = model.recommend(**options), model.recommend(index=indexes[name], **options)
    np.testing.assert_array_equal(answer.users, expected.users)
    finite = np.isfinite(expected.scores)
    np.testing.assert_array_equal(np.isfinite(answer.scores), finite)
    np.testing.assert_array_equal(np.isnan(answer.scores), np.isnan(expected.scores))
    np.testing.assert_allclose(answer.scores[finite], expected.scores[finite], rtol=1e-4, atol=1e-5)
    with np.errstate(invalid="ignore"):
        steps = np.abs(np.diff(np.where(finite, expected.scores, np.inf), axis=1, prepend=np.inf, append=-np.inf))
        alone = (steps[:, :-1] > 1e-4) & (steps[:, 1:] > 1e-4)
    assert not ((answer.codes != expected.codes) & (alone | ~finite)).any()


def test_batches_and_files_use_the_index(tmp_path):
    model = ALSRecommender(n_factors=4, positive_from=2, random_state=0).fit(events())
    index = model.build_index()
    table = model.recommend(k=3).to_frame()
    batches = pd.concat([part.to_frame() for part in model.recommend_iter(k=3, index=index, batch_size=7)], ignore_index=True)
    model.recommend_to_parquet(tmp_path / "lists.parquet", k=3, index=index)
    for found in (batches, pd.read_parquet(tmp_path / "lists.parquet")):
        np.testing.assert_array_equal(found["item"], table["item"])
        np.testing.assert_allclose(found["score"], table["score"], rtol=1e-4)


class Counting(ExactIndex):
    """An index that counts its searches."""

    n_searches = 0

    def search(self, *arguments, **options):
        type(self).n_searches += 1
        return super().search(*arguments, **options)


def test_an_index_of_ones_own_is_searched():
    model = MFRecommender(n_factors=4, max_epochs=2, positive_from=2, random_state=0).fit(events())
    own = Counting()
    index = model.build_index(own)
    assert isinstance(index, ItemIndex) and repr(index) == "ItemIndex(ExactIndex(), 26 items)"
    assert not hasattr(own, "_shape")  # a copy is built
    found = model.recommend([5], k=4, index=index)
    assert Counting.n_searches == 1
    np.testing.assert_array_equal(found.codes, model.recommend([5], k=4).codes)


def big_catalog():
    """Users with tastes in common, and a thousand items."""
    rng = np.random.default_rng(0)
    group_of_user, group_of_item = rng.integers(0, 20, 400), rng.integers(0, 20, 1000)
    is_event = rng.random((400, 1000)) < np.where(group_of_user[:, None] == group_of_item, 0.3, 0.005)
    return pd.DataFrame(dict(zip(("user", "item"), is_event.nonzero())))


def test_an_approximate_index_has_the_recall_that_it_reports():
    model = ALSRecommender(n_factors=16, random_state=0).fit(big_catalog())
    index = model.build_index(IVFIndex(recall=0.8, random_state=0))
    report = index.recall_report()
    assert report.n_probes < report.n_lists / 2
    expected, found = model.recommend(k=10).codes, model.recommend(k=10, index=index).codes
    recall = [len(set(some) & set(best)) / 10 for some, best in zip(found, expected)]
    assert 0.75 < report.recall <= np.mean(recall[1::2]) + 1e-9  # lists that are not full are searched again
    assert np.mean(recall[::2]) >= 0.8
    seen = model.seen_.toarray()
    assert not seen[np.arange(400)[:, None], found].any()


def test_many_excluded_items_are_left_out():
    model = ALSRecommender(n_factors=4, random_state=0).fit(big_catalog())
    excluded = np.arange(990)
    for index in ("exact", IVFIndex(recall=0.8, random_state=0)):
        found = model.recommend([0, 1], k=5, exclude=excluded, index=model.build_index(index))
        np.testing.assert_array_equal(found.codes, model.recommend([0, 1], k=5, exclude=excluded).codes)


@pytest.mark.parametrize("rating", ["constant", "saturated"])
def test_equal_scores_are_in_the_order_of_the_vocabulary(rating):
    model = MFRecommender(loss="mse", y_range=(0, 5), n_factors=4, max_epochs=1, random_state=0).fit(events())
    for weight in model.module_.parameters():
        weight.data.mul_(0 if rating == "constant" else 100)
    expected = model.recommend(k=6)
    for index in ("exact", IVFIndex(1.0, random_state=0)):
        found = model.recommend(k=6, index=model.build_index(index))
        np.testing.assert_array_equal(found.codes, expected.codes)


# Which index is of which model


@pytest.fixture(scope="module")
def als():
    return ALSRecommender(n_factors=4, positive_from=2, random_state=0).fit(events())


def test_copies_of_a_model_and_of_an_index_belong_together(als):
    expected = als.recommend(k=4).codes
    for index in (als.build_index(), als.build_index(IVFIndex(1.0, random_state=0))):
        for twin in (copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))):
            np.testing.assert_array_equal(twin(als).recommend(k=4, index=twin(index)).codes, expected)


def test_an_index_of_another_fit_or_model_is_refused(als):
    index = als.build_index()
    others = {
        "other seed": copy.copy(als).set_params(random_state=1).fit(events()),
        "other model": MFRecommender(n_factors=4, max_epochs=1, positive_from=2, random_state=0).fit(events()),
        "no vectors": EASERecommender(positive_from=2).fit(events()),
        "more events": copy.copy(als).partial_fit(events()[:3]),
    }
    for other in others.values():
        with pytest.raises(ValueError, match=f"index must be built for this fit of {type(other).__name__}"):
            other.recommend([5], index=index)
    again = copy.copy(als).fit(events())  # the same seed and data give the same vectors
    np.testing.assert_array_equal(again.recommend([5], index=index).codes, als.recommend([5]).codes)


def test_the_index_of_an_earlier_fit_is_refused_after_a_fit_in_place(als):
    model = copy.copy(als)
    index = model.build_index()
    model.recommend([5], index=index)
    model.set_params(random_state=3).fit(events())
    with pytest.raises(ValueError, match="call build_index again"):
        model.recommend([5], index=index)


@pytest.mark.parametrize("index", ["exact", ExactIndex(), 3, object()], ids=lambda value: type(value).__name__)
def test_another_value_as_an_index_is_refused(als, index):
    with pytest.raises(TypeError, match="index must be None or what build_index returns, got"):
        als.recommend([5], index=index)


@pytest.mark.parametrize("candidates", [[1, 2], {5: [1, 2]}], ids=["for all", "for each user"])
def test_candidates_beside_an_index_are_refused(als, candidates):
    with pytest.raises(ValueError, match="candidates must be None with an index"):
        als.recommend([5], index=als.build_index(), candidates=candidates)


@pytest.mark.parametrize(
    ("index", "error"),
    [("hnsw", ValueError), (ExactIndex, TypeError), (None, TypeError), (replace, TypeError)],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_kind_of_index_is_refused(als, index, error):
    with pytest.raises(error, match="index must be 'exact', 'ivf' or an object with the methods"):
        als.build_index(index)


@pytest.mark.parametrize(
    "estimator",
    [
        EASERecommender(positive_from=2),
        PopularityRecommender(positive_from=2),
        fast(NeuMFRecommender).set_params(positive_from=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_models_without_vectors_have_no_index(estimator):
    with pytest.raises(NotImplementedError, match="build_index needs scores that are products of vectors"):
        estimator.fit(events()).build_index()


def test_an_unfitted_model_has_no_index():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        ALSRecommender().build_index()
