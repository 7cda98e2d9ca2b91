"""Rotated factors, and embeddings in TensorBoard's projector."""

import numpy as np
import pandas as pd
import pytest

from skrec import ALSRecommender, MFRecommender, MLPRecommender, PopularityRecommender
from skrec.datasets import make_interactions
from skrec.inspection import embedding_table, factor_table, to_projector, varimax

FILMS = make_interactions(60, 20, density=0.3, random_state=0).interactions


@pytest.fixture(scope="module")
def fitted():
    return ALSRecommender(n_factors=4, positive_from=4, n_jobs=1, random_state=0).fit(FILMS)


def criterion(vectors):
    return (vectors**2).var(0).sum()


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, 1.2])
def test_varimax_finds_the_axes_of_vectors_that_lie_on_them(angle):
    rng = np.random.default_rng(0)
    axes = np.zeros((90, 3))
    axes[np.arange(90), np.arange(90) % 3] = rng.uniform(1, 2, 90)
    axes *= [3, 2, 1]
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    rotation = varimax(axes @ turn)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(axes @ turn @ rotation, axes, atol=1e-4)


def test_varimax_increases_its_criterion_and_keeps_products(fitted):
    users, items = fitted.user_embeddings_, fitted.item_embeddings_
    rotation = varimax(items)
    assert criterion(items @ rotation) > criterion(items)
    np.testing.assert_allclose((users @ rotation) @ (items @ rotation).T, users @ items.T, atol=1e-4)
    rng = np.random.default_rng(0)
    others = [np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(200)]
    assert criterion(items @ rotation) >= max(criterion(items @ other) for other in others)


@pytest.mark.parametrize("vectors", [np.zeros((5, 3)), np.ones((2, 6)), np.ones((6, 1))])
def test_varimax_of_degenerate_vectors_is_a_rotation(vectors):
    rotation = varimax(vectors)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(vectors.shape[1]), atol=1e-9)


def test_varimax_refuses_what_is_not_a_table_of_numbers():
    with pytest.raises(ValueError, match="vectors must be finite numbers in an array of two dimensions"):
        varimax([1.0, 2.0])
    with pytest.raises(ValueError, match="vectors must be finite"):
        varimax([[np.nan, 2.0]])


@pytest.mark.parametrize("rotate", [True, False])
def test_factor_table_has_the_ends_of_each_factor(fitted, rotate):
    table, vectors = factor_table(fitted, k=3, rotate=rotate), fitted.item_embeddings_.astype(float)
    vectors = vectors @ varimax(vectors) if rotate else vectors
    assert len(table) == 4 * 2 * 3 and table.groupby("factor").share.first().sum() == pytest.approx(1)
    for factor, rows in table.groupby("factor"):
        ordered = vectors[:, factor].argsort()
        assert rows[rows.end == "high"]["item"].tolist() == fitted.item_ids_[ordered[::-1][:3]].tolist()
        assert rows[rows.end == "low"]["item"].tolist() == fitted.item_ids_[ordered[:3]].tolist()


def test_factor_table_leaves_out_rare_items(fitted):
    counts = fitted.item_counts_
    least = int(np.sort(counts)[-6])
    assert (counts[fitted.item_codes(factor_table(fitted, k=2, min_count=least)["item"])] >= least).all()
    with pytest.raises(ValueError, match="k must be at most the number of items with at least"):
        factor_table(fitted, k=20, min_count=least)


def test_the_projector_reads_what_was_written(tmp_path, fitted):
    text_format = pytest.importorskip("google.protobuf.text_format")
    projector = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    titles = pd.DataFrame({"plot": [f"Plot\t{i}\nA" for i in range(19)], "kind": "film"}, index=fitted.item_ids_[:19])
    to_projector(fitted, tmp_path / "runs" / "films", items=titles)
    folder = tmp_path / "runs" / "films"
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text("utf-8"), projector.ProjectorConfig())
    (embedding,) = config.embeddings
    vectors = np.loadtxt(folder / embedding.tensor_path, delimiter="\t")
    expected = np.vstack([fitted.item_embeddings_, fitted.user_embeddings_])
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)
    header, *rows = (line.split("\t") for line in (folder / embedding.metadata_path).read_text("utf-8").splitlines())
    assert header == ["label", "kind", "n_events", "plot"]
    assert len(rows) == len(vectors) and {len(row) for row in rows} == {4}
    assert rows[3] == [fitted.item_ids_[3], "item", str(fitted.item_counts_[3]), "Plot 3 A"]
    assert rows[19][3] == "" and rows[20][:2] == [str(fitted.user_ids_[0]), "user"]
    to_projector(fitted, folder)  # replaces the files
    assert len((folder / "metadata.tsv").read_text("utf-8").splitlines()[0].split("\t")) == 3


def test_the_projector_needs_one_space(tmp_path):
    network = MLPRecommender(max_epochs=1, hidden_layer_sizes=(4,), positive_from=4, random_state=0).fit(FILMS)
    with pytest.raises(ValueError, match="must have the same length to be in one space"):
        to_projector(network, tmp_path)
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        to_projector(PopularityRecommender(positive_from=4).fit(FILMS), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_projector_refuses_tables_without_labels(tmp_path, fitted):
    with pytest.raises(TypeError, match="items must be a DataFrame or Series with the labels as index, got list"):
        to_projector(fitted, tmp_path, items=["a"])
    assert embedding_table(fitted).shape == (20, 4)
    bare = MFRecommender(n_factors=4, max_epochs=1, positive_from=4, random_state=0).fit(FILMS)
    to_projector(bare, tmp_path, users=pd.Series(np.arange(bare.n_users_), bare.user_ids_, name="age"))
    assert "age" in (tmp_path / "metadata.tsv").read_text("utf-8").splitlines()[0]
