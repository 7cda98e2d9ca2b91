"""Two parts of MIND, by the code in the documentation."""

import re
from pathlib import Path

import numpy as np
import pytest

from skrec import Interactions

pytestmark = pytest.mark.usefixtures("one_thread")

PAGE = Path(__file__).parents[1] / "docs" / "datasets.md"
SPORTS, MUSIC = '[{"WikidataId": "Q1"}]', '[{"WikidataId": "Q2"}, {"WikidataId": "Q7"}]'  # nothing is known of Q7
VECTORS = {"MINDsmall_train": "Q1\t1\t0\n", "MINDsmall_dev": "Q1\t1\t0\nQ2\t0\t1\n"}


def article(code):
    """Even articles are about sports, odd ones about music."""
    about, words = (MUSIC, "song concert") if code % 2 else (SPORTS, "match goal")
    return f"N{code}\tnews\tworld\t{words} number{code}\t\thttps://x\t{about}\t[]\n"


def impression(user, hour, history, clicked, other, day=9):
    read = " ".join(f"N{code}" for code in history)
    return f"1\t{user}\t11/{day}/2019 {hour}:00:00 AM\t{read}\tN{other}-0 N{clicked}-1\n"


TRAIN = [
    impression(f"U{topic}", 1 + hour, [2 + topic], 4 + topic + 2 * hour, 5 - topic + 2 * hour)
    for hour in range(6)
    for topic in (0, 1)
]
# U1 comes again; the others are new, U5 without a history, and so are the articles from 20 on
DEV = [
    impression("U1", 1, [3], 21, 20, day=14),
    impression("U2", 2, [18, 2], 20, 21, day=14),
    impression("U3", 3, [19], 23, 22, day=14),
    impression("U2", 4, [18, 2], 22, 23, day=14),
    impression("U5", 5, [], 22, 23, day=14),
]


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """What the names of the page's code stand for when it has run."""
    for part, lines, codes in (
        ("MINDsmall_train", TRAIN, range(2, 20)),
        ("MINDsmall_dev", DEV, [2, 3, 18, 19, *range(20, 24)]),
    ):
        (tmp_path / part).mkdir()
        (tmp_path / part / "behaviors.tsv").write_text("".join(lines))
        (tmp_path / part / "news.tsv").write_text("".join(map(article, codes)))
        (tmp_path / part / "entity_embedding.vec").write_text(VECTORS[part])
    code = re.search(r"^### The dev part.*?^```\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, PAGE.name, "exec"), names)
    return names


def test_the_page_scores_the_dev_part_by_a_model_of_the_train_part(ran):
    model, dev = ran["model"], ran["dev"]
    # two clicks that the train part gives as histories, and those of U2 and U3; no two share an impression
    assert len(model.events_) == 2 * len(TRAIN) + 2 + 3
    assert np.unique(model.events_.impressions).size == len(TRAIN) + 2 + 3
    assert 0 <= ran["auc"] <= 1
    scores = model.predict(dev.interactions).reshape(-1, 2)
    assert np.isfinite(scores).all() and 0.8 <= ran["auc"] <= 1
    assert (scores[:4, 1] > scores[:4, 0]).all()  # what they had read tells what they clicked
    more = Interactions.from_frame(dev.interactions.to_frame(), item_features=ran["features"])
    assert np.unique(model.partial_fit(more).events_.impressions).size == len(TRAIN) + 2 + 3 + len(DEV)


def test_the_features_of_an_article_hold_the_mean_of_what_its_title_names(ran):
    entities = ran["entities"]
    assert entities.index.tolist() == sorted(f"N{code}" for code in range(2, 24))
    assert entities.loc[["N2", "N23"]].to_numpy().tolist() == [[1, 0], [0, 1]]
    assert ran["features"].shape == (22, ran["titles"].shape[1] + 2)
