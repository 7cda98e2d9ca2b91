"""Models that learn otherwise than they promise, or that touch what is not theirs, and the checks that catch them."""

import copy
import logging
import os
import sys
import warnings

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from skrec import EASERecommender, testing
from skrec.data import Interactions, check_interactions

OPENED = []


class RollsDice(EASERecommender):
    def _score(self, rows, items):
        return super()._score(rows, items) + np.random.default_rng().random((rows.shape[0], 1), np.float32)


class SeedsTheWorld(EASERecommender):
    def _fit(self, data):
        np.random.seed(0)  # noqa: NPY002
        super()._fit(data)


class KeepsToOneThread(EASERecommender):
    def _fit(self, data):
        torch.set_num_threads(1)
        super()._fit(data)


class LeavesAFile(EASERecommender):
    def _fit(self, data):
        super()._fit(data)
        with open("model.log", "w") as file:
            file.write("done")


class Talks(EASERecommender):
    def _fit(self, data):
        os.write(2, b"fitting\n")
        super()._fit(data)


class Prints(EASERecommender):
    def _fit(self, data):
        sys.stdout.write("fitting\n")
        super()._fit(data)


class Warns(EASERecommender):
    def _fit(self, data):
        warnings.warn("fitting", UserWarning, stacklevel=2)
        super()._fit(data)


class WritesIntoItsInput(EASERecommender):
    def _fit(self, data):
        data.values[:] = 1
        super()._fit(data)


class Remembers(EASERecommender):
    def _fit(self, data):
        self.n_fits = getattr(self, "n_fits", 0) + 1
        super()._fit(data)
        self.item_weights_ /= self.n_fits


class FailsHalfway(EASERecommender):
    def fit(self, X, y=None, *, validation=None):
        self.vocabulary_ = None
        return super().fit(X, y, validation=validation)


class PicklesInPart(EASERecommender):
    def __getstate__(self):
        state = copy.copy(super().__getstate__())
        if "item_weights_" in state:
            state["item_weights_"] = state["item_weights_"].round(1)
        return state


class AnswersUnfitted(EASERecommender):
    def score(self, X, y=None):
        return 0.5


class ConvertsParameters(EASERecommender):
    def __init__(self, *, regularization=500.0, positive_from=None):
        self.regularization = str(regularization)
        self.positive_from = positive_from


class BelievesAnything(EASERecommender):
    colour: str = "red"


class DropsARowOfTables(EASERecommender):
    def fit(self, X, y=None, *, validation=None):
        return super().fit(X[1:] if isinstance(X, pd.DataFrame) else X, y, validation=validation)


class IgnoresValidation(EASERecommender):
    def _fit_validated(self, data, validation):
        self._fit(data)


class SwitchesChecksOff(EASERecommender):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags._skip_test = True
        return tags


class IgnoresNaN(EASERecommender):
    def fit(self, X, y=None, *, validation=None):
        return super().fit(np.nan_to_num(X) if isinstance(X, np.ndarray) else X, y, validation=validation)


class Logs(EASERecommender):
    def _fit(self, data):
        logging.getLogger("model").info("fitting")
        super()._fit(data)


class IgnoresWarnings(EASERecommender):
    def _fit(self, data):
        warnings.simplefilter("ignore")
        super()._fit(data)


class ShowsNoBar(EASERecommender):
    def _fit(self, data):
        with tqdm(disable=True):
            super()._fit(data)


class KeepsAFileOpen(EASERecommender):
    def _fit(self, data):
        super()._fit(data)
        OPENED.append(open(os.devnull))  # noqa: SIM115


class ConfiguresLogging(EASERecommender):
    def _fit(self, data):
        logging.basicConfig(level=logging.INFO)
        super()._fit(data)


class SwallowsCtrlC(EASERecommender):
    def _fit(self, data):
        try:
            super()._fit(data)
        except KeyboardInterrupt:
            self.item_weights_ = np.zeros((data.n_items, data.n_items), np.float32)


class LearnsInPlace(EASERecommender):
    def fit(self, X, y=None, *, validation=None):
        data = check_interactions(X, y)
        self._learn_vocabulary(data)
        self._fit(data)
        return self


class IgnoresY(EASERecommender):
    def fit(self, X, y=None, *, validation=None):
        return super().fit(X, validation=validation)


class TurnsDenseArrays(EASERecommender):
    def fit(self, X, y=None, *, validation=None):
        return super().fit(X[::-1] if isinstance(X, np.ndarray) else X, y, validation=validation)


class ClaimsToReadWeights(EASERecommender):
    _reads_weights = True


class RecommendsDespiteNaN(EASERecommender):
    def recommend(self, users=None, **options):
        is_matrix = isinstance(users, np.ndarray) and users.ndim == 2 and users.dtype.kind == "f"
        return super().recommend(np.nan_to_num(users) if is_matrix else users, **options)


class StartsWithHalf(EASERecommender):
    def partial_fit(self, X, y=None):
        return super().partial_fit(X if hasattr(self, "vocabulary_") else X[: X.shape[0] // 2], y)


class SortsTheLabelsAgain(EASERecommender):
    def partial_fit(self, X, y=None):
        return self.fit(pd.concat([self.events_.to_frame(), X.assign(rating=1)]))


class TakesRowsForKnownUsers(EASERecommender):
    def partial_fit(self, X, y=None):
        return super().partial_fit(Interactions.from_csr(X))


class LearnsTheNewOnly(EASERecommender):
    def _partial_fit(self, events, before):
        self._fit(events[len(before.events_) :])


class CountsItsLessons(EASERecommender):
    def partial_fit(self, X, y=None):
        self.n_lessons_ = getattr(self, "n_lessons_", 0) + 1
        return super().partial_fit(X, y)


class WritesIntoTheOldWeights(EASERecommender):
    def _partial_fit(self, events, before):
        super()._partial_fit(events, before)
        before.item_weights_[:] = self.item_weights_


CAUGHT = [
    (RollsDice, testing.check_equal_refit),
    (SeedsTheWorld, testing.check_global_state_is_unchanged),
    (KeepsToOneThread, testing.check_global_state_is_unchanged),
    (LeavesAFile, testing.check_global_state_is_unchanged),
    (Talks, testing.check_silence),
    (Prints, testing.check_silence),
    (WritesIntoItsInput, testing.check_input_is_not_changed),
    (Remembers, testing.check_refit_discards_the_previous_fit),
    (FailsHalfway, testing.check_failed_fit),
    (PicklesInPart, testing.check_pickle),
    (AnswersUnfitted, testing.check_not_fitted),
    (ConvertsParameters, testing.check_parameters),
    (BelievesAnything, testing.check_parameters_are_validated),
    (SwitchesChecksOff, testing.check_scikit_learn),
    (IgnoresNaN, testing.check_scikit_learn),
    (DropsARowOfTables, testing.check_a_table_of_events_is_the_same_data),
    (IgnoresValidation, testing.check_validation_data),
    (Logs, testing.check_silence),
    (IgnoresWarnings, testing.check_global_state_is_unchanged),
    (ShowsNoBar, testing.check_global_state_is_unchanged),
    (KeepsAFileOpen, testing.check_global_state_is_unchanged),
    (ConfiguresLogging, testing.check_global_state_is_unchanged),
    (SwallowsCtrlC, testing.check_interrupted_fit),
    (FailsHalfway, testing.check_interrupted_fit),
    (LearnsInPlace, testing.check_interrupted_fit),
    (CountsItsLessons, testing.check_interrupted_partial_fit),
    (IgnoresY, testing.check_y_holds_the_values_of_events),
    (TurnsDenseArrays, testing.check_every_form_of_a_matrix_is_the_same),
    (ClaimsToReadWeights, testing.check_optional_fields_are_accepted),
    (RecommendsDespiteNaN, testing.check_invalid_numbers_are_refused),
    (StartsWithHalf, testing.check_partial_fit_of_an_unfitted_model_is_fit),
    (SortsTheLabelsAgain, testing.check_partial_fit_keeps_codes_and_adds_labels),
    (TakesRowsForKnownUsers, testing.check_partial_fit_takes_rows_for_new_users),
    (LearnsTheNewOnly, testing.check_partial_fit_learns),
    (CountsItsLessons, testing.check_failed_partial_fit),
    (WritesIntoTheOldWeights, testing.check_partial_fit_does_not_change_copies),
]
SHOWN = [
    (Warns, testing.check_silence, UserWarning),
    (WritesIntoItsInput, testing.check_read_only_input, ValueError),
]
