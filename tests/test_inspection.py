"""Tables and displays of fitted models: what they show, where they draw, and what they refuse."""

import ast
import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from skrec import ALSRecommender, EASERecommender, ItemKNNRecommender, MFRecommender, PopularityRecommender, compare, inspection
from skrec.datasets import make_interactions
from skrec.inspection import (
    BiasDisplay,
    ComparisonDisplay,
    EmbeddingDisplay,
    LearningCurveDisplay,
    PopularityDisplay,
    RatingTableDisplay,
    SearchDisplay,
    bias_table,
    comparison_table,
    embedding_table,
    popularity_table,
    rating_table,
)
from skrec.inspection._axes import BLUE, ORANGE, shortened
from skrec.inspection._labels import place_labels
from skrec.metrics import make_multi_scorer
from skrec.model_selection import RandomHoldout


@pytest.fixture(scope="module")
def films():
    return make_interactions(60, 30, density=0.3, random_state=0)


@pytest.fixture(scope="module")
def ratings(films, one_thread):
    data = films.interactions
    settings = {"n_factors": 4, "max_epochs": 3, "batch_size": 64, "learning_rate": 0.05, "random_state": 0}
    return MFRecommender(loss="mse", **settings).fit(data, validation=data[::5])


@pytest.fixture(scope="module")
def als(films):
    return ALSRecommender(n_factors=4, positive_from=4, n_jobs=1, random_state=0).fit(films.interactions)


@pytest.fixture(scope="module")
def comparison(films, als):
    models = [als, EASERecommender(positive_from=4), PopularityRecommender(positive_from=4)]
    return compare(models, films.interactions, ["ndcg@5", "coverage@5"], n_resamples=50)


@pytest.fixture(scope="module")
def search(films):
    grid = {"n_neighbors": [3, 10], "shrinkage": [10.0, 0.5], "weighting": [None, "tfidf", "bm25"]}
    scorer = make_multi_scorer(["ndcg@5", "coverage@5"], positive_from=4)
    cv = RandomHoldout(0.3, random_state=0)
    return GridSearchCV(ItemKNNRecommender(positive_from=4), grid, scoring=scorer, cv=cv, refit="ndcg@5").fit(
        films.interactions
    )


# ---- tables ----------------------------------------------------------------------------------------------------------


def test_embeddings_are_labeled(als):
    table = embedding_table(als)
    assert table.index.tolist() == als.item_ids_.tolist() and table.index.name == "item"
    np.testing.assert_array_equal(table, als.item_embeddings_)
    users = embedding_table(als, side="user")
    np.testing.assert_array_equal(users.loc[als.user_ids_[7]], als.user_embeddings_[7])


def test_biases_are_labeled_counted_and_sorted(ratings):
    table = bias_table(ratings)
    assert (np.diff(table["bias"]) >= 0).all() and len(table) == ratings.n_items_
    code = ratings.item_ids_.tolist().index(table.index[3])
    assert table["bias"].iloc[3] == ratings.item_biases_[code]
    assert table["count"].iloc[3] == ratings.item_counts_[code]
    frequent = bias_table(ratings, min_count=20)
    assert frequent["count"].min() >= 20 and len(frequent) == (ratings.item_counts_ >= 20).sum()
    assert bias_table(ratings, side="user")["count"].sum() == ratings.seen_.nnz


def test_tables_of_what_a_model_does_not_have_are_refused(als, ratings):
    with pytest.raises(TypeError, match="ALSRecommender has no item biases: it has no attribute 'item_biases_'"):
        bias_table(als)
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        embedding_table(PopularityRecommender().fit(np.eye(3)))
    with pytest.raises(ValueError, match="side must be one of 'item', 'user', got 'items'"):
        embedding_table(als, side="items")


RATED = pd.DataFrame(
    {
        "user": ["ann", "ann", "ann", "bob", "bob", "cid", "cid"],
        "item": ["a", "b", "c", "c", "b", "c", "c"],
        "rating": [1.0, 2, 3, 4, 5, 1, 2],
    }
)


def test_the_rating_table_has_those_with_most_ratings_first():
    table = rating_table(RATED, n_users=2, n_items=2)
    assert table.index.tolist() == ["ann", "bob"] and table.columns.tolist() == ["c", "b"]
    assert table.to_numpy().tolist() == [[3, 2], [4, 5]]
    whole = rating_table(RATED)
    assert whole.loc["cid", "c"] == 2  # the last of both
    assert np.isnan(whole.loc["cid", "a"])


def test_the_table_of_predictions_has_the_same_users_and_items(films, ratings):
    observed = rating_table(films.interactions, n_users=4, n_items=3)
    predicted = rating_table(films.interactions, estimator=ratings, n_users=4, n_items=3)
    assert predicted.index.equals(observed.index) and predicted.columns.equals(observed.columns)
    for user in predicted.index:
        pairs = pd.DataFrame({"user": user, "item": predicted.columns})
        np.testing.assert_allclose(predicted.loc[user], ratings.predict(pairs), rtol=1e-6)


def test_the_popularity_table_counts_users_and_lists(als):
    found = als.recommend(k=3)
    table = popularity_table(found, als)
    item = als.item_ids_[5]
    assert table.loc[item, "recommended"] == (found.items == item).sum()
    assert table["popularity"].tolist() == als.item_counts_.tolist()
    with pytest.raises(TypeError, match="recommendations must be Recommendations"):
        popularity_table(found.items, als)
    with pytest.raises(ValueError, match="which has 3 items, got code"):
        popularity_table(found, PopularityRecommender().fit(np.eye(3)))


# ---- all displays ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def makers(films, ratings, als, comparison, search):
    """A function for each display that draws in some axes, or in a new figure."""
    return {
        "learning curve": lambda ax=None: LearningCurveDisplay.from_estimator(ratings, ax=ax),
        "embeddings": lambda ax=None: EmbeddingDisplay.from_estimator(als, method="pca", labels=als.item_ids_[:4], ax=ax),
        "biases": lambda ax=None: BiasDisplay.from_estimator(ratings, k=5, ax=ax),
        "comparison": lambda ax=None: ComparisonDisplay.from_table(comparison, ax=ax),
        "search": lambda ax=None: SearchDisplay.from_search(search, ax=ax),
        "popularity": lambda ax=None: PopularityDisplay.from_estimator(als, k=5, ax=ax),
        "ratings": lambda ax=None: RatingTableDisplay.from_interactions(films.interactions, n_items=6, ax=ax),
        "predictions": lambda ax=None: RatingTableDisplay.from_estimator(ratings, n_users=6, ax=ax),
    }


NAMES = ["learning curve", "embeddings", "biases", "comparison", "search", "popularity", "ratings", "predictions"]
every_display = pytest.mark.parametrize("name", NAMES)


@every_display
def test_a_new_figure_is_readable_and_no_setting_is_changed(makers, name):
    before = dict(matplotlib.rcParams)
    display = makers[name]()
    assert display.figure_.number in pyplot.get_fignums()
    assert all(ax.figure is display.figure_ for ax in np.ravel(display.ax_))
    assert dict(matplotlib.rcParams) == before
    display.figure_.draw_without_rendering()
    for axis in (axis for ax in np.ravel(display.ax_) for axis in (ax.xaxis, ax.yaxis)):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text() and label.get_visible()]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@every_display
def test_given_axes_are_used_without_pyplot(makers, name, monkeypatch):
    figure = Figure(layout="constrained")
    ax = figure.subplots(1, 2)[1]
    monkeypatch.setattr(pyplot, "subplots", lambda *arguments, **options: pytest.fail("a figure was made"))
    display = makers[name](ax)
    assert display.figure_ is figure
    assert display.ax_ is ax if name != "learning curve" else all(panel in figure.axes for panel in display.ax_)
    assert pyplot.get_fignums() == []


def test_axes_of_a_subfigure_are_used(als):
    part = Figure(layout="constrained").subfigures(1, 2)[0]
    display = EmbeddingDisplay.from_estimator(als, method="pca", labels=als.item_ids_[:2], ax=part.subplots())
    assert display.figure_ is part and len(display.texts_) == 2


@every_display
def test_a_display_can_be_drawn_again(makers, name):
    display = makers[name]()
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


@every_display
def test_without_matplotlib_an_error_says_what_to_install(makers, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install skrec\[plot\]"):
        makers[name]()


def test_optional_libraries_are_imported_inside_of_functions():
    for path in Path(inspection.__file__).parent.glob("*.py"):
        imports = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not any(library in ast.unparse(node) for node in imports for library in ("matplotlib", "umap")), path


# ---- learning curves -------------------------------------------------------------------------------------------------


def test_training_and_validation_share_a_panel_and_costs_have_none(ratings):
    display = LearningCurveDisplay.from_estimator(ratings)
    titles = [ax.get_title() for ax in display.ax_]
    assert titles[0] == "loss"
    assert not {"epoch", "seconds", "memory mb"} & set(titles)
    legend = [text.get_text() for text in display.ax_[0].get_legend().get_texts()]
    assert legend == ["training", "validation"]
    for line, name in zip(display.ax_[0].lines, ["train_loss", "valid_loss"]):
        np.testing.assert_array_equal(line.get_ydata(), ratings.history_[name])
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    assert display.figure_.get_suptitle() == "MFRecommender"


def test_curves_over_seconds(ratings):
    display = LearningCurveDisplay.from_estimator(ratings, x="seconds")
    np.testing.assert_allclose(display.lines_[0].get_xdata(), ratings.history_["seconds"].cumsum())


def test_the_kept_epoch_is_marked():
    history = pd.DataFrame(
        {"epoch": [0, 1, 2], "train_loss": [3.0, 2, 1], "valid_ndcg": [np.nan] * 3, "learning_rate": [1.0, 2, 0]}
    )
    display = LearningCurveDisplay(history=history, best_epoch=1).plot()
    assert [ax.get_title() for ax in display.ax_] == ["loss", "learning rate"]  # columns without numbers are left out
    assert [line.get_xdata()[0] for ax in display.ax_ for line in ax.lines[1:]] == [2, 2]


def test_an_epoch_that_was_not_chosen_is_not_marked(ratings):
    assert LearningCurveDisplay.from_estimator(ratings).best_epoch is None
    stopped = MFRecommender(n_factors=2, max_epochs=2, early_stopping="ndcg@5", random_state=0).fit(
        np.eye(12) + np.eye(12, k=1)
    )
    assert LearningCurveDisplay.from_estimator(stopped).best_epoch == stopped.best_epoch_


def test_learning_curves_in_given_axes(ratings):
    n = len(LearningCurveDisplay.from_estimator(ratings).ax_)
    axes = Figure().subplots(n)
    display = LearningCurveDisplay.from_estimator(ratings, ax=axes)
    assert display.ax_.tolist() == np.ravel(axes).tolist()
    with pytest.raises(ValueError, match=f"ax must be one Axes, or {n} of them, one for each panel, got {n + 1}"):
        LearningCurveDisplay.from_estimator(ratings, ax=Figure().subplots(n + 1))


def test_learning_curves_are_refused_without_curves(als):
    with pytest.raises(TypeError, match="EASERecommender has no learning curve"):
        LearningCurveDisplay.from_estimator(EASERecommender().fit(np.eye(3)))
    with pytest.raises(ValueError, match="history has no column with a curve"):
        LearningCurveDisplay(history=pd.DataFrame({"epoch": [0], "seconds": [1.0]})).plot()
    with pytest.raises(ValueError, match="x must be one of 'epoch', 'seconds', got 'time'"):
        LearningCurveDisplay(history=pd.DataFrame({"epoch": [0], "train_loss": [1.0]})).plot(x="time")


# ---- maps of embeddings ----------------------------------------------------------------------------------------------


def test_the_most_frequent_items_and_all_named_ones_are_drawn(als):
    rarest = als.item_ids_[np.argmin(als.item_counts_)]
    display = EmbeddingDisplay.from_estimator(als, method="pca", n_points=8, labels={rarest: "the rarest"})
    assert len(display.points) == 9
    assert [text.get_text() for text in display.texts_] == ["the rarest"]
    assert "9 items (PCA" in display.ax_.get_title()


def test_points_are_directions_in_two_dimensions(als):
    from sklearn.decomposition import PCA

    unit = als.item_embeddings_ / np.linalg.norm(als.item_embeddings_, axis=1, keepdims=True)
    display = EmbeddingDisplay.from_estimator(als, method="pca")
    np.testing.assert_allclose(display.points, PCA(2, random_state=0).fit_transform(unit), atol=1e-5)


def test_categories_have_colors_and_others_are_grey(als):
    groups = pd.Series(["one"] * 12 + ["two"] * 10 + ["three"] * 4, index=als.item_ids_[:26], name="group")
    display = EmbeddingDisplay.from_estimator(als, method="pca", color_by=groups, n_groups=2)
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "group"
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two", "other"]
    assert [len(points.get_offsets()) for points in display.points_] == [12, 10, 8]
    assert [to_hex(points.get_facecolor()[0]).upper() for points in display.points_[:2]] == [BLUE, ORANGE]


def test_numbers_have_a_color_scale(als):
    years = dict(zip(als.item_ids_[:20], range(1980, 2000)))
    display = EmbeddingDisplay.from_estimator(als, method="pca", color_by=years)
    assert [len(points.get_offsets()) for points in display.points_] == [20, 10]
    assert display.points_[0].get_array().min() == 1980


def test_numbers_may_be_missing_and_categories_may_be_lists(als):
    years = pd.Series([1990, None, 2000], index=als.item_ids_[:3], dtype="Int64")
    display = EmbeddingDisplay.from_estimator(als, method="pca", color_by=years)
    assert [len(points.get_offsets()) for points in display.points_] == [2, 28]
    genres = pd.Series([("Drama", "War"), ("Drama",), None], index=als.item_ids_[:3])
    display = EmbeddingDisplay.from_estimator(als, method="pca", color_by=genres)
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["Drama, War", "Drama", "other"]


def test_colors_of_other_labels_are_refused(als):
    with pytest.raises(ValueError, match=r"color_by must be indexed by the labels, such as .*, but has none of them"):
        EmbeddingDisplay.from_estimator(als, method="pca", color_by=pd.Series([1, 2]))
    with pytest.raises(ValueError, match="color_by must have each label once"):
        EmbeddingDisplay.from_estimator(als, method="pca", color_by=pd.Series([1, 2], index=als.item_ids_[[0, 0]]))


def test_t_sne_of_few_users(als):
    display = EmbeddingDisplay.from_estimator(als, side="user", n_points=12)
    again = EmbeddingDisplay.from_estimator(als, side="user", n_points=12)
    assert display.points.shape == (12, 2)
    np.testing.assert_array_equal(display.points, again.points)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"labels": ["no such film"]}, ValueError, r"labels must be items of the model, but 1 are not: \['no such film'\]"),
        ({"labels": "one string"}, TypeError, "labels must be a list of labels or a mapping"),
        ({"method": "mds"}, ValueError, "method must be one of 'tsne', 'pca', 'umap', got 'mds'"),
        ({"n_points": 1}, ValueError, "n_points must be an integer of at least 2"),
        ({"n_groups": 8}, ValueError, "n_groups must be at most 7"),
    ],
)
def test_arguments_of_maps_are_checked(als, options, error, message):
    with pytest.raises(error, match=message):
        EmbeddingDisplay.from_estimator(als, **{"method": "pca", **options})


def test_one_dimension_is_no_map(films):
    flat = ALSRecommender(n_factors=1, positive_from=4, n_jobs=1, random_state=0).fit(films.interactions)
    with pytest.raises(ValueError, match="at least two dimensions, got 1"):
        EmbeddingDisplay.from_estimator(flat)


def test_umap_is_an_extra(als, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"pip install skrec\[umap\]"):
        EmbeddingDisplay.from_estimator(als, method="umap")


def boxes_of(ax, texts):
    from matplotlib.text import Text

    ax.figure.draw_without_rendering()
    return [Text.get_window_extent(text) for text in texts]  # without the line to the point


@pytest.mark.parametrize("spread", [1.0, 0.02])
def test_labels_of_crowded_points_are_all_there_and_do_not_overlap(spread):
    ax = Figure(figsize=(7, 5), layout="constrained").subplots()
    points = np.random.default_rng(0).normal(0.5, 0.3 * spread, (25, 2))
    ax.scatter(*points.T)
    ax.set(xlim=(-1, 2), ylim=(-1, 2))
    names = [f"film number {n} ({1950 + n})" for n in range(25)]
    texts = place_labels(ax, points, names)
    assert [text.get_text() for text in texts] == names
    boxes, frame = boxes_of(ax, texts), ax.get_window_extent()
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(frame.contains(*box.min) and frame.contains(*box.max) for box in boxes)


def crossed(start, end, box, n=200):
    """Whether a line enters a box."""
    steps = start + np.linspace(0, 1, n)[:, None] * (end - start)
    return ((steps > [box.x0, box.y0]) & (steps < [box.x1, box.y1])).all(axis=1).any()


def test_lines_to_points_cross_no_label_if_there_is_space():
    ax = Figure(figsize=(7, 5)).subplots()
    points = np.random.default_rng(0).normal(0.5, 0.15, (25, 2))
    ax.set(xlim=(0, 1), ylim=(0, 1))
    labels = place_labels(ax, points, [f"a label of point {i}" for i in range(25)])
    ax.figure.draw_without_rendering()
    texts = [Text.get_window_extent(label) for label in labels]
    assert sum(label.arrow_patch is not None for label in labels) > 5
    ends = zip(ax.transData.transform(points), (text.get_points().mean(axis=0) for text in texts))
    lines = [(i, *line) for i, line in enumerate(ends) if labels[i].arrow_patch is not None]
    assert sum(crossed(start, end, box) for i, start, end in lines for j, box in enumerate(texts) if j != i) <= 1


def test_a_figure_with_many_labels_is_larger(als):
    few = EmbeddingDisplay.from_estimator(als, method="pca", labels=als.item_ids_[:3]).figure_
    points = np.random.default_rng(0).random((60, 2))
    many = EmbeddingDisplay(points=points, labels={i: f"item {i}" for i in range(50)}).plot().figure_
    assert many.get_figwidth() == pytest.approx(few.get_figwidth() * 2**0.5)


def test_long_titles_keep_their_years():
    assert shortened("Raiders of the Lost Ark (1981)", 24) == "Raiders of the L… (1981)"
    assert shortened("Independence Day (ID4) (1996)", 24) == "Independence Day… (1996)"
    assert shortened("Fargo (1996)", 24) == "Fargo (1996)"
    for text in ("abcdefghijklmnopqrstuvwxyz", "a b", "several short words here", "x" * 9 + " " + "y" * 20):
        for n in (4, 8, 13):
            assert len(shortened(text, n)) <= n


def test_labels_without_a_free_place_are_written_anyway():
    ax = Figure(figsize=(1, 1)).subplots()
    texts = place_labels(ax, np.full((9, 2), 0.5), ["a label wider than the figure"] * 9)
    assert len(texts) == len(ax.texts) == 9


# ---- biases ----------------------------------------------------------------------------------------------------------


def test_the_highest_biases_are_above_the_lowest(ratings):
    display = BiasDisplay.from_estimator(ratings, k=4, min_count=5)
    table = bias_table(ratings, min_count=5)
    assert display.highest.tolist() == table["bias"][::-1][:4].tolist()
    assert display.lowest.tolist() == table["bias"][:4].tolist()
    assert [bar.get_width() for bar in display.bars_] == sorted(bar.get_width() for bar in display.bars_)
    assert display.ax_.get_yticklabels()[-1].get_text() == table.index[-1]
    colors = {to_hex(bar.get_facecolor()).upper() for bar in display.bars_ if bar.get_width() < 0}
    assert colors <= {ORANGE}


def test_few_items_are_each_drawn_once(ratings):
    display = BiasDisplay.from_estimator(ratings, k=1000, min_count=0)
    assert len(display.bars_) == ratings.n_items_ // 2 * 2
    with pytest.raises(ValueError, match="min_count=1000 leaves 0 items, but at least two are needed"):
        BiasDisplay.from_estimator(ratings, min_count=1000)


# ---- comparisons -----------------------------------------------------------------------------------------------------


def test_each_model_is_drawn_with_its_interval_and_the_baseline_is_marked(comparison):
    display = ComparisonDisplay.from_table(comparison)
    assert display.baseline == "ALSRecommender"
    assert [text.get_text() for text in display.texts_] == [
        "ALSRecommender (baseline)",
        "EASERecommender",
        "PopularityRecommender",
    ]
    for errorbar, (_, row) in zip(display.errorbars_, comparison.iterrows()):
        point, _, (bar,) = errorbar
        assert (point.get_xdata()[0], point.get_ydata()[0]) == (row["fit_seconds"], row["ndcg@5"])
        np.testing.assert_allclose(bar.get_segments()[0][:, 1], [row["ndcg@5_low"], row["ndcg@5_high"]])
    assert display.ax_.get_xscale() == "log"


def test_scores_without_an_interval_are_drawn(comparison):
    display = ComparisonDisplay.from_table(comparison, scorer="coverage@5", time="recommend_seconds")
    assert len(display.errorbars_) == 3
    assert display.ax_.get_xlabel() == "seconds to recommend" and display.ax_.get_ylabel() == "coverage@5"


def test_a_part_of_a_table_without_its_baseline_has_none(comparison):
    assert ComparisonDisplay.from_table(comparison.drop(index="ALSRecommender")).baseline is None
    assert ComparisonDisplay.from_table(comparison, baseline="EASERecommender").baseline == "EASERecommender"


def test_a_comparison_is_written_with_its_intervals(comparison):
    texts = comparison_table(comparison)
    assert texts.columns.tolist() == ["ndcg@5", "coverage@5", "fit_seconds"]
    assert texts.index.equals(comparison.index)
    for name, row in comparison.iterrows():
        read = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", texts.loc[name, "ndcg@5"])
        assert [float(number) for number in read.groups()] == pytest.approx(
            row[["ndcg@5", "ndcg@5_low", "ndcg@5_high"]].tolist(), abs=6e-4
        )
        assert texts.loc[name, "coverage@5"] == f"{row['coverage@5']:.3f}"  # it has no interval
    with pytest.raises(TypeError, match="table must be a DataFrame"):
        comparison_table([comparison])
    with pytest.raises(ValueError, match="table must have scores with intervals"):
        comparison_table(comparison[["ndcg@5"]])


def test_other_tables_are_refused(comparison):
    with pytest.raises(ValueError, match=r"must have the columns \['auc', .*, but lacks \['auc', 'auc_low', 'auc_high'\]"):
        ComparisonDisplay.from_table(comparison, scorer="auc")
    with pytest.raises(ValueError, match="baseline must be one of"):
        ComparisonDisplay.from_table(comparison, baseline="MFRecommender")
    with pytest.raises(TypeError, match="table must be a DataFrame"):
        ComparisonDisplay.from_table([1])
    with pytest.raises(ValueError, match="must have the columns"):
        ComparisonDisplay.from_table(pd.DataFrame({"a": [1]}))


# ---- searches --------------------------------------------------------------------------------------------------------


def test_cells_have_the_best_score_over_the_other_parameters(search):
    scores = SearchDisplay.from_search(search).scores
    assert (scores.index.name, scores.columns.name) == ("n_neighbors", "shrinkage")
    assert scores.index.tolist() == ["3", "10"] and scores.columns.tolist() == ["0.5", "10"]  # numbers ascend
    results = pd.DataFrame(search.cv_results_)
    one = results[(results["param_n_neighbors"] == 10) & (results["param_shrinkage"] == 0.5)]
    assert scores.loc["10", "0.5"] == one["mean_test_ndcg@5"].max()


def test_parameters_and_the_score_can_be_chosen(search):
    display = SearchDisplay.from_search(search.cv_results_, x="weighting", y="n_neighbors", scorer="coverage@5")
    assert display.scores.columns.tolist() == ["None", "tfidf", "bm25"]
    assert display.scorer == "coverage@5"
    assert display.texts_[0, 0].get_text() == f"{display.scores.iloc[0, 0]:.4f}"
    (frame,) = display.ax_.patches
    best = np.unravel_index(np.argmax(display.scores.to_numpy()), display.scores.shape)
    assert frame.get_xy() == (best[1] - 0.5, best[0] - 0.5)


def test_pairs_that_were_not_tried_are_empty(films):
    grid = {"n_neighbors": [2, 3, 4], "shrinkage": [0.0, 1.0, 2.0]}
    cv = RandomHoldout(0.3, random_state=0)
    search = RandomizedSearchCV(ItemKNNRecommender(positive_from=4), grid, n_iter=4, cv=cv, random_state=0)
    display = SearchDisplay.from_search(search.fit(films.interactions))
    assert np.isfinite(display.scores.to_numpy()).sum() == 4
    assert sum(text is not None for text in display.texts_.ravel()) == 4


def test_candidates_without_one_of_the_parameters_are_left_out(search):
    params = [{"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3}]
    display = SearchDisplay.from_search({"params": params, "mean_test_score": np.array([0.1, np.nan, 0.3])})
    assert display.scores.index.tolist() == ["1", "2"]
    assert np.isfinite(display.scores.to_numpy()).tolist() == [[True, False], [False, False]]


def test_searches_without_two_parameters_are_refused(search):
    with pytest.raises(
        ValueError, match="x must be a parameter of the search, 'n_neighbors', 'shrinkage', 'weighting', got 'k'"
    ):
        SearchDisplay.from_search(search, x="k")
    with pytest.raises(ValueError, match="scorer must be a score of the search, 'ndcg@5', 'coverage@5', got 'auc'"):
        SearchDisplay.from_search(search, scorer="auc")
    results = {"params": [{"a": 1}, {"a": 2}], "mean_test_score": np.array([1, 2.0])}
    with pytest.raises(ValueError, match="two parameters with several values, got 'a'"):
        SearchDisplay.from_search(results)
    with pytest.raises(TypeError, match="search must be a fitted search"):
        SearchDisplay.from_search(GridSearchCV(ItemKNNRecommender(), {}))


# ---- popularity and ratings ------------------------------------------------------------------------------------------


def test_each_item_is_a_point_of_popularity_and_recommendations(als):
    display = PopularityDisplay.from_estimator(als, als.user_ids_[:20], k=4)
    table = popularity_table(als.recommend(als.user_ids_[:20], k=4), als)
    np.testing.assert_array_equal(display.points_.get_offsets(), table.to_numpy())
    x, y = display.line_.get_data()
    np.testing.assert_allclose(y, x * 80 / als.seen_.nnz)
    share = (table["recommended"] > 0).mean()
    assert display.ax_.get_title() == f"ALSRecommender: {share:.0%} of the items are recommended"


def test_nothing_recommended_is_drawn():
    display = PopularityDisplay(popularity=[3, 0], recommended=[0, 0]).plot()
    assert display.ax_.get_title() == "0% of the items are recommended"


def test_cells_without_a_rating_are_empty(films):
    display = RatingTableDisplay.from_interactions(films.interactions, n_users=4, n_items=5)
    is_rated = display.ratings.notna().to_numpy()
    assert [text is not None for text in display.texts_.ravel()] == is_rated.ravel().tolist()
    number = display.ratings.to_numpy()[is_rated][0]
    assert display.texts_[is_rated][0].get_text() == f"{number:.0f}"


def test_predictions_without_a_rating_are_bold(films, ratings):
    display = RatingTableDisplay.from_estimator(ratings, n_users=6, n_items=6)
    rated = RatingTableDisplay.from_interactions(films.interactions, n_users=6, n_items=6).ratings
    bold = [[text.get_fontweight() == "bold" for text in row] for row in display.texts_]
    np.testing.assert_array_equal(bold, rated.isna())
    assert display.texts_[0, 0].get_text() == f"{display.predictions.iloc[0, 0]:.1f}"


def test_a_model_without_its_training_events_needs_ratings(films):
    model = PopularityRecommender(keep_events=False).fit(films.interactions.with_values(np.ones(len(films.interactions))))
    with pytest.raises(ValueError, match="X has no events"):
        RatingTableDisplay.from_estimator(model)
    assert RatingTableDisplay.from_estimator(model, films.interactions).predictions.shape == (15, 15)
