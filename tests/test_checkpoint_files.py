"""Checkpoint files that are damaged, hostile, of another run or of a full disk, and folders that several fits share."""

import io
import os
import pickle
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from small_models import likes, model, same, weights_of

from skrec import NeuMFRecommender
from skrec.engine.training import _checkpoint_files, _checkpoints, _history
from skrec.engine.training._checkpoint_files import read_checkpoint, write_checkpoint

HEADER, RUN = _checkpoint_files._HEADER.size, "a run"


def interrupt(estimator, monkeypatch, *, before_saving=2):
    """Fit until Ctrl-C after the figures of an epoch, before its checkpoint."""
    take_in = _history.TrainingHistory.__call__

    def then_stop(recorder, row, device):
        stops = take_in(recorder, row, device)
        if row["epoch"] == before_saving:
            raise KeyboardInterrupt
        return stops

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_history.TrainingHistory, "__call__", then_stop)
        estimator.fit(likes())


@pytest.fixture(scope="module")
def expected():
    return weights_of(model().fit(likes()))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A folder with the checkpoints of epochs 0 and 1 of 3."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch:
        interrupt(model(checkpoint_dir=folder), patch)
    return folder


@pytest.fixture
def folder(interrupted, tmp_path):
    return shutil.copytree(interrupted, tmp_path / "checkpoints")


def newest(folder):
    (path,) = folder.rglob("epoch=1.ckpt")
    return path


def unfinished(folder):
    return [path.name for path in folder.rglob(".*")]


def edited(path, change):
    """Write a checkpoint anew with a sound checksum and another content."""
    state = torch.load(io.BytesIO(path.read_bytes()[HEADER:]), weights_only=True)
    change(state)
    (run,) = [run for run in RUNS if path.parent.name == run[:16]]
    write_checkpoint(path, state, run=run)


RUNS = []


@pytest.fixture(autouse=True)
def note_runs(monkeypatch):
    make = _checkpoints.Checkpoints.__init__

    def and_note(checkpoints, folder, run, **options):
        RUNS.append(run)
        make(checkpoints, folder, run, **options)

    monkeypatch.setattr(_checkpoints.Checkpoints, "__init__", and_note)


# ---- the format ------------------------------------------------------------------------------------------------------


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "epoch=0.ckpt"
    write_checkpoint(path, {"weights": torch.arange(100.0), "number": 7}, run=RUN)
    return path


def test_what_was_written_is_read(sound):
    state = read_checkpoint(sound, run=RUN)
    assert state["number"] == 7 and torch.equal(state["weights"], torch.arange(100.0))


def test_a_flipped_bit_anywhere_is_found(sound):
    whole, rng = sound.read_bytes(), np.random.default_rng(0)
    places = [*range(HEADER + 8), *rng.integers(HEADER, len(whole), 300), len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        sound.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checksum|bytes|not a checkpoint"):
            read_checkpoint(sound, run=RUN)


@pytest.mark.parametrize("n_bytes", [0, 5, HEADER - 1, HEADER, HEADER + 1, -1, 10**12])
def test_a_file_of_another_size_is_found_without_reading_it(sound, n_bytes):
    os.truncate(sound, n_bytes if n_bytes >= 0 else sound.stat().st_size + n_bytes)
    with pytest.raises(ValueError, match=r"bytes|not a checkpoint"):
        read_checkpoint(sound, run=RUN)


def test_a_checkpoint_of_another_run_is_none(sound):
    with pytest.raises(ValueError, match="belongs to another fit"):
        read_checkpoint(sound, run="another run")


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    path = tmp_path / "epoch=0.ckpt"
    write_checkpoint(path, {"weights": Path(".")}, run=RUN)
    with pytest.raises(pickle.UnpicklingError):
        read_checkpoint(path, run=RUN)


# ---- what is passed over ---------------------------------------------------------------------------------------------


def flipped(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


def pickled(path):
    path.write_bytes(pickle.dumps({"skrec": {"seed": 0, "is_finished": False}}))


def of_torch(path):
    torch.save({"skrec": {"seed": 0, "is_finished": False, "n_updates": 7}, "state_dict": {}}, path)


def of_an_older_version(path):
    path.write_bytes(path.read_bytes()[HEADER:])


def a_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**7))


def a_folder(path):
    path.unlink()
    path.mkdir()
    (path / "something").touch()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def link_to(target):
    def make(path):
        path.unlink()
        path.symlink_to(target)

    return make


def of_another_epoch(path):
    shutil.copy(path.with_name("epoch=0.ckpt"), path)


_NAMES = b'{"weights":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}'
SAFETENSORS = len(_NAMES).to_bytes(8, "little") + _NAMES + bytes(12)  # a whole file of that format

HOSTILE = {
    "a flipped bit": flipped,
    "half of it": lambda path: os.truncate(path, path.stat().st_size // 2),
    "nothing": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("PK\x03\x04"),
    "a pickle": pickled,
    "torch's own": of_torch,
    "the content without its header": of_an_older_version,
    "tensors": lambda path: path.write_bytes(SAFETENSORS),
    "a bomb": a_bomb,
    "longer than it says": lambda path: os.truncate(path, 10**12),
    "a folder": a_folder,
    "a pipe": a_pipe,
    "a link to a device": link_to("/dev/zero"),
    "a link to itself": link_to("epoch=1.ckpt"),
    "a link to nothing": link_to("nowhere"),
    "another epoch's": of_another_epoch,
}


@pytest.mark.parametrize("damage", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_sound_checkpoint_is_passed_over(folder, expected, damage):
    damage(newest(folder))
    with pytest.warns(UserWarning, match=r"epoch=1\.ckpt cannot be read and is left out: ") as warned:
        fitted = model(checkpoint_dir=folder).fit(likes())
    assert [w.filename for w in warned] == [__file__]
    assert same(weights_of(fitted), expected)
    assert not unfinished(folder)


def test_a_checkpoint_of_another_fit_under_the_same_name_is_passed_over(folder, tmp_path, expected, monkeypatch):
    other = tmp_path / "other"
    interrupt(model(checkpoint_dir=other, learning_rate=0.02), monkeypatch)
    shutil.copy(newest(other), newest(folder))
    with pytest.warns(UserWarning, match="belongs to another fit"):
        assert same(weights_of(model(checkpoint_dir=folder).fit(likes())), expected)


def test_without_a_sound_checkpoint_training_starts_at_the_beginning(folder, expected):
    for path in folder.rglob("*.ckpt"):
        flipped(path)
    with pytest.warns(UserWarning, match="cannot be read") as warned:
        fitted = model(checkpoint_dir=folder).fit(likes())
    assert len(warned) == 2
    assert same(weights_of(fitted), expected)
    assert sorted(path.name for path in folder.rglob("*.ckpt")) == ["epoch=1.ckpt", "epoch=2.ckpt"]


@pytest.mark.parametrize("name", ["epoch=.ckpt", "epoch=one.ckpt", "epoch=-1.ckpt", "epoch=1.5.ckpt", "notes.txt", "epoch=1"])
def test_files_of_other_names_are_none_of_ours(folder, expected, name):
    stranger = newest(folder).with_name(name)
    stranger.write_bytes(b"mine")
    assert same(weights_of(model(checkpoint_dir=folder).fit(likes())), expected)
    assert stranger.read_bytes() == b"mine"


def put(value, *place):
    """A change of one place of a checkpoint."""

    def change(state):
        for key in place[:-1]:
            state = state[key]
        if value is None:
            del state[place[-1]]
        else:
            state[place[-1]] = value

    return change


WEIGHT, HISTORY, LOOP = "network.user_embeddings.weight", ("skrec", "history"), ("loops", "fit_loop")
MOMENTS = ("optimizer_states", 0, "state", 0)
WRONG = {
    "no part of ours": put(None, "skrec"),
    "a part of another type": put([1], "skrec"),
    "no seed": put(None, "skrec", "seed"),
    "another seed": put(1, "skrec", "seed"),
    "a seed that is none": put("1", "skrec", "seed"),
    "another epoch": put(0, "epoch"),
    "an epoch beyond the last": put(3, "epoch"),
    "an epoch that is none": put("1", "epoch"),
    "no epoch": put(None, "epoch"),
    "another number of updates": put(13, "skrec", "n_updates"),
    "no number of updates": put(None, "skrec", "n_updates"),
    "no figures": put([], *HISTORY, "rows"),
    "figures that are none": put("?", *HISTORY, "rows", 0, "train_loss"),
    "figures of another epoch": put(5, *HISTORY, "rows", 0, "epoch"),
    "an attribute": put(0, *HISTORY, "judge"),
    "no best epoch": put(None, *HISTORY, "best_epoch"),
    "a best epoch to come": put(2, *HISTORY, "best_epoch"),
    "best weights of nobody": put({"weight": torch.zeros(1)}, *HISTORY, "best_weights"),
    "no weights": put(None, "state_dict"),
    "a weight less": put(None, "state_dict", WEIGHT),
    "a weight more": put(torch.zeros(1), "state_dict", "network.more"),
    "a weight of another shape": put(torch.zeros(12, 3), "state_dict", WEIGHT),
    "a weight of another type": put(torch.zeros(12, 4, dtype=torch.float64), "state_dict", WEIGHT),
    "a weight that is none": put(1.0, "state_dict", WEIGHT),
    "a weight that is not finite": put(torch.full((12, 4), torch.nan), "state_dict", WEIGHT),
    "a huge weight of one number": put(torch.zeros(1).expand(10**12), "state_dict", WEIGHT),
    "no optimiser": put(None, "optimizer_states"),
    "two optimisers": put([{}, {}], "optimizer_states"),
    "no moments": put({}, *MOMENTS),
    "moments of another shape": put(torch.zeros(1, 4), *MOMENTS, "exp_avg"),
    "moments that are not finite": put(torch.full((12, 4), torch.inf), *MOMENTS, "exp_avg_sq"),
    "moments of an unknown weight": put({}, "optimizer_states", 0, "state", 9),
    "no loops": put(None, "loops"),
    "no loop": put(None, *LOOP),
    "a loop at its beginning": put(0, *LOOP, "epoch_progress", "current", "processed"),
    "a loop at another step": put(3, *LOOP, "epoch_loop.manual_optimization.optim_step_progress", "total", "completed"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_a_checkpoint_holds_is_checked_before_any_of_it_is_used(folder, expected, change):
    RUNS.clear()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_checkpoints.Checkpoints, "_choose", lambda checkpoints: (_ for _ in ()).throw(KeyboardInterrupt))
        model(checkpoint_dir=folder).fit(likes())
    edited(newest(folder), change)
    with pytest.warns(UserWarning, match=r"epoch=1\.ckpt cannot be read and is left out"):
        fitted = model(checkpoint_dir=folder).fit(likes())
    assert same(weights_of(fitted), expected)
    assert fitted.history_.epoch.tolist() == [0, 1, 2] and fitted.seed_ == model().fit(likes()).seed_


def test_a_network_that_starts_from_trained_parts_trains_them_if_its_checkpoint_is_of_no_use(tmp_path, monkeypatch):
    settings = {"n_factors": 4, "hidden_layer_sizes": (4,), "pretrain": True, "max_epochs": 2, "random_state": 0}
    uninterrupted = NeuMFRecommender(**settings).fit(likes())
    NeuMFRecommender(**settings, checkpoint_dir=tmp_path).fit(likes())
    (first,), (last,) = tmp_path.rglob("epoch=0.ckpt"), tmp_path.rglob("epoch=1.ckpt")
    last.unlink()
    RUNS[:] = RUNS[-1:]
    edited(first, put(torch.zeros(1), "state_dict", "network.more"))
    with pytest.warns(UserWarning, match=r"epoch=0\.ckpt cannot be read"):
        fitted = NeuMFRecommender(**settings, checkpoint_dir=tmp_path).fit(likes())
    assert same(weights_of(fitted), weights_of(uninterrupted))


# ---- several fits ----------------------------------------------------------------------------------------------------


def test_leftovers_go_at_the_next_fit(folder):
    leftover = newest(folder).with_name(".unfinished-ab12")
    leftover.write_bytes(b"half of a")
    model(checkpoint_dir=folder).fit(likes())
    assert not leftover.exists()


def test_two_runs_without_a_seed_are_not_mixed(tmp_path, monkeypatch):
    """The newer checkpoint is of no use; the older one, of another seed, is not put into the network of the newer."""
    settings = {"checkpoint_dir": tmp_path, "random_state": None}
    interrupt(model(**settings), monkeypatch)
    RUNS[:] = RUNS[-1:]
    edited(newest(tmp_path), put(torch.zeros(1), "state_dict", "network.more"))
    edited(newest(tmp_path).with_name("epoch=0.ckpt"), put(1, "skrec", "seed"))
    with pytest.warns(UserWarning, match="cannot be read") as warned:
        fitted = model(**settings).fit(likes())
    assert len(warned) == 2 and fitted.seed_ != 1
    assert same(weights_of(fitted), weights_of(fit_with_seed(fitted.seed_, monkeypatch)))


def fit_with_seed(seed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("skrec.engine._estimator.draw_seed", lambda random_state: seed)
        return model().fit(likes())


def test_a_folder_of_the_name_of_a_leftover_is_no_matter(folder, expected):
    newest(folder).with_name(".unfinished-folder").mkdir()
    assert same(weights_of(model(checkpoint_dir=folder).fit(likes())), expected)


def test_a_file_that_another_fit_takes_for_a_leftover_is_written_again(tmp_path, monkeypatch):
    rename, removed = os.replace, []

    def remove_first(old, new):
        if not removed:
            removed.append(old)
            os.unlink(old)
        rename(old, new)

    monkeypatch.setattr(os, "replace", remove_first)
    write_checkpoint(tmp_path / "epoch=0.ckpt", {"number": 7}, run=RUN)
    assert removed and read_checkpoint(tmp_path / "epoch=0.ckpt", run=RUN) == {"number": 7}


@pytest.mark.parametrize("when", [0, 1, 2])
def test_a_fit_inside_a_fit_of_the_same_leaves_both_right(tmp_path, monkeypatch, expected, when):
    """The second begins and ends while the first is in an epoch, which is the worst that can happen."""
    take_in, others = _history.TrainingHistory.__call__, []

    def fit_another(recorder, row, device):
        if row["epoch"] == when and not others:
            others.append(None)
            others[0] = model(checkpoint_dir=tmp_path).fit(likes())
        return take_in(recorder, row, device)

    monkeypatch.setattr(_history.TrainingHistory, "__call__", fit_another)
    fitted = model(checkpoint_dir=tmp_path).fit(likes())
    assert same(weights_of(fitted), expected) and same(weights_of(others[0]), expected)


def test_a_checkpoint_that_vanishes_while_it_is_looked_at_is_no_matter(folder, expected, monkeypatch):
    listed = _checkpoints.Checkpoints._saved

    def and_remove(checkpoints):
        paths = listed(checkpoints)
        for path in paths:
            path.unlink()
        return paths

    with monkeypatch.context() as patch:
        patch.setattr(_checkpoints.Checkpoints, "_saved", and_remove)
        checkpoints = _checkpoints.Checkpoints(newest(folder).parent, RUN, seed=0, is_seed_free=True)
    assert not checkpoints.is_unfinished
    assert same(weights_of(model(checkpoint_dir=folder).fit(likes())), expected)


def test_checkpoints_may_be_read_by_whom_the_folder_lets(tmp_path):
    before = os.umask(0o022)
    try:
        model(checkpoint_dir=tmp_path).fit(likes())
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.ckpt")} == {0o644}


SCRIPT = f"""
import sys, numpy as np, torch
sys.path.insert(0, {str(Path(__file__).parent)!r})
from small_models import likes, model
torch.set_num_threads(1)
print("ready", flush=True)
sys.stdin.readline()
np.save(sys.argv[2], model(checkpoint_dir=sys.argv[1], max_epochs=40).fit(likes()).item_embeddings_)
"""


@pytest.mark.faults
def test_processes_with_one_folder_all_end_right(tmp_path):
    uninterrupted = model(max_epochs=40).fit(likes()).item_embeddings_
    shared, files = tmp_path / "shared", [tmp_path / f"{n}.npy" for n in range(3)]
    command = [sys.executable, "-W", "error::UserWarning:skrec", "-c", SCRIPT, str(shared)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*command, str(file)], **pipes) for file in files]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=300)
    assert [process.returncode for process in processes] == [0, 0, 0]
    for file in files:
        np.testing.assert_array_equal(np.load(file), uninterrupted)
    assert not unfinished(shared)


# ---- full disks ------------------------------------------------------------------------------------------------------


def sizes(folder):
    return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def largest_file():
    """A function that lets files grow to some size and no further, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda n_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("n_bytes", [0, 100, 4096])
def test_a_checkpoint_that_cannot_be_written_is_an_os_error_and_the_one_before_it_stays(
    folder, largest_file, n_bytes, expected
):
    before = {path: path.read_bytes() for path in folder.rglob("*.ckpt")}
    estimator = model(checkpoint_dir=folder)
    largest_file(n_bytes)
    with pytest.raises(OSError, match=r"epoch=2\.ckpt") as caught:
        estimator.fit(likes())
    largest_file(resource.RLIM_INFINITY)
    assert caught.value.errno is not None and Path(caught.value.filename).name == "epoch=2.ckpt"
    assert {path: path.read_bytes() for path in folder.rglob("*.ckpt")} == before
    assert not unfinished(folder) and not hasattr(estimator, "module_")
    assert same(weights_of(estimator.fit(likes())), expected)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"file systems cannot be mounted here: {mounted.stderr}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.faults
def test_a_full_disk_is_an_os_error_with_path_and_number(small_disk, interrupted, expected):
    folder = shutil.copytree(interrupted, small_disk / "checkpoints")
    before = {path: path.read_bytes() for path in folder.rglob("*.ckpt")}
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    estimator = model(checkpoint_dir=folder)
    with pytest.raises(OSError, match=r"No space left on device: '.*epoch=2\.ckpt'") as caught:
        estimator.fit(likes())
    assert caught.value.errno == 28
    assert {path: path.read_bytes() for path in folder.rglob("*.ckpt")} == before
    filler.unlink()
    assert same(weights_of(estimator.fit(likes())), expected)


@pytest.mark.faults
def test_lists_for_a_full_disk_are_an_os_error_and_leave_what_was_there(small_disk):
    fitted, path = model().fit(likes()), small_disk / "lists.parquet"
    path.write_bytes(b"what was there")
    (small_disk / "filler").write_bytes(bytes(58_000))
    with pytest.raises(OSError, match=r"No space left on device: '.*lists\.parquet'") as caught:
        fitted.recommend_to_parquet(path, np.tile(np.arange(12), 2000), k=9, exclude_seen=False)
    assert caught.value.errno == 28
    assert sizes(small_disk) == {"filler": 58_000, "lists.parquet": 14}


# ---- places ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def untrained(monkeypatch):
    """Fails when an epoch is trained."""

    def fail(recorder, row, device):
        raise AssertionError("an epoch was trained first")

    monkeypatch.setattr(_history.TrainingHistory, "__call__", fail)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below"])
def test_a_folder_that_cannot_be_is_found_before_training(tmp_path, place):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(OSError, match="checkpoint_dir cannot be written to") as caught:
        model(checkpoint_dir=tmp_path / place).fit(likes())
    assert caught.value.errno is not None and str(tmp_path / "file") in caught.value.filename
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.usefixtures("untrained")
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write to")
def test_a_folder_that_cannot_be_written_to_is_found_before_training():
    with pytest.raises(OSError, match="checkpoint_dir cannot be written to"):
        model(checkpoint_dir="/proc/self/checkpoints").fit(likes())


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("value", ["", "a\0b", "~nobody-of-this-name/x"])
def test_what_is_no_path_is_a_value_error(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="checkpoint_dir must be a path"):
        model(checkpoint_dir=value).fit(likes())
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("value", [b"folder", 1, True, ["folder"]])
def test_what_is_of_another_type_is_a_type_error(value):
    with pytest.raises(TypeError, match="checkpoint_dir must be a str"):
        model(checkpoint_dir=value).fit(likes())


def test_a_tilde_is_the_home_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    fitted = model(checkpoint_dir="~/runs", max_epochs=1).fit(likes())
    fitted.recommend_to_parquet("~/lists.parquet", k=2)
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "lists.parquet"}


def test_folders_above_are_made(tmp_path):
    model(checkpoint_dir=tmp_path / "a" / "b", max_epochs=1).fit(likes())
    assert [path.name for path in (tmp_path / "a" / "b").rglob("*.ckpt")] == ["epoch=0.ckpt"]


@pytest.mark.parametrize("place", ["missing/lists.parquet", "file/lists.parquet", "folder", ""])
def test_lists_that_cannot_be_written_are_found_before_any_is_made(tmp_path, monkeypatch, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    fitted = model(max_epochs=1).fit(likes())
    monkeypatch.setattr(type(fitted), "_score", lambda *_, **__: pytest.fail("a list was made first"))
    with pytest.raises((OSError, ValueError), match=place or "path must be a path") as caught:
        fitted.recommend_to_parquet(str(tmp_path / place) if place else "")
    assert isinstance(caught.value, ValueError) or caught.value.errno is not None
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_device_is_not_replaced_by_lists(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe"):
        model(max_epochs=1).fit(likes()).recommend_to_parquet(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
