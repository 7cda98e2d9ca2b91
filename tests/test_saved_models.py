"""Models that are saved and loaded: the same answers, what may be left out, and files of earlier versions."""

import json
import os
import pickle
import stat
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from saved_models import ESTIMATORS, GOLDEN, VARIANTS, answers, assert_same, fit, new_events, quick, training_events
from sklearn.base import clone

import skrec
from skrec import (
    ALSRecommender,
    BPRRecommender,
    ColdStartRecommender,
    CosineContrastiveLoss,
    EarlyStopping,
    EASERecommender,
    GRU4RecRecommender,
    MarkovRecommender,
    MFRecommender,
    ModelFormatError,
    NewsRecommender,
    PopularityRecommender,
    RandomRecommender,
    SASRecRecommender,
    UserKNNRecommender,
    all_estimators,
    load,
)
from skrec.persistence import Array, Kind, Value, register
from skrec.persistence._registry import module_of_names

pytestmark = pytest.mark.usefixtures("one_thread")
MODELS = ESTIMATORS | VARIANTS
# these have no answers for known users without their histories
NEED_EVENTS = {name for name, model in MODELS.items() if isinstance(model, NewsRecommender)}
NEED_HISTORIES = NEED_EVENTS | {name for name, model in MODELS.items() if isinstance(model, UserKNNRecommender)}


@cache
def fitted(name):
    return fit(MODELS[name])


@cache
def expected(name):
    return answers(fitted(name))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.skrec"


def saved(model, path, *, given=None, **options):
    model.save(path, **options)
    return load(path, **(given or {}))


def silent_partial_fit(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.set_params(early_stopping=None) if "early_stopping" in model.get_params() else model


class TestRoundTrip:
    @pytest.mark.parametrize("name", MODELS)
    def test_a_loaded_model_is_the_same(self, name, file, tmp_path):
        model = fitted(name)
        loaded = saved(model, file)
        assert type(loaded) is type(model) and repr(loaded) == repr(model)
        assert {*vars(loaded)} == {name for name in vars(model) if name != "_reference_events_"}  # the prior is settled
        assert loaded.events_.to_frame().equals(model.events_.to_frame())
        assert_same(answers(loaded), expected(name))
        loaded.save(tmp_path / "again.skrec")
        assert (tmp_path / "again.skrec").read_bytes() == file.read_bytes()

    @pytest.mark.parametrize("name", [*ESTIMATORS, *(pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS)])
    def test_partial_fit_continues_equally(self, name, file):
        loaded = silent_partial_fit(saved(fitted(name), file))
        model = silent_partial_fit(pickle.loads(pickle.dumps(fitted(name))))
        for learner in (model, loaded):
            learner.partial_fit(new_events())
        assert_same(answers(loaded), answers(model))

    def test_unfitted_estimators_stay_unfitted(self, file):
        for model in (*(cls() for cls in all_estimators()), *(clone(model) for model in VARIANTS.values())):
            loaded = saved(model, file)
            assert repr(loaded) == repr(model) and not hasattr(loaded, "vocabulary_")

    def test_arrays_stay_shared(self, file):
        model = saved(fitted("EASERecommender"), file)
        assert model.rows_.indices is model.seen_.indices and model.rows_.indptr is model.seen_.indptr
        nested = saved(fitted("ColdStartRecommender"), file)
        assert nested.events_ is nested.estimator_.events_

    def test_a_network_is_in_evaluation_mode_and_can_be_trained(self, file):
        module = saved(fitted("MFRecommender"), file).module_
        assert not module.training and all(weight.requires_grad for weight in module.parameters())

    def test_output_of_transform_is_kept(self, file):
        model = fit(quick(ALSRecommender())).set_output(transform="pandas")
        assert type(saved(model, file).transform(["user 1"])).__name__ == "DataFrame"

    def test_a_loaded_model_is_saved_again_after_more_training(self, file):
        model = saved(fitted("MFRecommender"), file).partial_fit(new_events())
        assert_same(answers(saved(model, file)), answers(model))

    def test_an_anonymized_model_is_saved_without_labels_of_users(self, file):
        model = fitted("EASERecommender").anonymized()
        loaded = saved(model, file)
        assert b"user 1" not in file.read_bytes() and loaded.user_ids_ is None
        np.testing.assert_array_equal(loaded.recommend([1], k=3).items, model.recommend([1], k=3).items)


USE_IN_ANOTHER_PROCESS = """
import sys, warnings
import numpy as np
warnings.simplefilter("error")
import skrec
model = skrec.load(sys.argv[1])
answer = model.recommend(k=4)
np.savez(sys.argv[2], codes=answer.codes, scores=answer.scores)
print(*{"torch", "pytorch_lightning"} & sys.modules.keys())
"""


@pytest.mark.parametrize(("name", "needs"), [("EASERecommender", []), ("GRU4RecRecommender", ["torch"])])
def test_a_fresh_process_gives_the_same_answers(name, needs, file, tmp_path):
    fitted(name).save(file)
    arguments = [sys.executable, "-c", USE_IN_ANOTHER_PROCESS, str(file), str(tmp_path / "answers.npz")]
    assert subprocess.check_output(arguments, text=True).split() == needs
    found = np.load(tmp_path / "answers.npz")
    np.testing.assert_array_equal(found["codes"], expected(name)["known codes"])
    np.testing.assert_array_equal(found["scores"], expected(name)["known scores"])


class TestGoldenFiles:
    """Files that an earlier version has written. A change of the format needs a new number and a reader of the old one."""

    def test_there_is_one_for_each_estimator(self):
        assert {path.stem for path in GOLDEN.glob("*.skrec")} == ESTIMATORS.keys()
        assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 1_000_000

    @pytest.mark.parametrize("name", ESTIMATORS)
    def test_it_gives_the_stored_answers(self, name):
        stored = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
        found = answers(load(GOLDEN / f"{name}.skrec"))
        assert found.keys() == stored.keys()
        for part, array in found.items():
            if part.endswith("codes"):
                np.testing.assert_array_equal(array, stored[part], err_msg=part)
            else:  # processors round differently
                np.testing.assert_allclose(array, stored[part], rtol=1e-4, atol=1e-5, err_msg=part)


class TestWithoutEvents:
    @pytest.mark.parametrize("name", sorted(MODELS.keys() - NEED_EVENTS))
    def test_answers_are_the_same_and_partial_fit_is_refused(self, name, file):
        loaded = saved(fitted(name), file, include_events=False)
        assert len(loaded.events_) == 0
        assert_same(answers(loaded), expected(name))
        with pytest.raises(ValueError, match=r"partial_fit requires the training events.*include_events=True"):
            silent_partial_fit(loaded).partial_fit(new_events())

    @pytest.mark.parametrize("name", sorted(MODELS.keys() - NEED_HISTORIES))
    def test_new_users_get_the_same_lists_without_histories(self, name, file):
        loaded = saved(fitted(name), file, include_history=False)
        assert loaded.seen_.nnz == 0 and len(loaded.events_) == 0
        answer = loaded.recommend(new_events(), k=4)
        np.testing.assert_array_equal(answer.codes, expected(name)["new codes"])
        np.testing.assert_array_equal(answer.scores, expected(name)["new scores"])

    @pytest.mark.parametrize("name", ["MFRecommender", "ALSRecommender", "BPRRecommender", "LightGCNRecommender", "item rows"])
    def test_known_users_with_vectors_of_their_own_keep_their_scores_without_histories(self, name, file):
        loaded, model = saved(fitted(name), file, include_history=False), fitted(name)
        np.testing.assert_array_equal(
            loaded.recommend(k=5, exclude_seen=False).scores, model.recommend(k=5, exclude_seen=False).scores
        )

    @pytest.mark.parametrize("name", ["EASERecommender", "MultVAERecommender", "SASRecRecommender", "MarkovRecommender"])
    def test_known_users_without_vectors_get_popular_items_without_histories(self, name, file):
        loaded = saved(fitted(name), file, include_history=False)
        popular = saved(fitted("PopularityRecommender"), file).recommend(k=3, exclude_seen=False).codes
        assert loaded.recommend(k=3).codes.tolist() == popular.tolist()

    def test_items_cannot_be_compared_by_histories_that_are_not_there(self, file):
        model = saved(fitted("EASERecommender"), file, include_history=False)
        with pytest.raises(ValueError, match=r"EASERecommender compares .* saved with include_history=False"):
            model.similar_items([900])

    def test_no_event_can_be_found_in_the_file(self, file):
        model = fit(quick(MFRecommender()))
        model.save(file, include_history=False)
        sizes = {array.size for array in load_file(file).values()}
        assert not sizes & {len(model.events_), model.seen_.nnz}

    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("NewsRecommender", {"include_events": False}, "needs its training events to recommend"),
            ("UserKNNRecommender", {"include_history": False}, "needs the histories of its users"),
            ("MFRecommender", {"include_history": False, "include_events": True}, "include_events must be False or None"),
        ],
    )
    def test_what_is_needed_cannot_be_left_out(self, name, options, message, file):
        with pytest.raises(ValueError, match=message):
            fitted(name).save(file, **options)
        assert not file.exists()

    @pytest.mark.parametrize("option", ["include_events", "include_history"])
    def test_options_are_flags(self, option, file):
        with pytest.raises(TypeError, match=f"{option} must be True or False, got 'no'"):
            fitted("MFRecommender").save(file, **{option: "no"})


def my_loss(scores, target, mask=None, log_q=None):
    return (scores - target).square().sum(-1)


class TestParameters:
    def test_callables_are_named_in_the_error(self, file):
        model = MFRecommender(loss=my_loss, optimizer=torch.optim.Adam, trainer={"callbacks": [object()]})
        with pytest.raises(TypeError, match=r"saved: loss has .*optimizer has .*trainer has .*leave_out"):
            model.save(file)

    def test_a_value_of_the_fit_that_has_been_replaced_must_be_set_again(self, file):
        model = fit(quick(MFRecommender(loss=my_loss, negatives="uniform"))).set_params(loss="bpr")
        for left_out in ([], ["loss"]):
            with pytest.raises(TypeError, match=r"loss was .*Set them to these values again, or fit again"):
                model.save(file, leave_out=left_out)
        saved(model.set_params(loss=my_loss), file, leave_out="loss", given={"loss": my_loss})

    def test_values_that_do_not_fit_are_named(self, file):
        fit(quick(MFRecommender(loss=my_loss, negatives="uniform"))).save(file, leave_out="loss")
        for loss in ("nonsense", "mse", 3):
            with pytest.raises(ValueError, match=f"loss must be what the model was saved with, got loss={loss!r}: ") as error:
                skrec.load(file, loss=loss)
            assert not isinstance(error.value, ModelFormatError)

    def test_a_callable_is_given_to_load_again(self, file):
        model = fit(quick(MFRecommender(loss=my_loss, negatives="uniform")))
        loaded = saved(model, file, leave_out="loss", given={"loss": my_loss})
        assert loaded.loss is my_loss
        assert_same(answers(loaded), answers(model))

    def test_a_callable_of_a_nested_estimator_is_given_to_load_again(self, file):
        model = fit(ColdStartRecommender(estimator=quick(MFRecommender(loss=my_loss, negatives="uniform"))))
        loaded = saved(model, file, leave_out=["estimator__loss"], given={"estimator__loss": my_loss})
        assert loaded.estimator.loss is my_loss and loaded.estimator_.loss is my_loss
        assert_same(answers(loaded), answers(model))

    @pytest.mark.parametrize("given", [{}, {"optimizer": "adam"}, {"loss": my_loss, "verbose": 1}])
    def test_load_needs_what_was_left_out(self, given, file):
        MFRecommender(loss=my_loss).save(file, leave_out=["loss"])
        with pytest.raises(ValueError, match=r"without the values of the parameters \['loss'\]"):
            load(file, **given)

    def test_only_parameters_can_be_left_out(self, file):
        with pytest.raises(ValueError, match=r"leave_out must hold names of parameters of MFRecommender, got \['module_'\]"):
            MFRecommender().save(file, leave_out=["module_", "loss"])
        with pytest.raises(TypeError, match="leave_out must hold names of parameters, got 3"):
            MFRecommender().save(file, leave_out=3)

    def test_a_model_answers_as_trained_after_set_params(self, file):
        model = fit(quick(GRU4RecRecommender())).set_params(max_length=2, n_factors=9, positive_from=3)
        assert_same(answers(saved(model, file)), answers(model))

    def test_objects_that_were_changed_after_the_fit(self, file):
        model = fit(quick(MFRecommender(loss=CosineContrastiveLoss(margin=0.3), negatives="uniform")))
        model.set_params(loss__margin=0.1)
        loaded = saved(model, file)
        assert loaded.loss.margin == 0.1
        assert_same(answers(loaded), answers(model))

    def test_invalid_parameters_of_a_fitted_model_are_refused(self, file):
        model = fit(quick(ALSRecommender())).set_params(regularization=-1)
        with pytest.raises(ValueError, match="regularization must be"):
            model.save(file)

    def test_attributes_that_a_class_does_not_declare_are_refused(self, file):
        model = fit(PopularityRecommender())
        model.note_ = 3
        with pytest.raises(TypeError, match=r"PopularityRecommender cannot be saved: it has the attributes \['note_'\]"):
            model.save(file)


class TestRegister:
    def test_the_package_has_registered_its_own_classes(self):
        parameters = {
            cls.__name__ for cls in (skrec.ALS, CosineContrastiveLoss, skrec.CosineRestarts, EarlyStopping, skrec.TrainingLog)
        }
        assert module_of_names().keys() == {cls.__name__ for cls in all_estimators()} | parameters

    def test_a_class_that_is_not_registered_cannot_be_saved(self, file):
        class Unknown(PopularityRecommender):
            pass

        with pytest.raises(TypeError, match=r"cannot be saved: it has the class .*Unknown, which skrec.persistence"):
            Unknown().save(file)

    def test_a_registered_class_can_be_saved(self, file, monkeypatch):
        monkeypatch.setattr("skrec.persistence._registry._registered", {})

        @register
        class Shifted(PopularityRecommender):
            """Popular items, with scores that are moved."""

            shift: float = 0.0
            _stored = {"limits_": Array("float64", "limits"), "note_": Value(str)}  # noqa: RUF012

            def _fit(self, data):
                super()._fit(data)
                self.limits_, self.note_ = np.array([1.0, 2.0, 3.0]), "learned"

        loaded = saved(fit(Shifted(shift=2.0)), file)
        assert type(loaded) is Shifted and loaded.shift == 2 and loaded.note_ == "learned"
        assert loaded.limits_.tolist() == [1, 2, 3]

    @pytest.mark.parametrize("wrong", [3, "EASERecommender", EASERecommender(), dict])
    def test_only_classes_with_parameters_can_be_registered(self, wrong):
        with pytest.raises(TypeError, match="cls must be a class with get_params"):
            register(wrong)

    def test_kinds_are_written_by_model_authors(self):
        with pytest.raises(TypeError, match="abstract"):
            Kind()


class TestFiles:
    def test_it_is_a_safetensors_file(self, file):
        fitted("MFRecommender").save(file)
        assert any(array.shape == (12, 4) for array in load_file(file).values())

    def test_a_file_in_the_home_directory(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        EASERecommender().save("~/model.skrec")
        assert load("~/model.skrec").get_params() == EASERecommender().get_params()
        assert (tmp_path / "model.skrec").exists()

    def test_permissions_are_those_of_new_files_or_of_the_old_file(self, file):
        before = os.umask(0o027)
        try:
            EASERecommender().save(file)
            assert stat.S_IMODE(file.stat().st_mode) == 0o640
            file.chmod(0o600)
            EASERecommender().save(file)
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        finally:
            os.umask(before)

    def test_a_link_is_followed(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "model.skrec")
        EASERecommender().save(tmp_path / "link")
        assert (tmp_path / "link").is_symlink() and isinstance(load(tmp_path / "model.skrec"), EASERecommender)

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
    def test_only_regular_files_are_replaced_and_read(self, make, file):
        make(file)
        with pytest.raises(FileExistsError, match="not a regular file"):
            EASERecommender().save(file)
        with pytest.raises(ModelFormatError, match="not a regular file"):
            load(file)

    def test_a_failed_save_leaves_the_old_file_and_nothing_else(self, file, monkeypatch):
        fitted("EASERecommender").save(file)
        before = file.read_bytes()

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device: '.*model\.skrec'"):
            fitted("MFRecommender").save(file)
        assert file.read_bytes() == before and [path.name for path in file.parent.iterdir()] == ["model.skrec"]

    def test_a_missing_file_or_folder_is_an_os_error(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "model.skrec")
        with pytest.raises(FileNotFoundError):
            EASERecommender().save(tmp_path / "no" / "model.skrec")

    def test_a_loaded_model_does_not_depend_on_its_file(self, file):
        model = saved(fitted("MFRecommender"), file)
        with open(file, "r+b") as opened:
            opened.truncate(10)
        assert_same(answers(model), expected("MFRecommender"))

    def test_the_same_model_gives_the_same_bytes(self, file, tmp_path):
        fitted("SASRecRecommender").save(file)
        fitted("SASRecRecommender").save(tmp_path / "other")
        assert file.read_bytes() == (tmp_path / "other").read_bytes()

    def test_nothing_global_changes(self, file):
        state, drawn = np.random.mtrand._rand.get_state()[1].copy(), torch.get_rng_state()
        saved(fitted("SASRecRecommender"), file)
        np.testing.assert_array_equal(np.random.mtrand._rand.get_state()[1], state)
        assert torch.equal(torch.get_rng_state(), drawn)
        assert torch.zeros(1).device.type == "cpu"

    def test_models_of_matrices_have_no_labels(self, file):
        model = RandomRecommender(random_state=0).fit(np.eye(4) + np.eye(4, k=1))
        loaded = saved(model, file)
        assert loaded.item_ids_ is None
        np.testing.assert_array_equal(loaded.recommend(k=2).items, model.recommend(k=2).items)

    def test_sparse_features(self, file):
        from scipy.sparse import csr_array

        data = training_events()
        data = data._replace(item_features=csr_array(data.item_features > 0.5, dtype=np.float32))
        model = SASRecRecommender(max_epochs=1, n_factors=2, random_state=0).fit(data)
        assert saved(model, file).events_.item_features.nnz == data.item_features.nnz


@pytest.mark.parametrize("model", [BPRRecommender(n_factors=4), MFRecommender(n_factors=4, max_epochs=1, random_state=0)])
def test_a_model_is_saved_as_it_was_fitted(model, file):
    fitted_model = fit(model)
    before = answers(fitted_model)
    fitted_model.set_params(n_factors=6)
    loaded = saved(fitted_model, file)
    assert loaded.n_factors == 6
    assert_same(answers(loaded), before)


def test_loading_does_not_need_what_the_training_was_logged_with(file, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    model = fit(MFRecommender(n_factors=4, max_epochs=1, random_state=0)).set_params(logger="mlflow")
    assert saved(model, file).logger == "mlflow"
    with pytest.raises(ValueError, match="logger must have a folder"):
        saved(model, file).fit(training_events())


def test_events_that_were_not_kept_cannot_be_included(file):
    model = fit(ALSRecommender(n_factors=4, n_jobs=1, random_state=0, keep_events=False))
    with pytest.raises(ValueError, match="include_events must not be True for this ALSRecommender"):
        model.save(file, include_events=True)


def test_explanations_need_histories(file):
    loaded = saved(fit(ALSRecommender(n_factors=4, n_jobs=1, random_state=0)), file, include_history=False)
    with pytest.raises(ValueError, match="explain needs the histories"):
        loaded.explain(loaded.user_codes(0)[0] if loaded.user_ids_ is None else loaded.user_ids_[0], 900)


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (ALSRecommender(n_factors=4, random_state=0), {"n_factors": 3, "alpha": 9.0, "regularization": 5.0}),
        (MarkovRecommender(), {"smoothing": 50.0}),
        (UserKNNRecommender(), {"n_neighbors": 1, "shrinkage": 3.0, "weighting": "bm25", "asymmetry": 0.5}),
        (UserKNNRecommender(neighborhood="reverse"), {"neighborhood": "nearest", "normalize": False}),
    ],
    ids=["ALS", "Markov", "nearest users", "reverse users"],
)
def test_parameters_set_after_fit_do_not_change_answers(model, changes, tmp_path):
    model = fit(clone(model))
    expected = answers(model)
    model.set_params(**changes)
    assert_same(answers(model), expected)
    model.save(tmp_path / "model.skrec")
    loaded = skrec.load(tmp_path / "model.skrec")
    assert loaded.get_params() == model.get_params() and loaded.fitted_with_ == model.fitted_with_
    assert_same(answers(loaded), expected)
