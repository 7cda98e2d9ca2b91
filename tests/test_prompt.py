"""Estimators and answers at the prompt and in notebooks."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from saved_models import GOLDEN
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from small_models import N_EPOCHS, likes, model

import skrec
from skrec.base._parameters import documented_attributes
from skrec.features import FeatureEncoder
from skrec.reranking import RerankedRecommender

CLASSES = {cls.__name__: cls for cls in skrec.all_estimators()}
NAMES = sorted(CLASSES)
REFERENCE = Path(__file__).parents[1] / "docs" / "api.md"
KNOWN_USER, KNOWN_ITEM = "user 3", 897
CALLS = {  # of the methods that some models do not have an answer for
    "anonymized": lambda fitted, folder: fitted.anonymized(),
    "build_index": lambda fitted, folder: fitted.build_index(),
    "explain": lambda fitted, folder: fitted.explain(KNOWN_USER, KNOWN_ITEM),
    "similar_items": lambda fitted, folder: fitted.similar_items([KNOWN_ITEM]),
    "similar_users": lambda fitted, folder: fitted.similar_users([KNOWN_USER]),
    "to_onnx": lambda fitted, folder: fitted.to_onnx(folder / "model.onnx"),
}


@cache
def fitted(name):
    return skrec.load(GOLDEN / f"{name}.skrec")


def learned(names):
    return {name for name in names if name.endswith("_") and not name.startswith("_")}


class Counted(skrec.MFRecommender):
    """A model that counts, and embeddings that must not be computed.

    Attributes
    ----------
    count_ : int
        A number.
    """

    def _fit(self, data):
        super()._fit(data)
        self.count_, self.note_ = len(data), "without documentation"

    @property
    def user_embeddings_(self):
        raise AssertionError("computed")


# ---- completion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_completion_offers_parameters_and_after_a_fit_the_documented_attributes(name):
    before, after = clone(fitted(name)), fitted(name)
    for estimator in (before, after):
        assert not [found for found in dir(estimator) if found.startswith("_") and not found.startswith("__")]
        assert {"fit", "predict", "recommend", "save"} | set(estimator.get_params(deep=False)) <= set(dir(estimator))
        assert all(hasattr(estimator, found) for found in dir(estimator))
    assert learned(dir(before)) == set()
    assert learned(dir(after)) == documented_attributes(type(after))


@pytest.mark.parametrize("name", NAMES)
def test_completion_offers_the_methods_that_have_an_answer(name, tmp_path):
    for method, call in CALLS.items():
        if method in dir(fitted(name)):
            call(fitted(name), tmp_path)
        else:
            with pytest.raises((NotImplementedError, ValueError), match=f"{method}|{name}"):
                call(fitted(name), tmp_path)


def test_completion_does_not_offer_withdrawn_parameters():
    assert {"loss", "optimizer", "weight_decay"}.isdisjoint(dir(skrec.MultVAERecommender()))
    assert hasattr(skrec.MultVAERecommender(), "loss")


def test_completion_offers_further_training_only_with_the_events_for_it():
    assert "partial_fit" in dir(model())
    assert "partial_fit" not in dir(model(keep_events=False).fit(likes()))
    assert "partial_fit" not in dir(fitted("MFRecommender").anonymized())


def test_completion_offers_the_attributes_of_a_model_from_elsewhere_and_computes_nothing():
    counted = Counted(loss="bpr", max_epochs=1, random_state=0).fit(likes())
    assert {"count_", "note_", "user_embeddings_", "item_embeddings_"} <= set(dir(counted))
    assert {"vocabulary_", "prior_", "trained_with_"}.isdisjoint(dir(counted))


# ---- the diagram -----------------------------------------------------------------------------------------------------


def captions(estimator):
    return re.findall(r'class="caption">(.*?)<', estimator._repr_html_())


def test_the_diagram_of_a_model_has_its_parameters_and_what_it_was_fitted_on():
    estimator = model(n_factors=3)
    assert captions(estimator) == []
    estimator.fit(likes())
    (caption,) = captions(estimator)
    assert re.fullmatch(rf"12 users, 9 items, 50 events, {N_EPOCHS} epochs in [\d.]+ seconds", caption)
    assert "n_factors" in estimator._repr_html_()


def test_the_diagram_of_a_model_without_events_or_epochs_says_what_is_known():
    assert captions(skrec.EASERecommender().fit(likes())) == ["12 users, 9 items, 50 events"]
    assert captions(skrec.EASERecommender(keep_events=False).fit(likes())) == ["12 users, 9 items, 50 pairs"]


@pytest.mark.parametrize("name", NAMES)
def test_every_estimator_has_a_diagram(name):
    html = fitted(name)._repr_html_()
    assert name in html and "Fitted" in html
    with config_context(display="text"):
        assert not hasattr(fitted(name), "_repr_html_")


def test_models_have_their_diagram_inside_of_others():
    pipeline = make_pipeline("passthrough", model(early_stopping=None)).fit(likes())
    search = GridSearchCV(model(), {"n_factors": [2, 3]}, cv=KFold(2)).fit(likes())
    for outer in (pipeline, search):
        (caption,) = captions(outer)
        assert caption.startswith("12 users, 9 items, 50 events")
        assert type(outer).__name__ in outer._repr_html_()
    nested = skrec.ColdStartRecommender(estimator=skrec.ALSRecommender(alpha=7.5))
    assert "estimator: ALSRecommender" in nested._repr_html_() and "7.5" in nested._repr_html_()


@pytest.mark.skipif(not hasattr(BaseEstimator, "_get_fitted_attr_html"), reason="scikit-learn 1.9 shows fitted attributes")
def test_the_diagram_has_the_stored_attributes_and_computes_no_others():
    counted = Counted(loss="bpr", max_epochs=1, random_state=0).fit(likes())
    table = counted._get_fitted_attr_html()
    assert {"n_users_", "item_counts_", "history_", "count_"} <= set(table)
    assert {"vocabulary_", "user_embeddings_"}.isdisjoint(table)
    assert "item_counts_" in counted._repr_html_()


# ---- links to the manual ---------------------------------------------------------------------------------------------


def pages_of_the_reference():
    text, pages = REFERENCE.read_text("utf-8"), set()
    for module, names in re.findall(r"^\.\. currentmodule:: (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        pages |= {f"{module}.{name}" for name in re.findall(r"^   (\w+)$", names, re.MULTILINE)}
    return pages


def test_the_diagram_has_no_link_if_no_manual_is_known(monkeypatch):
    monkeypatch.delenv("SKREC_DOCS", raising=False)
    assert model()._get_doc_link() == ""


def test_the_diagram_links_to_the_page_of_the_class(monkeypatch):
    monkeypatch.setenv("SKREC_DOCS", "https://docs.example.com/skrec/")
    pages = pages_of_the_reference()
    linked = [cls() for cls in CLASSES.values()]
    linked += [skrec.EarlyStopping("ndcg@10"), skrec.ALS(), FeatureEncoder(text="title")]
    linked.append(RerankedRecommender(skrec.EASERecommender(), None))
    for estimator in linked:
        page = re.fullmatch(r"https://docs\.example\.com/skrec/api/(.+)\.html", estimator._get_doc_link())[1]
        assert page in pages
    assert 'href="https://docs.example.com/skrec/api/skrec.MFRecommender.html"' in model()._repr_html_()


def test_classes_from_elsewhere_have_no_link(monkeypatch):
    monkeypatch.setenv("SKREC_DOCS", "https://docs.example.com/skrec")
    assert Counted()._get_doc_link() == ""


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_recommendations_are_a_table_in_a_notebook():
    table = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": ["<b>Alien</b>", "Big", "Big"]})
    answer = skrec.PopularityRecommender().fit(table).recommend(["bob", "ann"], k=2)
    html = answer._repr_html_()
    assert "&lt;b&gt;Alien" in html and "<b>Alien" not in html
    assert "None" not in html and repr(answer) in html


def test_only_the_first_lists_are_in_the_table():
    answer = skrec.PopularityRecommender().fit(np.ones((500, 40))).recommend(k=30, exclude_seen=False)
    assert answer._repr_html_().count("<tr>") < 15
    assert "500 users, 30 items each" in answer._repr_html_()
