"""News: articles known by their text, readers by what they have clicked."""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skrec._checks import check_choice, check_flag, check_int, check_number
from skrec._memory import rows_per_block
from skrec.base import Recommendations
from skrec.base._allowed import Unknown
from skrec.base._parameters import Needs
from skrec.data import Interactions, check_interactions, check_pairs, event_times, is_matrix, shown_events, with_event_times
from skrec.engine import (
    DRAWN,
    TICKS_PER_SECOND,
    Asked,
    Objective,
    PastTable,
    Ranking,
    State,
    TorchRecommender,
    check_layers,
    check_negatives,
)
from skrec.engine.networks._news import News
from skrec.models._news_moments import AskedAtMoments
from skrec.models._news_objective import DrawnClicks, Readers, ShownClicks

_ROW_BYTES = 2**12  # that a reader or a score takes


class NewsRecommender(AskedAtMoments):
    """News by their text: a reader is what they have clicked, an article what it says, and its age counts.

    The vector of an article is a network of its ``item_features``, such as text vectors; that of a reader a weighted mean of
    the vectors of the last ``max_length`` articles that they clicked strictly before the moment in question, and of one for
    newcomers, which is learned too and counts as a few clicks. Their product is the score, plus what the article's age at that
    moment is worth. Neither in training nor in `predict` does a reader's vector know the click that is to be predicted, or
    anything as late or later. What was shown together happened at once; without timestamps the order of rows is that of time.
    Whoever had not clicked anything by then is a newcomer, and ranked for by that vector and by age. Where nothing but ids is
    known of articles, `recommend` gives them what was popular.

    Events with value 0 are articles that were shown and not clicked; with an ``impression`` column, the clicks are compared
    with what was shown beside them. `negatives` says what else they may be compared with, so that the assumptions can be
    compared by the same metrics (``get_scorer("impression_auc")``, ``"impression_ndcg@5"``). An impression is what one user was
    shown: tables that both number theirs from 0 must be renumbered before they are put together. `recommend` hides all that the
    user was shown, not only what they clicked; ``exclude_seen=False`` shows it again.

    Parameters
    ----------
    n_negatives : int, default=4
        For each click, where they are drawn.
    negatives : {"auto", "slate", "uniform", "popularity", "hard"}, default="auto"
        What a click is compared with. "slate": what was shown in the same impression; with ``loss="softmax"`` this is the
        likelihood of the click given what was shown. Else articles that the user never clicked, as for `TorchRecommender`; with
        a ``recency_half_life`` only those that had appeared by then. "auto" is "slate" where X has impressions and says what
        was not clicked, else "uniform".
    batch_size : int, default=None
        Clicks in a minibatch; None means 256.
    n_factors : int, default=64
        Width of the vectors.
    hidden_layer_sizes : tuple of int, default=()
        Widths of layers between the features and the vector; without any it is a linear map.
    pooling : {"attention", "mean"}, default="attention"
        Whether it is learned which articles tell most about their readers, or all count alike.
    max_length : int, default=50
        How many clicks are looked at, the latest ones.
    id_embeddings : bool, default=None
        Whether each article has a learned vector of its own beside what the features say. None means only where X has no item
        features. Without, articles that nobody has clicked are ranked among the others.
    recency_half_life : float, default=None
        Hours in which the learned worth of being new halves. An article's age is counted from its first event, shown or
        clicked; one without any appeared at the latest moment of the training data. Needs timestamps. None leaves age aside.
    time_unit : {"s", "ms", "us"}, default="s"
        Of the timestamps, for ``recency_half_life`` and ``at``: seconds since 1970, or "us", as which datetimes are kept.
    dropout : float, default=0.2
        Share of the entries of the articles' vectors that are dropped in training.
    validation_fraction : float, default=0.1
        Part of the impressions held out for ``early_stopping``, the latest ones, so that nothing is foretold from what came
        after it. Without impressions these are the latest events; without times either, such as of a matrix, random ones.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        Vectors whose product is the score but for recency; users after all that they clicked.
    recency_weight_ : float
        What being brand-new adds to the score; 0 without ``recency_half_life``.

    Notes
    -----
    Time of an epoch: each minibatch of B clicks reads its articles, at most ``B * (max_length + candidates)``, each once.
    Memory: the features, and n_items * n_factors * 4 bytes for the vectors; with ``id_embeddings`` four times that.
    ``regularization`` is about the articles' own vectors; ``weight_decay`` is about all weights.

    References
    ----------
    Wu, Wu, An, Huang, Huang, Xie, "Neural News Recommendation with Attentive Multi-View Learning", IJCAI 2019, for the additive
    attention; Wu et al., "Neural News Recommendation with Multi-Head Self-Attention", EMNLP 2019, for several negatives.

    Examples
    --------
    Readers of one half click what is about sports, the others what is about music:

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
    recency_half_life: float | None = None
    time_unit: Literal["s", "ms", "us"] = "s"
    dropout: float = 0.2

    _architecture_parameters = ("n_factors", "hidden_layer_sizes", "pooling", "id_embeddings", "recency_half_life", "time_unit")
    _ordered = True
    _needs: ClassVar[dict[str, Needs]] = {
        "hidden_layer_sizes": Needs(
            lambda model: model.events_.item_features is not None or not model.hidden_layer_sizes, "item_features in X"
        ),
        "regularization": Needs(
            lambda model: model._has_ids or not model.regularization,
            "vectors of the articles' own, as with id_embeddings=True; weight_decay is a penalty of all weights",
        ),
        "time_unit": Needs(lambda model: model._knows_time, "timestamps in X"),
        "n_negatives": DRAWN,
    }
    _has_sparse_gradients = False
    _folds_in = False

    def recommend(
        self,
        users: Any = None,
        *,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Any = None,
        candidates: Any = None,
        unknown: Unknown = "raise",
        at: Any = None,
    ) -> Recommendations:
        """The k best articles for each user, as `BaseRecommender.recommend` says, at some moment.

        Parameters
        ----------
        users, k, exclude, candidates, unknown
            As for `BaseRecommender.recommend`. New users are read from their history, without training.
        exclude_seen : bool, default=True
            Leave out what the user was shown, clicked or not.
        at : int or datetime, default=None
            When is asked, in the unit of the timestamps: readers are what they had clicked before, articles as old as they were
            then. What was seen and what was popular are of earlier events; an article whose first event is later is left out.
            One without any has appeared at the latest event of the training data. A history without times was all before. None
            means after everything that is known, articles as old as at that latest event.

        Returns
        -------
        Recommendations

        Raises
        ------
        ValueError, TypeError
            As `BaseRecommender.recommend`; if ``at`` is no time, or the model was fitted without timestamps.
        """
        model = self if at is None else self._as_of(at)
        return TorchRecommender.recommend(
            model, users, k=k, exclude_seen=exclude_seen, exclude=exclude, candidates=candidates, unknown=unknown
        )

    def predict(self, X: Any) -> NDArray[np.float32]:
        """Scores of events, each at its own time, or of all items for new users.

        Parameters
        ----------
        X : DataFrame of events or Interactions, or a users x items matrix
            As for `BaseRecommender.predict`. With timestamps each event is scored for what its user had clicked strictly before
            it in the training data, and for the age of its article at that time, counted from its first event there or in X;
            without, as by `recommend`. Whoever had not clicked anything by then is a newcomer.

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
        # who a reader is by then does not depend on what they clicked later, nor on whether they clicked anything
        familiar = (data.items >= 0) & self._familiar_items[data.items]
        scores = np.full(len(data), -np.inf, np.float32)
        if familiar.any():
            scores[familiar] = self._score_at_their_times(with_event_times(data)[familiar])
        return scores

    @torch.no_grad()
    def _score_at_their_times(self, events: Interactions) -> NDArray[np.float32]:
        # a reader is the same for all that they are shown at once
        times, moment = np.unique(event_times(events), return_inverse=True)
        _, first, reader = np.unique(events.users * len(times) + moment, return_index=True, return_inverse=True)
        asked = self._readers.at_times(self.module_.past, events[first])
        blocks = torch.arange(len(first), device=self.device_).split(rows_per_block(_ROW_BYTES))
        readers = torch.cat([self.module_.encode(asked.of(rows))[0] for rows in blocks])
        hours = self._clock.hours(times)
        # what is shown has appeared: an article that is newer than the training data is as old as its first event here
        appeared = self._first_events()
        np.minimum.at(appeared, events.items, hours[moment])
        ages = self._tensor(hours[moment] - appeared[events.items])
        pairs = zip(
            *(part.split(rows_per_block(_ROW_BYTES)) for part in (self._tensor(reader), self._tensor(events.items), ages)),
            strict=True,
        )
        scores = [self.module_.match((readers[rows],), items) + self.module_.freshness(old) for rows, items, old in pairs]
        return torch.cat(scores).cpu().numpy()

    def _known_state(self, users: NDArray[np.int64]) -> State:
        return self._state_by(self.module_.past, self._tensor(users), at=self._moment)

    def _new_state(self, histories: Interactions) -> State:
        past = self._readers.past(self.objective_.history(with_event_times(histories))).to(self.device_)
        state = self._state_by(past, torch.arange(histories.n_users, device=self.device_), at=None)
        return state if self._moment is None else (state[0], torch.full_like(state[1], float(self._clock.hours(self._moment))))

    @torch.no_grad()
    def _state_by(self, past: PastTable, users: Tensor, *, at: int | None) -> State:
        if at is None:
            return self.module_.state_by(past, past.at_the_end(users))
        stops = past.stops(users, torch.full_like(users, at))
        hours = torch.full_like(users, float(self._clock.hours(at)), dtype=torch.float32)
        return self.module_.state_by(past, Asked(users, stops, hours))

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
        return 0.0 if self.recency_half_life is None else float(self.module_.recency_weight.detach())

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
        check_choice(self.time_unit, "time_unit", tuple(TICKS_PER_SECOND))
        if self.id_embeddings is not None:
            check_flag(self.id_embeddings, "id_embeddings")
        if self.id_embeddings is False and self.events_.item_features is None:
            raise ValueError("id_embeddings=False leaves nothing to know articles by: X has no item_features")
        if self.recency_half_life is not None:
            check_number(self.recency_half_life, "recency_half_life", above=0)
            if not self._knows_time:
                raise ValueError(f"recency_half_life={self.recency_half_life!r} needs timestamps, and X has none")
            self._clock.check()
            self._clock.check_half_life(self.recency_half_life)

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        timed = self._timed(data)
        if validation is not None and not self._knows_time and not is_matrix(validation):
            validation = check_interactions(validation)._replace(timestamps=None)  # nothing there to compare its times with
        super()._fit_validated(timed, validation)

    def _partial_fit(self, events: Interactions, before: Any) -> None:
        super()._partial_fit(self._timed(events), before)

    def _timed(self, data: Interactions) -> Interactions:
        return data if self.half_life is not None and data.timestamps is None else with_event_times(data)

    @property
    def _readers(self) -> Readers:
        return Readers(self.n_users_, self.max_length, self._clock)

    def _objective(self) -> Objective:
        is_slate = self.negatives == "slate" or (self.negatives == "auto" and self._tells_what_was_not_clicked)
        losses = self._both_losses()
        base = Ranking(
            losses=losses.of_hardest() if self.negatives == "hard" else losses,
            half_life=self.half_life,
            batch_size=self.batch_size or 256,
            positive_from=self.positive_from,
        )
        if is_slate:
            return ShownClicks(**vars(base), readers=self._readers)
        return DrawnClicks(
            **vars(base),
            sampling="popularity" if self.negatives == "popularity" else "uniform",
            n_negatives=self.n_negatives,
            readers=self._readers,
            appeared=None if self.recency_half_life is None else self._appeared(),
        )

    @property
    def _tells_what_was_not_clicked(self) -> bool:
        if self.events_.impressions is None:
            return False
        return not self._informative(shown_events(self.events_)).all()

    @property
    def _has_ids(self) -> bool:
        return self.events_.item_features is None if self.id_embeddings is None else self.id_embeddings

    def _build(self, events: Interactions) -> News:
        features = events.item_features
        return News(
            self._readers.past(events[self._informative(events)]),
            features,
            self._appeared(),
            self.n_factors,
            hidden_layer_sizes=tuple(self.hidden_layer_sizes),
            has_ids=self._has_ids,
            has_attention=self.pooling == "attention",
            half_life=self.recency_half_life,
            dropout=self.dropout,
        )
