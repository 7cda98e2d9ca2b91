"""Models that answer otherwise than they promise, and the checks that catch them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skrec import ALSRecommender, EASERecommender, testing
from skrec.base._parquet import write_parquet


class TakesRowsForTrainingUsers(EASERecommender):
    def _new_state(self, histories):
        return self.rows_[np.arange(histories.n_users) % self.n_users_]


class LooksAtTheNeighbors(EASERecommender):
    def _score(self, rows, items):
        return super()._score(rows, items) / rows.nnz


class FoldsInBackwards(EASERecommender):
    def _new_state(self, histories):
        return super()._new_state(histories)[:, ::-1]


class HidesNothing(EASERecommender):
    def recommend(self, users=None, *, exclude_seen=True, **options):
        return super().recommend(users, exclude_seen=False, **options)


class RecommendsNothingTwice(EASERecommender):
    def recommend(self, users=None, **options):
        lists = super().recommend(users, **options)
        return replace(lists, codes=np.maximum(lists.codes, 0))


class RanksBackwards(EASERecommender):
    def recommend(self, users=None, **options):
        lists = super().recommend(users, **options)
        return replace(lists, labels=lists.labels[:, ::-1], scores=lists.scores[:, ::-1], codes=lists.codes[:, ::-1])


class ScoresSeenItems(EASERecommender):
    def score_items(self, users=None, *, exclude_seen=False):
        return super().score_items(users)


class LearnsNothing(EASERecommender):
    def _fit(self, data):
        super()._fit(data)
        self.item_weights_ = np.random.default_rng(0).random(self.item_weights_.shape, np.float32)


class ReadsOneFormOnly(EASERecommender):
    def recommend(self, users=None, **options):
        return super().recommend(np.zeros_like(users) if isinstance(users, np.ndarray) else users, **options)


class IgnoresCandidates(EASERecommender):
    def recommend(self, users=None, *, candidates=None, **options):
        return super().recommend(users, **options)


class TakesUnknownUsersForTheFirst(EASERecommender):
    def recommend(self, users=None, *, unknown="raise", **options):
        if unknown == "popular":
            users = [user if user in range(self.n_users_) else 0 for user in users]
        return super().recommend(users, **options)


class PredictsInAnotherOrder(EASERecommender):
    def predict(self, X):
        return super().predict(X)[::-1]


class RecommendsToEverybody(EASERecommender):
    def recommend_users(self, items, *, k=10, exclude_seen=True):
        return super().recommend_users(items, k=k, exclude_seen=False)


class ExplainsHalf(EASERecommender):
    def explain(self, user, item, *, k=5):
        table = super().explain(user, item, k=k)
        return table.assign(contribution=table["contribution"] / 2)


class FindsItself(EASERecommender):
    def similar_items(self, items, *, include_self=False, **options):
        return super().similar_items(items, include_self=True, **options)


class SortsTheUsers(EASERecommender):
    def recommend(self, users=None, **options):
        return super().recommend(sorted(users) if isinstance(users, list) else users, **options)


class LosesTheLastPiece(EASERecommender):
    def recommend_iter(self, users=None, **options):
        pieces = list(super().recommend_iter(users, **options))
        return iter(pieces[:-1] or pieces)

    def recommend_to_parquet(self, path, users=None, **options):
        write_parquet(path, self.recommend_iter(users, **options))


class AcceptsAnyLength(EASERecommender):
    def recommend(self, users=None, *, k=10, **options):
        return super().recommend(users, k=max(int(k or 1), 1), **options)


class HasNoLimit(EASERecommender):
    def predict(self, X):
        return np.zeros((1, 1), np.float32)


class PredictsNaN(EASERecommender):
    def predict(self, X):
        scores = super().predict(X)
        return np.where(np.isinf(scores), np.nan, scores)


class ScoresNaN(EASERecommender):
    def score(self, X, y=None):
        return float("nan")


class TransformsTheFirstOnly(ALSRecommender):
    def transform(self, X):
        return super().transform(X)[:1]


class AnswersInCodes(EASERecommender):
    def recommend(self, users=None, **options):
        answer = super().recommend(users, **options)
        return replace(answer, labels=answer.codes)


class FindsTheFarthest(EASERecommender):
    def similar_users(self, users, **options):
        answer = super().similar_users(users, **options)
        return replace(answer, scores=-answer.scores)


class IgnoresCandidatesForSimilarItems(EASERecommender):
    def similar_items(self, items, *, candidates=None, **options):
        return super().similar_items(items, **options)


class StretchesRows(EASERecommender):
    def recommend(self, users=None, **options):
        if hasattr(users, "shape") and users.shape[1:] == (20,):
            users = sp.hstack([users, users[:, :4]])
        return super().recommend(users, **options)


class MistakesUnknownItems(EASERecommender):
    def recommend(self, users=None, **options):
        if isinstance(users, pd.DataFrame):
            users = users.assign(item=users["item"].clip(lower=self.item_ids_.min()))
        return super().recommend(users, **options)


class KnowsTheLabel(EASERecommender):
    def recommend(self, users=None, **options):
        if isinstance(users, pd.DataFrame) and users["user"].isin(self.user_ids_).all():
            users = users["user"].unique()
        return super().recommend(users, **options)


class CountsQuestions(EASERecommender):
    def recommend(self, users=None, **options):
        self.n_questions_ = getattr(self, "n_questions_", 0) + 1
        return super().recommend(users, **options)


class ScoresAHalf(EASERecommender):
    def score(self, X, y=None):
        return super().score(X, y) / 2


class FindsUsersByCode(EASERecommender):
    def recommend_users(self, items, **options):
        answer = super().recommend_users(items, **options)
        return replace(answer, labels=answer.codes)


class KnowsCosinesOnly(EASERecommender):
    def similar_items(self, items, *, metric="cosine", **options):
        return super().similar_items(items, metric="cosine", **options)


class ClaimsToKnowOrder(EASERecommender):
    _ordered = True


CAUGHT = [
    (TakesRowsForTrainingUsers, testing.check_matrix_rows_are_new_users),
    (LooksAtTheNeighbors, testing.check_one_user_equals_the_batch),
    (FoldsInBackwards, testing.check_fold_in_agrees_with_training),
    (FoldsInBackwards, testing.check_completes_the_checkerboard),
    (FoldsInBackwards, testing.check_explain),
    (ClaimsToKnowOrder, testing.check_predicts_the_next_item),
    (HidesNothing, testing.check_seen_items_and_duplicates_are_excluded),
    (HidesNothing, testing.check_seen_items_of_new_users_are_excluded),
    (RecommendsNothingTwice, testing.check_lists_are_padded),
    (RanksBackwards, testing.check_best_first_with_ties_by_item_code),
    (RanksBackwards, testing.check_items_without_events_come_last),
    (RanksBackwards, testing.check_users_without_events_get_popular_items),
    (LearnsNothing, testing.check_learns_from_the_data),
    (LearnsNothing, testing.check_completes_the_checkerboard),
    (ReadsOneFormOnly, testing.check_every_form_of_a_history_is_the_same),
    (IgnoresCandidates, testing.check_exclude_and_candidates),
    (IgnoresCandidates, testing.check_candidates_of_each_user),
    (TakesUnknownUsersForTheFirst, testing.check_unknown_users_get_the_popular_items_on_request),
    (LooksAtTheNeighbors, testing.check_new_users_are_scored_independently),
    (PredictsInAnotherOrder, testing.check_predict_of_events),
    (PredictsInAnotherOrder, testing.check_predict_of_a_matrix),
    (ScoresSeenItems, testing.check_score_items),
    (RecommendsToEverybody, testing.check_audience),
    (ExplainsHalf, testing.check_explain),
    (FindsItself, testing.check_similar_items),
    (SortsTheUsers, testing.check_recommend_known_users),
    (LosesTheLastPiece, testing.check_recommend_iter_equals_recommend),
    (LosesTheLastPiece, testing.check_recommend_to_parquet),
    (AcceptsAnyLength, testing.check_bad_arguments_are_refused),
    (HasNoLimit, testing.check_predict_is_refused_above_its_limit),
    (PredictsNaN, testing.check_predict_of_unknown_labels),
    (ScoresNaN, testing.check_score),
    (TransformsTheFirstOnly, testing.check_transform),
    (AnswersInCodes, testing.check_labels_do_not_change_lists),
    (FindsTheFarthest, testing.check_similar_users),
    (IgnoresCandidatesForSimilarItems, testing.check_similar_items_of_candidates),
    (StretchesRows, testing.check_histories_of_another_shape_are_refused),
    (MistakesUnknownItems, testing.check_unknown_items_of_a_history_are_ignored),
    (KnowsTheLabel, testing.check_events_of_a_known_label_are_a_new_user),
    (CountsQuestions, testing.check_inference_does_not_change_the_model),
    (ScoresAHalf, testing.check_score_measures_lists_or_ratings),
    (FindsUsersByCode, testing.check_audience_with_labels),
    (KnowsCosinesOnly, testing.check_similarity_metrics_agree),
]
SHOWN = [
    (ScoresNaN, testing.check_grid_search_over_events, UserWarning),
    (ScoresNaN, testing.check_grid_search_over_users, UserWarning),
]
