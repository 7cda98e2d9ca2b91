"""News recommendation from the text of articles and the clicks of users.

Parameters of training are documented in `TorchRecommender`.
"""

import copy
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skrec._checks import check_choice, check_flag, check_int
from skrec._memory import rows_per_block
from skrec.base import Recommendations
from skrec.base._allowed import Unknown
from skrec.base._item_index import ItemIndex
from skrec.base._lists import read_list_request
from skrec.base._parameters import Needs
from skrec.data import (
    HalfLife,
    Interactions,
    check_interactions,
    check_pairs,
    event_times,
    is_matrix,
    read_half_life,
    shown_events,
    with_event_times,
)
from skrec.engine import (
    NEEDS_DRAWN_NEGATIVES,
    Clock,
    Objective,
    State,
    TorchRecommender,
    check_layers,
    check_negatives,
    ranking_settings,
)
from skrec.engine.networks._news import News
from skrec.models._news_objective import DrawnClicks, ShownClicks
from skrec.models._news_times import Readers, appearance_times, first_times, has_appeared, is_before
from skrec.topk import Products

_ROW_BYTES = 2**12  # memory for one user or score


class NewsRecommender(TorchRecommender):
    """Recommend news by the text of the articles, the past clicks of the user and the age of the articles.

    The vector of an article is a network of its ``item_features``, such as text vectors. The vector of a user is a weighted
    mean of the vectors of the last ``max_length`` articles that the user clicked, and of one learned vector that stands for
    users without clicks. The score is the product of both, plus a learned weight that decays with the age of the article.

    In training and in `predict`, a user is represented only by clicks strictly before the time of the event. All events of an
    impression have the time of its first event. Without timestamps, rows are in order of time. Users without earlier clicks
    get the learned vector for such users. If X has no ``item_features``, `recommend` gives them the most popular articles.

    Events with a value above 0 are clicks. Events with value 0 are articles that were shown and not clicked. An impression is
    what one user was shown at a time. If two tables both number their impressions from 0, renumber one of them before you
    combine them. `recommend` leaves out all articles that the user was shown, unless ``exclude_seen=False``.

    Parameters
    ----------
    n_negatives : int, default=4
        Number of negatives drawn for each click.
    negatives : {"auto", "slate", "uniform", "popularity", "hard"}, default="auto"
        Articles that a click is compared with. "slate": the other articles of the impression. With ``loss="softmax"`` the loss
        is then the negative log-likelihood of the click given the shown articles. The others draw articles that the user never
        clicked, as in `PairRecommender`. With ``item_half_life``, only articles that had appeared by then are drawn. "auto" is
        "slate" if X has impressions with articles that were not clicked, else "uniform".
    batch_size : int, default=None
        Clicks in a minibatch. If None, 256.
    n_factors : int, default=64
        Width of the vectors.
    hidden_layer_sizes : tuple of int, default=()
        Widths of layers between the features and the vector. If empty, the map is linear.
    pooling : {"attention", "mean"}, default="attention"
        Weights of a user's articles in the mean: learned by "attention", or the same for all.
    max_length : int, default=50
        Number of clicks, the latest ones, that represent a user.
    id_embeddings : bool, default=None
        Whether each article also has a learned vector of its own. If None, only if X has no item features. If False, articles
        without clicks are ranked among the others.
    item_half_life : float, timedelta or str, default=None
        Age at which the learned weight of a new article is half. A number is in the unit of the timestamps (microseconds if
        they were datetimes). A timedelta, or text such as "6h", needs timestamps of a known unit, see ``timestamp_unit`` of
        `Interactions`. The age of an article is counted from its first event, shown or clicked. Articles without events
        appeared at the latest event of the training data. If None, age does not matter.
    dropout : float, default=0.2
        Share of the entries of the articles' vectors that are dropped in training.
    early_stopping : str or EarlyStopping, default=None
        As in `TorchRecommender`. Without validation data, the latest tenth of the impressions is held out. Without impressions,
        the latest events are held out. Without timestamps either, as in a matrix, random events are. ``validation_fraction`` of
        `EarlyStopping` is the fraction.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        User and item vectors. Their dot product is the score without the part of age. Users are represented by all their
        clicks.
    recency_weight_ : float
        Score that is added to a new article. It is 0 without ``item_half_life``.

    Notes
    -----
    Time of an epoch: a minibatch of B clicks computes the vectors of at most ``B * (max_length + candidates)`` articles, each
    once. Memory: the features and ``n_items * n_factors * 4`` bytes for the vectors, four times that with ``id_embeddings``.
    ``regularization`` applies to the articles' own vectors, ``weight_decay`` to all weights.

    References
    ----------
    Wu, Wu, An, Huang, Huang, Xie, "Neural News Recommendation with Attentive Multi-View Learning", IJCAI 2019, for the additive
    attention. Wu et al., "Neural News Recommendation with Multi-Head Self-Attention", EMNLP 2019, for several negatives.

    Examples
    --------
    The even users click sports, the others click music:

    >>> import numpy as np
    >>> from skrec import Interactions, NewsRecommender
    >>> rng = np.random.default_rng(0)
    >>> topics = np.repeat(np.eye(2), 10, axis=0)  # of 20 articles
    >>> users, shown = np.repeat(rng.integers(0, 8, 200), 2), rng.permuted(np.tile([0, 10], (200, 1)), axis=1).ravel()
    >>> shown = shown + np.repeat(rng.integers(0, 10, 200), 2)
    >>> news = Interactions.from_arrays(users, shown, users % 2 == shown // 10, impressions=np.repeat(np.arange(200), 2),
    ...                                 timestamps=np.repeat(np.arange(200), 2), n_items=20, item_features=topics)
    >>> model = NewsRecommender(n_factors=8, random_state=0).fit(news)
    >>> (model.recommend([2, 3], k=3, exclude_seen=False).items // 10).tolist()
    [[0, 0, 0], [1, 1, 1]]
    """

    n_negatives: int = 4
    negatives: Literal["auto", "slate", "uniform", "popularity", "hard"] = "auto"
    batch_size: int | None = None
    n_factors: int = 64
    hidden_layer_sizes: tuple[int, ...] = ()
    pooling: Literal["attention", "mean"] = "attention"
    max_length: int = 50
    id_embeddings: bool | None = None
    item_half_life: HalfLife | None = None
    dropout: float = 0.2

    _fixed = ("keep_events", "positive_from")
    _architecture_parameters = ("n_factors", "hidden_layer_sizes", "pooling", "id_embeddings", "item_half_life")
    _needs: ClassVar[dict[str, Needs]] = {
        "hidden_layer_sizes": Needs(
            lambda model: model.events_.item_features is not None or not model.hidden_layer_sizes, "item_features in X"
        ),
        "regularization": Needs(
            lambda model: model._has_ids or not model.regularization,
            "vectors of the articles' own, as with id_embeddings=True; weight_decay is a penalty of all weights",
        ),
        "n_negatives": NEEDS_DRAWN_NEGATIVES,
    }
    _ordered = True
    _answers_from_events = True
    # the timestamp that this copy of a model answers for; if None, after all events
    _time: int | None = None

    def recommend(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
        index: ItemIndex | None = None,
        at: Any = None,
    ) -> Recommendations:
        """Recommend the k best articles to each user, now or at another time.

        Parameters
        ----------
        users, k
            As for `BaseRecommender.recommend`. New users are represented by the clicks of their histories, without training.
        exclude_seen : bool, default=True
            Leave out articles that the user was shown, clicked or not.
        exclude, candidates, unknown
            As for `BaseRecommender.recommend`.
        index : None
            This model has no index, since its scores are not products of vectors.
        at : int, date, datetime or str, default=None
            The time of the recommendation. A whole number is in the unit of the timestamps. A date, a datetime, or text for
            one, needs timestamps of a known unit, see ``timestamp_unit`` of `Interactions`. Only earlier events count as
            clicks, as seen and for popularity. Articles whose first event is later are left out. Articles without events
            appeared at the latest event of the training data. Histories without timestamps count as earlier. If None, all
            events count, and articles have the age that they have at the latest event.

        Returns
        -------
        Recommendations

        Raises
        ------
        ValueError, TypeError
            As `BaseRecommender.recommend`. If ``at`` is not a time, or is a date and the unit of the timestamps is not known.
            If the model was fitted without timestamps.
        """
        if at is None:
            return super().recommend(
                users,
                k=k,
                exclude_seen=exclude_seen,
                exclude=exclude,
                candidates=candidates,
                unknown=unknown,
                index=index,
            )
        check_is_fitted(self)
        clock = self._readers.clock
        time = clock.timestamp(at)
        model = self._at(time)
        request = read_list_request(model, users, k, exclude_seen, exclude, candidates, unknown, index)
        query = request.query.where(lambda histories: is_before(histories, time))
        allowed = request.allowed.restricted(has_appeared(self.events_, clock, time))
        return replace(request, query=query, allowed=allowed).answer(model, slice(0, len(query)))

    def _at(self, time: int) -> Self:
        """A copy that answers for a timestamp, with the counts of earlier events."""
        model = copy.copy(self)
        model._time = time
        model._count(self.events_[is_before(self.events_, time)])
        return model

    def predict(self, X: Any) -> NDArray[np.float32]:
        """Predict scores of events, each at its own time, or of all items for new users.

        Parameters
        ----------
        X : DataFrame of events or Interactions, or a users x items matrix
            As for `BaseRecommender.predict`. With timestamps, the user of an event is represented by the clicks of the training
            data strictly before it, and the article has the age that it has at that time, counted from its first event in the
            training data or in X. Users without earlier clicks get the vector learned for such users. Without timestamps,
            events are scored as by `recommend`.

        Returns
        -------
        float32 array of shape (n_events,), or (n_rows, n_items_) for a matrix
        """
        check_is_fitted(self)
        data = None
        if not is_matrix(X):
            X = check_pairs(X, also=("timestamp", "impression") if self._knows_time else ())
            data = self._recode(X)
        if data is None or data.timestamps is None or not self._knows_time:
            return super().predict(X)
        # not by `_familiar_users`: whether a user has later clicks must not change a score
        familiar = (data.items >= 0) & self._familiar_items[data.items]
        scores = np.full(len(data), -np.inf, np.float32)
        if familiar.any():
            scores[familiar] = self._score_at_their_times(with_event_times(data)[familiar])
        return scores

    @torch.no_grad()
    def _score_at_their_times(self, events: Interactions) -> NDArray[np.float32]:
        # each user is encoded once for each time
        times, place = np.unique(event_times(events), return_inverse=True)
        _, first, reader = np.unique(events.users * len(times) + place, return_index=True, return_inverse=True)
        users = self._readers.of_events(self.module_.past, events[first])
        blocks = torch.arange(len(first), device=self.device_).split(rows_per_block(_ROW_BYTES))
        vectors = torch.cat([self.module_.encode(users.of(rows))[0] for rows in blocks])
        clock = self._readers.clock
        since_end = clock.since_end(times)[place]
        # an article that is newer than the training data appeared with its first event here
        appeared = first_times(self.events_, clock)
        np.minimum.at(appeared, events.items, since_end)
        ages = self._tensor(since_end - appeared[events.items])
        pairs = zip(
            *(part.split(rows_per_block(_ROW_BYTES)) for part in (self._tensor(reader), self._tensor(events.items), ages)),
            strict=True,
        )
        scores = [self.module_.match((vectors[rows],), items) + self.module_.freshness(age) for rows, items, age in pairs]
        return torch.cat(scores).cpu().numpy()

    @torch.no_grad()
    def _known_state(self, users: NDArray[np.int64]) -> State:
        past, codes = self.module_.past, self._tensor(users)
        if self._time is None:
            return self.module_.encode(past.after_all_events(codes))
        return self.module_.encode(self._readers.at(past, codes, np.full(len(users), self._time)))

    @torch.no_grad()
    def _new_state(self, histories: Interactions) -> State:
        past = self._readers.past(self.objective_.history(with_event_times(histories))).to(self.device_)
        users = past.after_all_events(torch.arange(histories.n_users, device=self.device_))
        if self._time is not None:
            users = users._replace(times=torch.full_like(users.times, float(self._readers.clock.since_end(self._time))))
        return self.module_.state_from(past, users)

    @torch.no_grad()
    def _formula(self) -> Products | None:
        if self.device_ != "cpu":
            return None
        times = 0 if self._time is None else self._readers.clock.since_end(self._time)
        freshness, vectors = self.module_.freshness(float(times) - self.module_.appeared), self.module_.vectors
        return Products(vectors.numpy(), self._state_vectors, freshness.numpy() if isinstance(freshness, Tensor) else None)

    def _score_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.module_.text is None:
            return super()._score_pairs(users, items)
        scores = np.full(len(users), -np.inf, np.float32)
        scores[items >= 0] = self._forward(np.minimum(users, self.n_users_)[items >= 0], items[items >= 0])
        return scores

    @property
    def _described_items(self) -> NDArray[np.bool_]:
        return np.full(self.n_items_, self.module_.text is not None)

    def _familiar_users(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        return super()._familiar_users(users) | (self.module_.text is not None)

    def _familiar_histories(self, histories: Interactions) -> NDArray[np.bool_]:
        return super()._familiar_histories(histories) | (self.module_.text is not None)

    @property
    def recency_weight_(self) -> float:
        """Score that is added to a new article. It is 0 without ``item_half_life``."""
        return 0.0 if self.item_half_life is None else float(self.module_.recency_weight.detach())

    # ---- training ----------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self._predicts_ratings:
            raise ValueError("NewsRecommender ranks what was shown: loss='mse' is for models of ratings")
        check_negatives(self, ("auto", "slate", "uniform", "popularity", "hard"))
        check_int(self.n_factors, "n_factors", at_least=1)
        check_int(self.max_length, "max_length", at_least=1)
        check_layers(self.hidden_layer_sizes, self.dropout, at_least=0)
        check_choice(self.pooling, "pooling", ("attention", "mean"))
        if self.id_embeddings is not None:
            check_flag(self.id_embeddings, "id_embeddings")
        if self.id_embeddings is False and self.events_.item_features is None:
            raise ValueError("id_embeddings=False needs item_features in X, and X has none")
        half_life = read_half_life(self.item_half_life, self.events_, "item_half_life")
        if half_life is not None:
            self._clock.warn_of_unlikely_half_life(half_life, "item_half_life")

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        held_out = None if validation is None else validation.data
        if held_out is not None and not self._knows_time and not is_matrix(held_out):
            # X has no times to compare them with
            validation = validation._replace(data=check_interactions(held_out)._replace(timestamps=None))
        super()._fit_validated(with_event_times(data), validation)

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        super()._partial_fit(with_event_times(events), before)

    @property
    def _knows_time(self) -> bool:
        return self.events_.timestamps is not None

    @property
    def _compares_times(self) -> bool:
        return True

    @property
    def _clock(self) -> Clock:
        return Clock.of(self.events_)

    @property
    def _readers(self) -> Readers:
        return self.objective_.readers  # type: ignore[attr-defined] # both objectives have them

    def _objective(self) -> Objective:
        clock = self._clock
        readers = Readers(self.n_users_, self.max_length, clock)
        settings = ranking_settings(self, self.batch_size or 256, hard=self.negatives == "hard")
        if self.negatives == "slate" or (self.negatives == "auto" and self._has_shown_without_click):
            return ShownClicks(**settings, readers=readers)
        return DrawnClicks(
            **settings,
            sampling="popularity" if self.negatives == "popularity" else "uniform",
            n_negatives=self.n_negatives,
            readers=readers,
            appeared=None if self.item_half_life is None else appearance_times(self.events_, clock),
        )

    @property
    def _has_shown_without_click(self) -> bool:
        if self.events_.impressions is None:
            return False
        return not self._informative(shown_events(self.events_)).all()

    @property
    def _has_ids(self) -> bool:
        return self.events_.item_features is None if self.id_embeddings is None else self.id_embeddings

    def _build(self, events: Interactions) -> News:
        return News(
            self._readers.past(events[self._informative(events)]),
            events.item_features,
            appearance_times(self.events_, self._clock),
            self.n_factors,
            hidden_layer_sizes=tuple(self.hidden_layer_sizes),
            has_ids=self._has_ids,
            has_attention=self.pooling == "attention",
            half_life=read_half_life(self.item_half_life, self.events_, "item_half_life"),
            dropout=self.dropout,
        )
