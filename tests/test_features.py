"""Features of users and items: numbers from a table, and their way through `Interactions`."""

import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

from skrec import ALSRecommender, FeatureEncoder, Interactions, text_vectors
from skrec.data import append_events
from skrec.model_selection import LeaveLastOut, train_test_split

FILMS = pd.DataFrame(
    {
        "year": [1979, 1985, np.nan],
        "seen": pd.to_datetime(["2000-01-01", "2000-01-03", None]),
        "colour": pd.array([True, False, None], dtype="boolean"),
        "genres": [("Horror", "Sci-Fi"), ["Sci-Fi"], ()],
        "tags": ["dark|slow", "slow", None],
        "studio": ["Fox", None, "A24"],
    },
    index=["Alien", "Brazil", "Unseen"],
)


# ---- numbers from a table ----------------------------------------------------------------------------------------------


def test_each_column_becomes_numbers_by_what_it_holds():
    encoded = FeatureEncoder().fit_transform(FILMS)
    expected = {
        "year": [-1, 1, 0],
        "seen": [-1, 1, 0],
        "colour": [1, 0, 0],
        "genres_Horror": [1, 0, 0],
        "genres_Sci-Fi": [1, 1, 0],
        "tags_dark": [1, 0, 0],
        "tags_slow": [1, 1, 0],
        "studio_A24": [0, 0, 1],
        "studio_Fox": [1, 0, 0],
        "studio_missing": [0, 1, 0],
    }
    pd.testing.assert_frame_equal(encoded, pd.DataFrame(expected, index=FILMS.index, dtype=np.float32))


def test_what_was_not_there_in_fit_becomes_zeros():
    encoder = FeatureEncoder().fit(FILMS)
    other = FILMS.iloc[:1].assign(genres=[["Western", "Sci-Fi"]], tags="loud", studio="Mosfilm", year=2000)
    row = encoder.transform(other).iloc[0]
    assert row[["genres_Horror", "genres_Sci-Fi", "tags_dark", "tags_slow", "studio_A24", "studio_Fox"]].tolist() == [
        0,
        1,
    ] + 4 * [0]
    assert row["year"] == pytest.approx((2000 - 1982) / 3)


def test_rows_do_not_depend_on_each_other_nor_on_the_order_of_columns():
    encoder = FeatureEncoder().fit(FILMS)
    whole = encoder.transform(FILMS)
    pd.testing.assert_frame_equal(encoder.transform(FILMS.iloc[[2, 0], ::-1]), whole.iloc[[2, 0]])


def test_rare_categories_share_a_column():
    studios = pd.DataFrame({"studio": ["Fox"] * 5 + ["A24"] * 3 + ["Mosfilm", "Toho"]})
    assert FeatureEncoder(max_categories=3).fit_transform(studios).sum().tolist() == [3, 5, 2]


def test_categories_may_be_numbers_if_they_are_said_to_be():
    encoded = FeatureEncoder().fit_transform(pd.DataFrame({"zip": pd.Categorical([85711, 94043, 85711])}))
    assert encoded.columns.tolist() == ["zip_85711", "zip_94043"]


def test_the_separator_can_be_another():
    encoded = FeatureEncoder(sep=";").fit_transform(pd.DataFrame({"tags": ["a;b|c", "a"]}))
    assert encoded.columns.tolist() == ["tags_a", "tags_b|c"]


def test_text_becomes_vectors_of_the_given_kind():
    plots = pd.DataFrame({"plot": ["robots love robots", "robots fight", "rain at the wedding", None], "year": [1, 2, 3, 4]})
    encoded = FeatureEncoder(text="plot", text_encoder=text_vectors(2)).fit_transform(plots)
    assert encoded.columns[:2].str.startswith("plot_").all() and encoded.columns[2] == "year"
    vectors = encoded.to_numpy()[:, :2]
    assert vectors[0] @ vectors[1] > 0.1 > abs(vectors[0] @ vectors[2])
    assert not vectors[3].any()


def test_text_vectors_are_no_wider_than_there_are_words():
    encoded = FeatureEncoder(text="title").fit_transform(pd.DataFrame({"title": ["red dawn", "red", None]}))
    assert encoded.shape == (3, 2) and encoded.columns.str.startswith("title_").all()
    assert FeatureEncoder(text="title").fit_transform(pd.DataFrame({"title": ["red", "red"]})).shape == (2, 1)


def test_booleans_among_missing_entries_are_booleans():
    flags = pd.DataFrame({"free": [True, None, False, np.nan, np.True_]}, dtype=object)
    encoder = FeatureEncoder().fit(flags)
    assert encoder.transform(flags)["free"].tolist() == [1, 0, 0, 0, 1]
    assert encoder.transform(flags[1:2])["free"].tolist() == [0]


@pytest.mark.parametrize("column", [[np.nan, np.nan], pd.to_datetime([None, None]), pd.array([None, None], "Int64")])
def test_a_column_without_any_number_is_zeros(column):
    encoded = FeatureEncoder().fit_transform(pd.DataFrame({"price": column, "year": [1, 3]}))
    assert encoded.to_numpy().tolist() == [[0, -1], [0, 1]]


def test_text_vectors_are_an_ordinary_pipeline_that_repeats_itself():
    plots = ["robots love robots", "robots fight", "rain at the wedding"]
    assert isinstance(text_vectors(2), Pipeline)
    np.testing.assert_array_equal(text_vectors(2).fit_transform(plots), clone(text_vectors(2)).fit_transform(plots))


def test_the_encoder_is_cloned_and_pickled():
    encoder = clone(FeatureEncoder(text="studio", text_encoder=text_vectors(1), max_categories=5))
    assert encoder.get_params(deep=False)["max_categories"] == 5
    again = pickle.loads(pickle.dumps(encoder.fit(FILMS)))
    pd.testing.assert_frame_equal(again.transform(FILMS), encoder.transform(FILMS))
    assert again.get_feature_names_out().tolist() == encoder.transform(FILMS).columns.tolist()


NO_TABLES = {
    "an array": (np.eye(2), {}, TypeError, "X must be a pandas DataFrame of features, got ndarray"),
    "no rows": (FILMS[:0], {}, ValueError, "X must have rows"),
    "numbered columns": (pd.DataFrame(np.eye(2)), {}, ValueError, "columns with distinct strings as names"),
    "a column twice": (FILMS[["year", "year"]], {}, ValueError, "columns with distinct strings as names"),
    "no such text": (FILMS, {"text": ["plot"]}, ValueError, r"text names columns that X does not have: \['plot'\]"),
    "no labels": (pd.DataFrame({"tags": [(), []]}), {}, ValueError, "column 'tags' of X has no label in any row"),
    "no text": (
        pd.DataFrame({"plot": ["", None]}),
        {"text": "plot"},
        ValueError,
        "column 'plot' of X, named in text, has no word",
    ),
    "letters": (
        pd.DataFrame({"plot": ["a b", "c"]}),
        {"text": "plot"},
        ValueError,
        "column 'plot' of X, named in text, has no",
    ),
    "names": (
        pd.DataFrame({"a": ["b", "c"], "a_b": [1, 2]}),
        {},
        ValueError,
        r"give output columns with the same names, \['a_b'\]",
    ),
    "no separator": (FILMS, {"sep": ""}, ValueError, "sep must be a string of at least one character"),
}


@pytest.mark.parametrize(("table", "parameters", "error", "words"), NO_TABLES.values(), ids=NO_TABLES)
def test_what_is_no_table_of_features_is_refused(table, parameters, error, words):
    with pytest.raises(error, match=words):
        FeatureEncoder(**parameters).fit(table)


def test_a_column_that_is_lacking_later_is_named():
    with pytest.raises(ValueError, match=r"X lacks the columns \['year'\]"):
        FeatureEncoder().fit(FILMS).transform(FILMS.drop(columns="year"))


def test_a_sentence_model_is_asked_for_when_it_is_used(monkeypatch):
    class Model:
        def __init__(self, name):
            self.width = int(name)

        def encode(self, texts, show_progress_bar):
            return np.array([[len(text)] * self.width for text in texts])

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Model))
    encoder = FeatureEncoder(text="tags", text_encoder=text_vectors(model="3"))
    encoded = encoder.fit_transform(FILMS[["tags"]])
    assert encoded.columns.tolist() == ["tags_sentence0", "tags_sentence1", "tags_sentence2"]
    assert encoded.to_numpy().tolist() == [[9] * 3, [4] * 3, [0] * 3]


def test_without_the_library_a_sentence_model_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    vectors = text_vectors(model="all-MiniLM-L6-v2")  # says nothing yet
    with pytest.raises(ImportError, match=r"pip install skrec\[text\]"):
        vectors.fit(["a"])


# ---- into Interactions -------------------------------------------------------------------------------------------------

EVENTS = pd.DataFrame({"user": ["bob", "ann", "bob"], "item": ["Brazil", "Alien", "Alien"], "rating": [1, 2, 9]})
YEARS = pd.DataFrame({"year": [2026, 1985, 1979]}, index=["Unseen", "Brazil", "Alien"])


def test_rows_are_put_in_the_order_of_the_codes_and_items_without_events_join():
    data = Interactions.from_frame(EVENTS, item_features=YEARS)
    assert data.item_ids.tolist() == ["Alien", "Brazil", "Unseen"] and data.items.tolist() == [1, 0, 0]
    assert data.item_features.tolist() == [[1979], [1985], [2026]] and data.item_features.dtype == np.float32
    assert data.user_features is None and data.n_users == 2


@given(rows=st.permutations(range(3)), columns=st.permutations(["year", "length"]))
def test_neither_the_order_of_rows_nor_further_rows_change_what_an_item_has(rows, columns):
    table = YEARS.assign(length=[3, 2, 1])
    data = Interactions.from_frame(EVENTS, item_features=table.iloc[list(rows)][columns])
    of_item = dict(zip(data.item_ids, data.item_features.tolist()))
    assert of_item == {label: [float(row[column]) for column in columns] for label, row in table.iterrows()}


def test_users_have_features_like_items():
    ages = pd.DataFrame({"age": [30, 20, 40]}, index=["bob", "ann", "cid"])
    data = Interactions.from_frame(EVENTS, user_features=ages, item_features=YEARS)
    assert data.user_ids.tolist() == ["ann", "bob", "cid"] and data.users.tolist() == [1, 0, 1]
    assert data.user_features.tolist() == [[20], [30], [40]]


def test_labels_stand_in_the_index_or_in_a_column_called_like_that_of_the_events():
    by_column = YEARS.reset_index(names="film")
    events = EVENTS.rename(columns={"item": "film"})
    data = Interactions.from_frame(events, item="film", item_features=by_column)
    assert data.item_features.tolist() == [[1979], [1985], [2026]]


def test_a_table_may_be_of_another_library():
    pl = pytest.importorskip("polars")
    data = Interactions.from_frame(EVENTS, item_features=pl.from_pandas(YEARS.reset_index(names="item")))
    assert data.item_features.tolist() == [[1979], [1985], [2026]]


def test_users_and_items_may_have_features_and_no_events_at_all():
    data = Interactions.from_features(item_features=YEARS)
    assert (len(data), data.n_users, data.n_items) == (0, 0, 3)
    assert data.item_features.tolist() == [[1979], [1985], [2026]]
    with pytest.raises(ValueError, match="user_features or item_features must be given"):
        Interactions.from_features()


BAD_TABLES = {
    "no row": (YEARS[:2], ValueError, r"item_features must have a row for each item with events, but 1 have none: \['Alien'\]"),
    "words": (
        FILMS[["studio"]],
        ValueError,
        "column 'studio' of item_features must hold numbers, got 'Fox'; skrec.FeatureEncoder",
    ),
    "gaps": (
        FILMS[["year"]],
        ValueError,
        "column 'year' of item_features must hold finite numbers, got nan; skrec.FeatureEncoder",
    ),
    "dates": (FILMS[["seen"]], ValueError, "column 'seen' of item_features must hold numbers, got dtype datetime64"),
    "labels": (FILMS[["genres"]], ValueError, "column 'genres' of item_features must hold numbers"),
    "no labels": (YEARS.reset_index(drop=True), ValueError, "item_features has no labels: its index or one column 'item'"),
    "a label twice": (YEARS.iloc[[0, 1, 2, 2]], ValueError, "labels of item_features must be distinct labels, but 'Alien'"),
    "no columns": (YEARS[[]], ValueError, "item_features must have numeric columns"),
    "no table": (np.eye(3), TypeError, "item_features must be a DataFrame or Table"),
}


@pytest.mark.parametrize(("table", "error", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_table_that_is_no_features_of_the_items_is_refused(table, error, words):
    with pytest.raises(error, match=words):
        Interactions.from_frame(EVENTS, item_features=table)


BAD_ARRAYS = {
    "a table": (YEARS, TypeError, "item_features must be an array or a sparse matrix, got DataFrame; skrec.FeatureEncoder"),
    "words": (np.array([["a"], ["b"]]), ValueError, "item_features must hold numbers"),
    "gaps": (np.array([[1.0], [np.nan]]), ValueError, "item_features must hold finite numbers, got nan"),
    "sparse gaps": (sp.csr_array([[np.inf], [0]]), ValueError, "item_features must hold finite numbers, got inf"),
}


@pytest.mark.parametrize(("features", "error", "words"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_are_no_features_are_refused(features, error, words):
    with pytest.raises(error, match=words):
        Interactions.from_arrays([0], [1], item_features=features)


def test_every_sparse_format_is_kept_as_rows():
    data = Interactions.from_arrays([0], [1], item_features=sp.coo_array([[0, 1], [2, 0]]))
    assert data.item_features.format == "csr" and data.item_features.toarray().tolist() == [[0, 1], [2, 0]]


# ---- on their way ------------------------------------------------------------------------------------------------------


@pytest.fixture
def rich():
    rng = np.random.default_rng(0)
    users, items = np.repeat(np.arange(10), 4), np.concatenate([rng.permutation(8)[:4] for _ in range(10)])
    return Interactions.from_arrays(
        users, items, timestamps=np.arange(40), n_items=9, user_features=np.eye(10), item_features=sp.csr_array(np.eye(9))
    )


def test_features_survive_slices_splits_and_pickles(rich):
    parts = [rich[::2], *train_test_split(rich, test_size=0.3, random_state=0), pickle.loads(pickle.dumps(rich))]
    for splitter in (KFold(2, shuffle=True, random_state=0), LeaveLastOut()):
        parts += [rich[rows] for rows in next(splitter.split(rich))]
    for part in parts:
        assert (part.user_features == rich.user_features).all() and (part.item_features != rich.item_features).nnz == 0


def test_new_items_come_by_their_features_alone():
    known = Interactions.from_frame(EVENTS.assign(timestamp=[1, 2, 3]), item_features=YEARS)
    new = Interactions.from_features(item_features=pd.DataFrame({"year": [2027, 0]}, index=["Newer", "Alien"]))
    both = append_events(known, new, as_new_users=False)
    assert both.item_ids.tolist() == ["Alien", "Brazil", "Unseen", "Newer"]
    assert both.item_features.tolist() == [[1979], [1985], [2026], [2027]]
    assert both.timestamps.tolist() == [1, 2, 3] and both.user_ids is known.user_ids


def test_a_model_that_reads_no_features_ranks_items_without_events_last():
    data = Interactions.from_frame(EVENTS, item_features=YEARS)
    model = ALSRecommender(positive_from=0, n_factors=2, n_jobs=1, random_state=0).fit(data)
    answer = model.recommend(["ann"], k=2)
    assert answer.items[0, 1] == "Unseen" and answer.scores[0, 1] == -np.inf
    model.partial_fit(Interactions.from_features(item_features=pd.DataFrame({"year": [2027]}, index=["Newer"])))
    assert model.item_ids_.tolist() == ["Alien", "Brazil", "Unseen", "Newer"]


def test_all_users_whose_features_are_given_are_asked_for():
    model = ALSRecommender(positive_from=0, n_factors=2, n_jobs=1, random_state=0).fit(EVENTS)
    ages = pd.DataFrame({"age": [30, 20]}, index=["dan", "cid"])
    answer = model.recommend(Interactions.from_frame(EVENTS[:1].assign(user="dan"), user_features=ages), k=2)
    assert answer.users.tolist() == ["cid", "dan"]
    assert answer.items.tolist() == [["Alien", "Brazil"], ["Alien", None]]


def test_nothing_at_all_is_not_enough():
    model = ALSRecommender(positive_from=0, n_factors=2, n_jobs=1, random_state=0)
    with pytest.raises(ValueError, match="X has no events"):
        model.fit(Interactions.from_features(item_features=YEARS))
    with pytest.raises(ValueError, match="X has no events"):
        model.fit(EVENTS).partial_fit(Interactions.from_frame(EVENTS)[:0])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_an_encoder_works_with_any_output_of_transformers(library):
    films = pd.DataFrame({"genres": ["a|b", "b"], "year": [1.0, 2.0], "title": ["one two", "two three"]}, index=["x", "y"])
    expected = FeatureEncoder(text="title").fit(films).transform(films)
    with config_context(transform_output=library):
        table = FeatureEncoder(text="title").fit(films).transform(films)
    assert type(table).__module__.startswith(library)
    assert list(table.columns) == list(expected.columns)
    np.testing.assert_array_equal(table.to_numpy(), expected.to_numpy())
    assert library != "pandas" or table.index.tolist() == ["x", "y"]
