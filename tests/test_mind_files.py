"""The files of MIND, read as published."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.frozen import FrozenEstimator

from skrec import PopularityRecommender
from skrec.data import with_event_times
from skrec.datasets import load_mind
from skrec.engine import TimedSequenceTable
from skrec.features import text_vectors

BEHAVIORS = """\
7\tU2\t11/15/2019 12:05:58 AM\tN3 N1 N3\tN4-0 N2-1
9\tU1\t11/11/2019 9:05:58 AM\t\tN2-0
8\tU2\t11/14/2019 12:00:00 PM\tN3 N1\tN1-1 N4-1 N2-0
"""
MIDNIGHT, MORNING, NOON = 1573776358, 1573463158, 1573732800  # date -u -d "2019-11-15 00:05:58" +%s, and so on
ENTITY = '{"Label": "Douglas Adams", "Type": "P", "WikidataId": "Q42", "SurfaceForms": ["Adams"]}'
NEWS = f"""\
N2\tsports\tgolf\tA "hole\x85in one\thow\thttps://x/2.html\t[{ENTITY}]\t[]
N1\tnews\tworld\ttitle\t\thttps://x/1.html\t[{ENTITY}, {{"WikidataId": "Q1"}}]\t
N9\tnews\tnewsus\tnever shown\ttext\thttps://x/9.html\t[]\t[{ENTITY}]
"""
VECTORS = "Q42\t0.5\t-1.25\t\nQ1\t0.000001\t2e3\t\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "behaviors.tsv").write_text(BEHAVIORS, encoding="utf-8")
    (tmp_path / "news.tsv").write_text(NEWS, encoding="utf-8")
    return tmp_path


def rows(events):
    columns = [events.user_ids[events.users], events.item_ids[events.items], events.values, events.timestamps // 10**6]
    return list(zip(*(column.tolist() for column in [*columns, events.impressions])))


SHOWN = [
    ("U2", "N4", 0, MIDNIGHT, 0), ("U2", "N2", 1, MIDNIGHT, 0),
    ("U1", "N2", 0, MORNING, 1),
    ("U2", "N1", 1, NOON, 2), ("U2", "N4", 1, NOON, 2), ("U2", "N2", 0, NOON, 2),
]  # fmt: skip
READ_BEFORE = [("U2", "N3", 1, NOON - 2, 3), ("U2", "N1", 1, NOON - 1, 4)]


def test_every_candidate_is_an_event_of_its_line_s_impression(folder):
    assert rows(load_mind(folder).interactions) == SHOWN


def test_the_history_is_that_of_the_earliest_impression_and_lies_in_the_seconds_before_it(folder):
    assert rows(load_mind(folder).history) == READ_BEFORE


def test_each_click_of_a_history_has_those_before_it_for_a_past(folder):
    events = with_event_times(load_mind(folder).events)
    clicks = events[events.values > 0]
    table = TimedSequenceTable(clicks, 50)
    users, times = torch.tensor(clicks.users), torch.tensor(clicks.timestamps)
    items, is_there = table.before(table.after_all_events(users)._replace(stops=table.stops(users, times)))
    pasts = ["".join(clicks.item_ids[past[there]]) for past, there in zip(items.numpy(), is_there.numpy())]
    assert clicks.item_ids[clicks.items].tolist() == ["N3", "N1", "N1", "N4", "N2"]
    assert pasts == ["", "N3", "N3N1", "N3N1", "N3N1N1N4"]


def test_of_impressions_in_one_second_the_first_line_gives_the_history(folder):
    (folder / "behaviors.tsv").write_text(BEHAVIORS.replace("11/14/2019 12:00:00 PM", "11/15/2019 12:05:58 AM"))
    assert [item for _, item, *_ in rows(load_mind(folder).history)] == ["N3", "N1", "N3"]


def test_events_are_both_in_order_of_time(folder):
    assert rows(load_mind(folder).events) == [SHOWN[2], *READ_BEFORE, *SHOWN[3:], *SHOWN[:2]]


def test_both_parts_share_a_vocabulary_of_all_that_was_shown_read_or_described(folder):
    mind = load_mind(folder)
    for part in (mind.interactions, mind.history, mind.events):
        assert part.item_ids.tolist() == ["N1", "N2", "N3", "N4", "N9"] and part.user_ids.tolist() == ["U1", "U2"]
        assert (part.n_users, part.n_items) == (2, 5)


def test_news_has_a_row_for_each_item_code(folder):
    news = load_mind(folder).news
    assert news.index.tolist() == ["N1", "N2", "N3", "N4", "N9"]
    assert list(news) == ["category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities"]
    assert news.loc["N2"].tolist() == ["sports", "golf", 'A "hole\x85in one', "how", "https://x/2.html", ["Q42"], []]
    assert news.loc["N1"].tolist() == ["news", "world", "title", "", "https://x/1.html", ["Q42", "Q1"], []]
    assert news.loc[["N3", "N4"]].isna().all(axis=None) and news.loc[["N1", "N2", "N9"]].notna().all(axis=None)


def test_vectors_of_titles_are_features_of_the_articles(folder):
    plain, text = load_mind(folder), text_vectors(2)
    mind = load_mind(folder, text=text)
    titles = plain.news["title"].fillna("").tolist()
    expected = text_vectors(2).fit_transform(titles)
    for part in (mind.interactions, mind.history, mind.events):
        np.testing.assert_allclose(part.item_features, expected, rtol=1e-6)
    assert rows(mind.interactions) == rows(plain.interactions) and plain.interactions.item_features is None
    assert not hasattr(text[0], "vocabulary_")  # a clone is fitted
    with_other_words = FrozenEstimator(text_vectors(2).fit(["a robot", "a wedding"]))
    assert not load_mind(folder, text=with_other_words).interactions.item_features.any()


def test_a_model_fitted_on_the_events_counts_clicks_of_both_parts(folder):
    model = PopularityRecommender(positive_from=1).fit(load_mind(folder).events)
    assert model.recommend(["U1"], k=1).items.tolist() == [["N1"]]


def test_test_files_do_not_say_what_was_clicked(folder):
    (folder / "behaviors.tsv").write_text("1\tU1\t11/11/2019 9:05:58 AM\tN3\tN2 N1\n")
    mind = load_mind(folder)
    assert rows(mind.interactions) == [("U1", "N2", 0, MORNING, 0), ("U1", "N1", 0, MORNING, 0)]
    assert rows(mind.history) == [("U1", "N3", 1, MORNING - 1, 1)]


def test_nobody_needs_a_history(folder):
    (folder / "behaviors.tsv").write_text("1\tU1\t11/11/2019 9:05:58 AM\t\tN2-1 N1-0\n")
    mind = load_mind(folder)
    assert len(mind.history) == 0 and rows(mind.events) == rows(mind.interactions)


@pytest.mark.parametrize(
    ("hour", "of_the_day"),
    [("12:00:00 AM", 0), ("1:00:00 AM", 1), ("11:00:00 AM", 11), ("12:00:00 PM", 12), ("01:00:00 PM", 13)],
)
def test_hours_are_those_of_a_twelve_hour_clock(folder, hour, of_the_day):
    (folder / "behaviors.tsv").write_text(f"1\tU1\t1/2/1970 {hour}\t\tN2-1\n")
    assert load_mind(folder).interactions.timestamps.tolist() == [10**6 * (86400 + 3600 * of_the_day)]


def test_vectors_are_read_where_there_are_some(folder):
    assert load_mind(folder).entity_vectors is None and load_mind(folder).relation_vectors is None
    (folder / "entity_embedding.vec").write_text(VECTORS)
    (folder / "relation_embedding.vec").write_text("P31\t1\n")
    mind = load_mind(folder)
    assert mind.entity_vectors.index.tolist() == ["Q42", "Q1"]
    assert np.array_equal(mind.entity_vectors.to_numpy(), np.array([[0.5, -1.25], [1e-6, 2e3]], np.float32))
    assert mind.relation_vectors.loc["P31"].tolist() == [1]


GOOD = "1\tU1\t11/11/2019 9:05:58 AM\tN3\tN2-1 N1-0\n"
N_FIELDS = "behaviors.tsv, line 2: expected 5 fields between tabs (impression id, user, time, history, impressions), got "
TIME = "behaviors.tsv, line 2: expected a time such as '11/15/2019 8:55:22 AM', got "
CLICK = "behaviors.tsv, line 2: expected an article and whether it was clicked, such as 'N1-0' or 'N1-1', got "
NEWS_ID = "line 2: expected the id of an article, such as 'N1', got "

# second line after a good one, words
BAD_BEHAVIORS = {
    "a blank line": ("\n", N_FIELDS + "1"),
    "spaces for tabs": ("2 U1 11/11/2019 9:05:58 AM N3 N2-1\n", N_FIELDS + "1"),
    "no history column": ("2\tU1\t11/11/2019 9:05:58 AM\tN2-1\n", N_FIELDS + "4"),
    "a column too many": (GOOD[:-1] + "\t\n", N_FIELDS + "6"),
    "broken off": ("2\tU1\t11/11/2019 9:0", N_FIELDS + "3"),
    "an impression id in words": ("two" + GOOD[1:], "behaviors.tsv, line 2: expected an integer >= 0, got 'two'"),
    "no user": (GOOD.replace("U1", ""), "behaviors.tsv, line 2: expected a user, got ''"),
    "another order of the date": (GOOD.replace("11/11/2019", "2019-11-11"), TIME + "'2019-11-11 9:05:58 AM'"),
    "no such day": (GOOD.replace("11/11/2019", "2/29/2019"), TIME + "'2/29/2019 9:05:58 AM'"),
    "no such month": (GOOD.replace("11/11/2019", "15/11/2019"), TIME + "'15/11/2019 9:05:58 AM'"),
    "24 hours": (GOOD.replace("9:05:58 AM", "13:05:58 PM"), TIME + "'11/11/2019 13:05:58 PM'"),
    "neither AM nor PM": (GOOD.replace(" AM", ""), TIME + "'11/11/2019 9:05:58'"),
    "60 minutes": (GOOD.replace(":05:", ":60:"), TIME + "'11/11/2019 9:60:58 AM'"),
    "no time": (GOOD.replace("11/11/2019 9:05:58 AM", ""), TIME + "''"),
    "clicks in the history": (GOOD.replace("N3", "N3-1"), "behaviors.tsv, " + NEWS_ID + "'N3-1'"),
    "nothing shown": (GOOD.replace("N2-1 N1-0", ""), "behaviors.tsv, line 2: expected impressions, such as 'N1-0 N2-1', got n"),
    "a label missing": (GOOD.replace("N1-0", "N1"), CLICK + "'N1'"),
    "another label": (GOOD.replace("N1-0", "N1-2"), CLICK + "'N1-2'"),
    "an empty label": (GOOD.replace("N1-0", "N1-"), CLICK + "'N1-'"),
    "no article": (GOOD.replace("N1-0", "-0"), "behaviors.tsv, " + NEWS_ID + "''"),
    "Latin-1": (GOOD.replace("U1", "Zoë").encode("latin-1"), "behaviors.tsv, line 2: not utf-8 text"),
}


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize(("line", "words"), BAD_BEHAVIORS.values(), ids=BAD_BEHAVIORS)
def test_a_malformed_impression_is_refused_by_file_and_line(folder, line, words):
    (folder / "behaviors.tsv").write_bytes(GOOD.encode() + as_bytes(line))
    with pytest.raises(ValueError) as caught:
        load_mind(folder)
    assert str(caught.value).startswith(words)


def test_a_label_in_a_test_file_is_refused(folder):
    (folder / "behaviors.tsv").write_text(GOOD.replace("-1", "").replace("-0", "") + GOOD)
    with pytest.raises(ValueError, match=r"^behaviors\.tsv, line 2: expected the id of an article, such as 'N1', got 'N2-1'"):
        load_mind(folder)


ARTICLE = "N1\tnews\tworld\ttitle\t\thttps://x/1.html\t[]\t[]\n"
ENTITIES = """news.tsv, line 2: expected entities, such as [{"WikidataId": "Q42"}], got """
BAD_NEWS = {
    "a blank line": ("\n", "news.tsv, line 2: expected 8 fields between tabs (id, category, subcategory, title, "),
    "a tab in the title": (ARTICLE.replace("title", "ti\ttle"), "news.tsv, line 2: expected 8 fields between tabs (id, categ"),
    "no id": (ARTICLE[2:], "news.tsv, " + NEWS_ID + "''"),
    "an id with a label": (ARTICLE.replace("N1", "N1-1"), "news.tsv, " + NEWS_ID + "'N1-1'"),
    "an article twice": (ARTICLE, "news.tsv, line 2: duplicate article"),
    "no JSON": ("N2" + ARTICLE[2:].replace("[]", "[{]", 1), "news.tsv, line 2: expected JSON, got '[{]' ("),
    "no list": ("N2" + ARTICLE[2:].replace("[]", "{}", 1), ENTITIES + "'{}'"),
    "a number": ("N2" + ARTICLE[2:].replace("[]", "7", 1), ENTITIES + "'7'"),
    "no objects": ("N2" + ARTICLE[2:].replace("[]", '["Q42"]', 1), ENTITIES + """'["Q42"]'"""),
    "no id of an entity": ("N2" + ARTICLE[2:].replace("[]", '[{"Label": "x"}]', 1), ENTITIES),
    "a number for an id": ("N2" + ARTICLE[2:].replace("[]", '[{"WikidataId": 42}]', 1), ENTITIES),
    "Latin-1": (ARTICLE.replace("title", "Léon").encode("latin-1"), "news.tsv, line 2: not utf-8 text"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "words"), BAD_NEWS.values(), ids=BAD_NEWS)
def test_a_malformed_article_is_refused_by_file_and_line(folder, line, words):
    (folder / "news.tsv").write_bytes(ARTICLE.encode() + as_bytes(line))
    with pytest.raises(ValueError) as caught:
        load_mind(folder)
    assert str(caught.value).startswith(words)


VECTOR = "entity_embedding.vec, line 2: expected a Wikidata id and finite numbers between tabs, got "
BAD_VECTORS = {
    "a blank line": ("\n", VECTOR + "''"),
    "an id alone": ("Q7\n", VECTOR + "'Q7'"),
    "no id": ("\t1\t2\n", VECTOR),
    "a word": ("Q7\t1\ttwo\n", VECTOR),
    "NaN": ("Q7\t1\tnan\n", VECTOR),
    "beyond float32": ("Q7\t1\t1e39\n", VECTOR),
    "a number missing": ("Q7\t1\n", "entity_embedding.vec, line 2: expected 2 numbers as in line 1, got 1"),
    "an id twice": ("Q42\t1\t2\n", "entity_embedding.vec, line 2: duplicate id"),
}


@pytest.mark.parametrize(("line", "words"), BAD_VECTORS.values(), ids=BAD_VECTORS)
def test_a_malformed_vector_is_refused_by_file_and_line(folder, line, words):
    (folder / "entity_embedding.vec").write_text("Q42\t0.5\t1\t\n" + line)
    with pytest.raises(ValueError) as caught:
        load_mind(folder)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("file", ["behaviors.tsv", "news.tsv"])
def test_an_empty_or_missing_file_is_named(folder, file):
    (folder / file).write_text("")
    with pytest.raises(ValueError, match=f"^{file} is empty"):
        load_mind(folder)
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=file):
        load_mind(folder)


def test_a_folder_that_is_no_path_is_refused():
    with pytest.raises(TypeError, match=r"folder must be a str or os\.PathLike, got None"):
        load_mind(None)


# ---- the official files ----------------------------------------------------------------------------------------------

needs_real_data = pytest.mark.skipif("SKREC_DATA" not in os.environ, reason="SKREC_DATA does not say where it is")


@pytest.fixture(scope="module")
def sample():
    return Path(os.environ["SKREC_DATA"], "mind-small-sample")


@needs_real_data
def test_every_row_of_the_sample_is_read(sample):
    mind = load_mind(sample / "MINDsmall_train")
    lines = [line.split("\t") for line in (sample / "MINDsmall_train" / "behaviors.tsv").read_text("utf-8").splitlines()]
    candidates = [candidate for line in lines for candidate in line[4].split()]
    assert (len(lines), len(candidates)) == (5_000, 189_359)
    shown = mind.interactions
    labels = [f"{item}-{value:.0f}" for item, value in zip(shown.item_ids[shown.items], shown.values)]
    assert labels == candidates and shown.values.sum() == 7_542
    assert np.array_equal(np.bincount(shown.impressions), [len(line[4].split()) for line in lines])
    assert shown.user_ids[shown.users].tolist() == [line[1] for line in lines for _ in line[4].split()]
    days = np.array([shown.timestamps.min(), shown.timestamps.max()], "datetime64[us]").astype("datetime64[D]")
    assert days.astype(str).tolist() == ["2019-11-09", "2019-11-14"]


@needs_real_data
def test_the_histories_of_the_sample_are_those_of_their_users(sample):
    mind = load_mind(sample / "MINDsmall_train")
    lines = [line.split("\t") for line in (sample / "MINDsmall_train" / "behaviors.tsv").read_text("utf-8").splitlines()]
    official = {user: history.split() for _, user, _, history, _ in lines}  # the same in all lines of a user
    read = mind.history.to_frame().groupby("user", sort=False)["item"].agg(list)
    assert read.to_dict() == {user: history for user, history in official.items() if history}
    first_shown = mind.interactions.to_frame().groupby("user")["timestamp"].min()
    last_read = mind.history.to_frame().groupby("user")["timestamp"].max()
    assert (first_shown.loc[last_read.index] - last_read == pd.Timedelta(seconds=1)).all()
    assert (mind.events.n_users, len(mind.events)) == (4_637, 189_359 + len(mind.history))


@needs_real_data
def test_the_news_of_the_sample_are_described(sample):
    mind = load_mind(sample / "MINDsmall_train")
    news = mind.news.dropna()
    assert (len(mind.news), len(news), news["category"].nunique()) == (mind.interactions.n_items, 2_000, 15)
    assert news["title"].str.len().min() > 0
    ids = [one for column in ("title_entities", "abstract_entities") for entities in news[column] for one in entities]
    assert len(ids) > 2_000 and all(one[0] == "Q" and one[1:].isdigit() for one in ids)
    shown = mind.interactions
    assert mind.news["category"].notna().to_numpy()[shown.items].mean() == pytest.approx(0.028, abs=5e-4)


@needs_real_data
def test_the_relation_vectors_of_the_release_are_read(sample, folder):
    (folder / "relation_embedding.vec").symlink_to(sample / "MINDsmall_dev" / "relation_embedding.vec")
    vectors = load_mind(folder).relation_vectors
    assert vectors.shape == (1_091, 100) and vectors.loc["P31"].iloc[[0, 99]].tolist() == pytest.approx([-0.073467, -0.114056])
