"""Inputs that people reported, and the right answer to each."""

import os
import resource

import numpy as np
import pytest
from small_models import likes, model, ratings, same, weights_of

from skrec import ALSRecommender, BPRRecommender, MarkovRecommender, MFRecommender, PopularityRecommender
from skrec.data import Interactions
from skrec.engine import _recording

# ---- Checkpoints, full disks and divergence ----


def checkpoints(folder):
    return sorted(folder.rglob("epoch=*.ckpt"))


def stop_after_two_epochs(estimator, monkeypatch):
    """Fit until Ctrl-C before the third checkpoint."""
    take_in = _recording.Recorder.__call__

    def then_stop(recorder, row, device):
        if row["epoch"] == 2:
            raise KeyboardInterrupt
        return take_in(recorder, row, device)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_recording.Recorder, "__call__", then_stop)
        estimator.fit(likes())


def test_two_fits_with_one_checkpoint_folder_both_end_right(tmp_path, monkeypatch):
    """The second begins and ends after the first has found the checkpoint that it goes on from."""
    expected, make, others = weights_of(model(max_epochs=5).fit(likes())), MFRecommender._new_network, []

    def fit_another(estimator, *given):
        if not others:
            others.append(model(checkpoint_dir=tmp_path, max_epochs=5))
            others[0].fit(likes())
        return make(estimator, *given)

    stop_after_two_epochs(model(checkpoint_dir=tmp_path, max_epochs=5), monkeypatch)
    monkeypatch.setattr(MFRecommender, "_new_network", fit_another)
    fitted = model(checkpoint_dir=tmp_path, max_epochs=5).fit(likes())
    assert same(weights_of(fitted), expected) and same(weights_of(others[0]), expected)


def test_what_a_killed_fit_leaves_behind_goes_at_the_next_fit(tmp_path, monkeypatch):
    stop_after_two_epochs(model(checkpoint_dir=tmp_path), monkeypatch)
    leftover = checkpoints(tmp_path)[0].with_name(".unfinished-0a1b2c3d")
    leftover.write_bytes(b"half of a checkpoint")
    model(checkpoint_dir=tmp_path).fit(likes())
    assert not leftover.exists()


def test_a_full_disk_at_a_checkpoint_is_an_os_error_with_the_path(tmp_path, monkeypatch):
    stop_after_two_epochs(model(checkpoint_dir=tmp_path), monkeypatch)
    before = {path: path.read_bytes() for path in checkpoints(tmp_path)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match=r"epoch=2\.ckpt") as caught:
            model(checkpoint_dir=tmp_path).fit(likes())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno is not None
    assert {path: path.read_bytes() for path in checkpoints(tmp_path)} == before


@pytest.mark.parametrize("part", [0.01, 0.3, 0.5, 0.7])
def test_a_flipped_bit_in_a_checkpoint_changes_no_weight(tmp_path, monkeypatch, part):
    stop_after_two_epochs(model(checkpoint_dir=tmp_path), monkeypatch)
    newest = checkpoints(tmp_path)[-1]
    damaged = bytearray(newest.read_bytes())
    damaged[int(part * len(damaged))] ^= 4
    newest.write_bytes(damaged)
    with pytest.warns(UserWarning, match=r"epoch=1\.ckpt cannot be read and is left out"):
        fitted = model(checkpoint_dir=tmp_path).fit(likes())
    assert same(weights_of(fitted), weights_of(model().fit(likes())))


def test_a_pipe_in_the_place_of_a_checkpoint_is_passed_over(tmp_path, monkeypatch):
    stop_after_two_epochs(model(checkpoint_dir=tmp_path), monkeypatch)
    newest = checkpoints(tmp_path)[-1]
    newest.unlink()
    os.mkfifo(newest)
    with pytest.warns(UserWarning, match="not a regular file"):
        fitted = model(checkpoint_dir=tmp_path).fit(likes())
    assert same(weights_of(fitted), weights_of(model().fit(likes())))


def test_an_empty_checkpoint_dir_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="checkpoint_dir must be a path, not empty"):
        model(checkpoint_dir="").fit(likes())
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_dir_that_cannot_be_written_to_is_found_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(_recording.Recorder, "__call__", lambda *_: pytest.fail("an epoch was trained first"))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="checkpoint_dir cannot be written to"):
        model(checkpoint_dir=tmp_path / "file" / "checkpoints").fit(likes())


def test_divergence_in_the_last_step_names_epoch_and_rate():
    with pytest.raises(ValueError, match=r"diverged in epoch 0.*lower learning_rate \(it is 1e\+30\)"):
        model(loss="mse", learning_rate=1e30, optimizer="sgd", max_epochs=1, batch_size=50).fit(ratings())


def test_factors_of_implicit_that_are_no_numbers_are_an_error_in_words():
    with pytest.raises(ValueError, match=r"diverged within 15 epochs.*scale the ratings down \(the largest is 1e\+30\)"):
        ALSRecommender(n_factors=4, random_state=0).fit(likes().with_values(np.linspace(1, 1e30, 50)))
    with pytest.raises(ValueError, match=r"diverged within 100 epochs.*lower learning_rate \(it is 1e\+30\)"):
        BPRRecommender(n_factors=4, learning_rate=1e30, random_state=0).fit(likes())


def test_ratings_of_1e30_are_told_to_be_scaled_down():
    with pytest.raises(ValueError, match=r"epoch 0.*scale the ratings down \(the largest is 1e\+30\)") as caught:
        model(loss="mse").fit(likes().with_values(np.linspace(0, 1e30, 50)))
    assert "learning_rate" not in str(caught.value)


def test_weights_of_1e38_make_no_infinite_popularity():
    events = Interactions.from_arrays([0, 1, 2, 3], [0, 0, 0, 0], weights=np.full(4, 1e38))
    with pytest.raises(ValueError, match=r"scale the weights down \(the largest is 1e\+38\)"):
        PopularityRecommender().fit(events)


def test_weights_of_1e38_make_finite_probabilities_in_the_markov_chain():
    walks = Interactions.from_arrays([0, 0, 1, 1, 2, 2, 3, 3, 4], [0, 1, 0, 1, 0, 1, 0, 1, 0], weights=np.full(9, 1e38))
    scores = MarkovRecommender().fit(walks).recommend([4], k=2, exclude_seen=False).scores
    assert np.isfinite(scores).all() and scores.max() <= 1
