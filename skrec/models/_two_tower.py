"""Two towers: users and items represented by embeddings and features.

Parameters of training are documented in `TorchRecommender`, `y_range` and the negatives in `PairRecommender`.
"""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skrec._checks import check_int, check_number
from skrec._memory import rows_per_block
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine import (
    PairRecommender,
    State,
    Tower,
    check_layers,
    feature_table,
    learn_prior,
)
from skrec.engine.networks._two_tower import TwoTower

_FEATURES = "user_features or item_features in X"
_PAIR_BYTES = 2**10


class TwoTowerRecommender(PairRecommender):
    """Two towers: the vector of a user or an item is an embedding plus a function of its features.

    The score is the dot product of both vectors. Features are the ``user_features`` and ``item_features`` of `Interactions`.
    They may be given for both sides, one or none. A side without features has embeddings only. An item with features is ranked
    before it has events, and a user with features gets a personal ranking before having events.

    Parameters
    ----------
    loss : str or callable, default="softmax"
        "softmax", "bpr", "bce" and "warp" rank positive events above other items. "mse" predicts values. A callable is
        described in `TorchRecommender`.
    negatives : {"auto", "uniform", "popularity", "hard", "in_batch", "all", "slate"}, default="in_batch"
        Items that a positive event is compared with, as in `PairRecommender`. "in_batch" corrects scores by the frequency of an
        item in a minibatch.
    n_factors : int, default=64
        Number of dimensions of the vectors.
    hidden_layer_sizes : tuple of int, default=()
        Sizes of the hidden layers with ReLU between features and vectors, the same on both sides. With an empty tuple, vectors
        are linear in the features.
    dropout : float, default=0.0
        Dropout probability after each hidden layer, in training.
    id_dropout : float, default=0.3
        Probability that an embedding is left out in training, on a side with features, so that features alone give usable
        vectors.
    init_std : float, default=0.01
        Standard deviation of the normal distribution from which the embeddings are initialized.
    temperature : float, default=None
        If given, the score is the cosine of the two vectors divided by it. Values from 0.05 to 0.2 suit ``loss="softmax"``. If
        None, the score is the dot product.

    Attributes
    ----------
    user_embeddings_, item_embeddings_ : float32 arrays of shape (n_users_, n_factors) and (n_items_, n_factors)
        Vectors of the towers. Their dot product is the score, up to the mean of ratings.

    Notes
    -----
    New items and users are added in one of these ways:

    * with a row of features and no events in the data of `fit`,
    * by ``partial_fit(Interactions.from_features(...))``, which does not train,
    * users only: by ``recommend(Interactions.from_features(user_features=...))``, which does not store them.

    Items without events are not used in training. The events of a user are folded in, in addition to the features.

    An epoch takes ``n_events * (batch_size + m) * n_factors`` operations, where m is the number of nonzero features of a user
    and an item, or the number of all features if they are dense arrays. Hidden layers add the products of their sizes to ``m *
    n_factors``. Memory is the features themselves and ``(n_users + n_items) * n_factors * 20`` bytes.

    References
    ----------
    Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019. Dropout of
    embeddings: Volkovs, Yu, Poutanen, "DropoutNet: Addressing Cold Start in Recommender Systems", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skrec import Interactions, TwoTowerRecommender
    >>> users, items = np.nonzero(np.kron(np.eye(2), np.ones((4, 4))))  # two groups
    >>> genres = np.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1, 0, 1]]  # the last two films are new
    >>> plays = Interactions.from_arrays(users, items, n_items=10, item_features=genres)
    >>> model = TwoTowerRecommender(n_factors=4, max_epochs=60, batch_size=8, random_state=0).fit(plays)
    >>> model.recommend([0, 5], k=1).items.tolist()
    [[8], [9]]
    """

    negatives: Literal["auto", "uniform", "popularity", "hard", "in_batch", "all", "slate"] = "in_batch"
    n_factors: int = 64
    hidden_layer_sizes: tuple[int, ...] = ()
    dropout: float = 0.0
    id_dropout: float = 0.3
    init_std: float = 0.01
    temperature: float | None = None

    _architecture_parameters = ("n_factors", "hidden_layer_sizes", "temperature", "y_range")
    _needs: ClassVar[dict[str, Needs]] = {
        "hidden_layer_sizes": Needs(lambda model: model._has_features or not model.hidden_layer_sizes, _FEATURES),
        "dropout": Needs(
            lambda model: model._has_features and len(model.hidden_layer_sizes) > 0, f"hidden layers, and {_FEATURES}"
        ),
        "id_dropout": Needs(lambda model: model._has_features, _FEATURES),
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.n_factors, "n_factors", at_least=1)
        check_layers(self.hidden_layer_sizes, self.dropout, at_least=0)
        check_number(self.id_dropout, "id_dropout", at_least=0, below=1)
        check_number(self.init_std, "init_std", above=0)
        if self.temperature is not None:
            check_number(self.temperature, "temperature", above=0)
            if self._predicts_ratings:
                raise ValueError(f"temperature must be None for loss='mse', got {self.temperature!r}")

    @property
    def _has_features(self) -> bool:
        return self.events_.user_features is not None or self.events_.item_features is not None

    def _build(self, events: Interactions) -> TwoTower:
        users = self._tower(events.n_users, events.user_features, events.users)
        return TwoTower(users, self._tower(events.n_items, events.item_features, events.items), temperature=self.temperature)

    def _tower(self, n: int, features: Any, codes: NDArray[np.int64]) -> Tower:
        return Tower(
            n,
            self.n_factors,
            features,
            np.bincount(codes, minlength=n) > 0,
            hidden_layer_sizes=tuple(self.hidden_layer_sizes),
            dropout=self.dropout,
            id_dropout=self.id_dropout,
            std=self.init_std,
        )

    @property
    def _described_items(self) -> NDArray[np.bool_]:
        return np.full(self.n_items_, self.events_.item_features is not None)

    def _familiar_users(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        return super()._familiar_users(users) | (self.events_.user_features is not None)

    def _familiar_histories(self, histories: Interactions) -> NDArray[np.bool_]:
        has_features = self.events_.user_features is not None and histories.user_features is not None
        return super()._familiar_histories(histories) | has_features

    @property
    def _compared_items(self) -> NDArray[np.bool_]:
        return self.module_.items.has_events[:, 0].cpu().numpy() > 0  # the items that training compares with

    def predict(self, X: Any) -> NDArray[np.float32]:
        """Scores of the events of a table, or of all items for the rows of a matrix, as in `BaseRecommender.predict`.

        Parameters
        ----------
        X : Interactions, DataFrame of events, or users x items matrix
            The pairs to score. Unknown users of Interactions with ``user_features`` are scored by these features.

        Returns
        -------
        float32 array of shape (n_events,) or (n_users, n_items_)
            Scores, or predicted ratings with ``loss="mse"``.
        """
        scores = super().predict(X)
        if not isinstance(X, Interactions) or X.user_features is None or self.module_.users.feature_mlp is None:
            return scores
        data = self._recode(X)
        unknown = np.flatnonzero((data.users >= self.n_users_) & (data.items >= 0))
        if len(unknown):
            users, rows = np.unique(X.users[unknown], return_inverse=True)
            of_features, items = self._vectors_of_features(X.user_features[users]), self._tensor(data.items[unknown])
            parts = zip(*(pairs.split(rows_per_block(_PAIR_BYTES)) for pairs in (self._tensor(rows), items)), strict=True)
            with torch.no_grad():
                scores[unknown] = (
                    torch.cat([self.module_.score((of_features[row],), item) for row, item in parts]).cpu().numpy()
                )
        return scores

    # ---- new users with features -------------------------------------------------------------------------------------------

    def _new_state(self, histories: Interactions) -> State:
        if histories.user_features is None or self.module_.users.feature_mlp is None:
            return super()._new_state(histories)
        of_features = self._vectors_of_features(histories.user_features)
        history = self.objective_.history(histories)
        (own,) = self._fold_in()._replace(prior=self._own_prior()).states(history, added=of_features)
        has_past = self._tensor(super()._familiar_histories(history))
        return (torch.where(has_past[:, None], own, 0) + of_features,)

    @torch.no_grad()
    def _vectors_of_features(self, features: Any) -> Tensor:
        """The vectors (n_users, d) of new users by their features, with the part that all users share."""
        feature_mlp, known = self.module_.users.feature_mlp, self.events_.user_features.shape[1]
        if features.shape[1] != known:
            raise ValueError(
                f"user_features must have the {known} columns that the model was fitted with, got {features.shape[1]}"
            )
        rows = feature_table(features).to(self.device_)
        return feature_mlp(rows(torch.arange(features.shape[0], device=self.device_))) + self.module_.common

    def _own_prior(self) -> Any:
        """Prior of the embeddings of users, with mean 0."""
        own = self.module_.users.table.weight.detach()[self._tensor(np.flatnonzero(self.has_past_))]
        prior = learn_prior([(own,)])
        return prior._replace(mean=torch.zeros_like(prior.mean))
