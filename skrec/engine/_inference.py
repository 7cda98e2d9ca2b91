"""Scores of a trained network, for users it knows and users it does not."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec.base import BaseRecommender
from skrec.base._divergence import divergence
from skrec.base._frame import in_order_of_users, take, take_some
from skrec.data import Interactions, by_weight, fade, is_positive
from skrec.engine import fold_in
from skrec.engine._embedding_network import EmbeddingNetwork
from skrec.engine._layers import prepare
from skrec.engine._losses import LOSSES, Loss, hardest, softmax, warp
from skrec.engine._negatives import log_share
from skrec.engine._rows import RowTable
from skrec.engine.fold_in import (
    WIDENING,
    WIDENING_OF_DIRECTIONS,
    Events,
    Explained,
    FrozenNetwork,
    Likelihood,
    Pool,
    Prior,
    PriorOfDirections,
    State,
    curvature_of_events,
    freeze,
    learn_prior,
    most_probable,
)

_FLOATS = 2**24
_USERS_AT_ONCE = 2**14
_FEW_NEGATIVES = 4  # for each event of a history, where training drew none
_USERS_TO_ALIGN = 8
# items that events are compared with in fold-in: fewer where each score is a pass through a network
_COMPARED_FLOATS, _LEAST_COMPARED, _MOST_COMPARED = 2**17, 512, 2048
# in units of scores: a loss with corners has no second derivatives, without which no solver converges fast
_WIDTH_OF_CORNERS = 0.2
# ratings that were learned to the last digit would leave fold-in nothing to weigh its prior by
_LEAST_NOISE = 1e-9


class NetworkInference(BaseRecommender):
    """Known users by their rows of the network, new ones by fold-in; see `TorchRecommender`.

    What the network was trained by, ``loss``, ``negatives`` and ``n_negatives``, is what new users are folded in by.
    """

    # what is about whole rows, unless negatives are asked for
    _losses_of_rows: ClassVar[tuple[str, ...]] = ("softmax",)
    _losses: ClassVar[dict[str, Loss]] = LOSSES
    _kinds_of_negatives: ClassVar[tuple[str, ...]] = ("auto", "uniform", "popularity", "hard", "in_batch", "all", "slate")

    if TYPE_CHECKING:  # an annotation that runs would make a parameter
        loss: Any
        negatives: Any
        n_negatives: Any
        y_range: Any
        positive_from: float | None
        half_life: float | None
    else:  # what a model goes by that does not have these parameters
        negatives, n_negatives, y_range = "auto", 1, None

    @property
    def _predicts_ratings(self) -> bool:
        return self.loss == "mse"

    @property
    def _learns_from_slates(self) -> bool:
        return self.negatives == "slate"

    @property
    def _learns_from_rows(self) -> bool:
        """Whether an example is a user with all their positives at once."""
        return not self._predicts_ratings and self._resolved_negatives() == "all"

    def _resolved_negatives(self) -> str:
        """What positives are compared with."""
        if self.negatives == "hard":
            return "uniform"  # of which the loss looks at the hardest
        if self.negatives != "auto":
            return self.negatives
        return "all" if self.loss in self._losses_of_rows else "uniform"

    @property
    def _draws_negatives(self) -> bool:
        """Whether ``n_negatives`` are drawn for each positive event, or for each minibatch."""
        return not self._predicts_ratings and self._resolved_negatives() in ("uniform", "popularity", "shared")

    def _no_negatives(self, known: Interactions) -> RowTable | None:
        """What of a minibatch's items is none for a user; a softmax stands for the whole catalogue, of which all are a part."""
        return None if self.loss == "softmax" else RowTable(known.to_csr(duplicates="any"))

    def _named_loss(self, name: str, width: float) -> Loss:
        return partial(warp, n_items=self.n_items_, width=width) if name == "warp" else self._losses[name]

    def _loss_function(self, *, width: float = 0.0) -> Loss:
        """The loss, whose corners a ``width`` above 0 makes round."""
        loss = self._named_loss(self.loss, width) if isinstance(self.loss, str) else self.loss
        return hardest(loss, width=width) if self.negatives == "hard" else loss

    def _informative(self, data: Interactions) -> NDArray[np.bool_]:
        if self._predicts_ratings:
            return super()._informative(data)
        return is_positive(data.values, self.positive_from)

    def _adopt(self, network: nn.Module, device: torch.device, train_loss: float) -> None:
        """Take over a network; the users it was trained on are the prior for new ones."""
        # Lightning brings a network back from where it was trained
        self.module_, self.device_, self.train_loss_ = network.to(device), str(device), train_loss
        prepare(network)
        with torch.no_grad():
            users = self._tensor(np.flatnonzero(self.has_past_)).split(_USERS_AT_ONCE)
            is_of_directions = getattr(network, "temperature", None) is not None
            widening = WIDENING_OF_DIRECTIONS if is_of_directions else WIDENING
            try:
                prior = learn_prior(map(network.encode, users), widening=widening)
            except torch.linalg.LinAlgError as error:
                what = "training diverged: the users' vectors are too large"
                raise divergence(self, what, of_values=self._predicts_ratings) from error
        self.prior_ = PriorOfDirections(*prior) if is_of_directions else prior

    def _align_prior(self) -> None:
        """Put the prior into the principal axes of what an event says about states, where new users are folded in.

        By the histories of some users of training. It changes how soon fold-in converges, and not where. A loss that is the
        user's own function is called for training and for new users only.
        """
        reads_histories = type(self)._new_state is not NetworkInference._new_state or hasattr(self.module_, "encode_rows")
        if reads_histories or callable(self.loss):
            return
        prior = self.prior_
        users = np.flatnonzero(self.has_past_)
        users = users[np.unique(np.linspace(0, len(users) - 1, min(len(users), _USERS_TO_ALIGN)).astype(int))]
        histories = self._relevant(in_order_of_users(take_some(self.events_, users)))
        network = freeze(self.module_, prior)
        explained = network.vectors, self._likelihood(network, histories)
        states, n_events = self._known_state(users), self._n_events(histories).sum()
        self.prior_ = prior.aligned(curvature_of_events(prior, states, n_events, explained))

    def _tensor(self, array: NDArray) -> Tensor:
        return torch.tensor(array, device=self.device_)

    @torch.no_grad()
    def _known_state(self, users: NDArray[np.int64]) -> State:
        return self.module_.encode(self._tensor(users))

    @torch.no_grad()
    def _score(self, state: State, items: slice) -> Tensor:
        candidates = torch.arange(items.start, items.stop, device=self.device_)[None]
        height = max(1, _FLOATS // (candidates.shape[1] * getattr(self.module_, "floats_per_score", 1)))
        # one answer to write into: many small ones kept between large temporaries would leave the heap full of holes
        scores = torch.empty(len(state[0]), candidates.shape[1], device=self.device_)
        for start in range(0, len(scores), height):
            block = slice(start, start + height)
            scores[block] = self.module_.score(tuple(part[block] for part in state), candidates)
        return scores

    # ---- more events ---------------------------------------------------------------------------------------------------

    def _grown(self, network: nn.Module, events: Interactions, before: Any) -> nn.Module:
        """A network for all events with what the model ``before`` has learned from the first of them.

        Users without a past until now are folded in; items that nobody had touched get the mean row of the others.
        """
        if not isinstance(network, EmbeddingNetwork):
            raise NotImplementedError(
                f"the network of {type(self).__name__} is no EmbeddingNetwork, so there is no telling where a new user or item "
                "would stand in it: fit it again"
            )
        network.adopt_rows(before.module_)
        had_past, had_users = _longer(before.has_past_, self.n_users_), _longer(before._item_counts > 0, self.n_items_)
        items = np.flatnonzero((self._item_counts > 0) & ~had_users)
        if len(items):
            network.place_items(torch.tensor(items), torch.tensor(np.flatnonzero(had_users)))
        users = np.flatnonzero(self.has_past_ & ~had_past)
        if len(users) and network.user_tables:
            state = before._new_state(_histories(events, users, before.n_items_))
            weight = next(network.parameters())
            network.place_users(torch.tensor(users), tuple(part.to(weight.device, weight.dtype) for part in state))
        return network

    # ---- new users ---------------------------------------------------------------------------------------------------

    def _relevant(self, histories: Interactions) -> Interactions:
        """What of histories the loss is about, with the weights that it has."""
        histories = histories[self._informative(histories)]
        histories = histories[histories.last_of_each_pair()]
        return histories if histories.timestamps is None else fade(histories, self.half_life)

    def _new_state(self, histories: Interactions) -> State:
        histories = self._relevant(histories)
        if hasattr(self.module_, "encode_rows"):
            return self._read(histories)
        parts = [self._most_probable(take(histories, users)) for users in self._fold_in_blocks(histories)]
        return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))

    @torch.no_grad()
    def _read(self, histories: Interactions) -> State:
        """The states that a network makes of histories by itself."""
        rows = RowTable(self._rows_of(histories)).to(self.device_)
        return self.module_.encode_rows(rows(torch.arange(histories.n_users, device=self.device_)))

    def _rows_of(self, events: Interactions) -> sp.csr_array:
        """What a network reads: ones at positive events, their weights, or ratings."""
        if self._predicts_ratings:
            return events.to_csr()
        return self._counts_of(events[self._informative(events)])

    def _counts_of(self, events: Interactions) -> sp.csr_array:
        """How much each pair counts: ones, or the weights of the events."""
        return events.to_csr(duplicates="any") if events.weights is None else by_weight(events).to_csr()

    def _most_probable(self, histories: Any) -> State:
        """The states that explain some histories best."""
        return self._explained(histories, self.prior_, lambda users, state: state)

    def _explained(self, histories: Interactions, prior: Prior, shift: Callable[[Tensor, State], State]) -> State:
        """The most probable states, of which ``shift(users, state)`` makes what the network knows users by."""
        network = freeze(self.module_, self.prior_)

        def explained(users: Tensor) -> Explained:
            likelihood = self._likelihood(network, take_some(histories, users.cpu().numpy()))
            return lambda state: network.vectors(shift(users, state)), likelihood

        return most_probable(prior, self._tensor(self._n_events(histories)), explained)

    def _n_events(self, histories: Interactions) -> NDArray[np.float64]:
        """How much the history of each user weighs."""
        return np.bincount(histories.users, weights=histories.weights, minlength=histories.n_users).astype(float)

    def _likelihood(self, network: FrozenNetwork, histories: Interactions) -> Likelihood:
        """Minus the log-likelihoods of histories, by the loss that the model was trained by."""
        if self._predicts_ratings:
            return fold_in.ratings(network, self._events(histories), noise=self._noise)
        negatives, loss = self._resolved_negatives(), self._loss_function(width=_WIDTH_OF_CORNERS)
        # a softmax whose draws are corrected for stands for the one over the whole catalogue
        is_corrected = self.loss == "softmax" and negatives in ("popularity", "in_batch")
        if negatives != "all" and not is_corrected:
            n_negatives = self.n_negatives if self._draws_negatives else _FEW_NEGATIVES
            return fold_in.pairs(network, self._events(histories), self._pool(), loss, n_negatives=n_negatives)
        target = RowTable(self._rows_of(histories)).to(self.device_)(torch.arange(histories.n_users, device=self.device_))
        compared = self._tensor(self._compared_items)
        if loss is softmax:
            return fold_in.softmax_of_rows(network, target, compared)
        return fold_in.rows(network, target, compared, loss)

    @property
    def _noise(self) -> float:
        """Variance of the error of a rating."""
        return max(self.train_loss_, _LEAST_NOISE)

    @property
    def _compared_items(self) -> NDArray[np.bool_]:
        """Which items the loss compares a user's own with, of shape (n_items,)."""
        return np.ones(self.n_items_, dtype=bool)

    def _events(self, histories: Interactions) -> Events:
        users, items, values = (self._tensor(a) for a in (histories.users, histories.items, histories.values))
        return Events(users, items, values.double(), self._weights(histories).double(), histories.n_users)

    def _weights(self, histories: Interactions) -> Tensor:
        return self._tensor(np.ones(len(histories), np.float32) if histories.weights is None else histories.weights)

    def _pool(self) -> Pool:
        """Items as the negatives of training were drawn: all alike, or by popularity."""
        rng, n = np.random.default_rng(self.seed_), _COMPARED_FLOATS // getattr(self.module_, "floats_per_score", 1)
        n = min(max(n, _LEAST_COMPARED), _MOST_COMPARED)
        if self._resolved_negatives() not in ("popularity", "in_batch"):
            return Pool(self._tensor(rng.permutation(np.flatnonzero(self._compared_items))[:n]), None)
        drawn = self._tensor(rng.choice(self.n_items_, n, p=self.popularity_ / self.popularity_.sum()))
        return Pool(drawn, log_share(self._tensor(self.popularity_)).double()[drawn])

    def _fold_in_blocks(self, histories: Interactions) -> Iterator[slice]:
        """Ranges of users whose fold-in fits in memory."""
        width = len(self.prior_.mean)
        per_user = self.n_items_ * getattr(self.module_, "floats_per_score", 1) + 4 * width**2
        per_event = 4 * width
        n_events = np.bincount(histories.users, minlength=histories.n_users)
        cost = np.cumsum(per_user + n_events * per_event) // (4 * _FLOATS)
        starts = np.flatnonzero(np.diff(cost, prepend=-1))
        return (slice(*pair) for pair in zip(starts.tolist(), [*starts[1:].tolist(), histories.n_users], strict=True))

    # ---- pairs -------------------------------------------------------------------------------------------------------

    def _score_pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        known_user = users < self.n_users_
        known_user[known_user] = self._familiar_users(users[known_user])
        known_item = items >= 0
        known_item[known_item] = self._familiar_items[items[known_item]]
        both = known_user & known_item
        scores = np.full(len(users), -np.inf, np.float32)
        scores[both] = self._forward(users[both], items[both])
        if not self._predicts_ratings:
            scores[~known_user & known_item] = self.popularity_[items[~known_user & known_item]]
            return scores
        mean_user = self.prior_.state(torch.zeros_like(self.prior_.mean)[None])
        of_items = self._score(mean_user, slice(0, self.n_items_)).cpu().numpy()[0]
        scores[~known_user & known_item] = of_items[items[~known_user & known_item]]
        scores[~known_user & ~known_item] = self._typical(of_items[None])[0]
        puzzled, rows = np.unique(users[known_user & ~known_item], return_inverse=True)
        for block, block_scores in self._score_blocks(puzzled, exclude_seen=False):
            here = (rows >= block.start) & (rows < block.stop)
            where = np.flatnonzero(known_user & ~known_item)[here]
            scores[where] = self._typical(block_scores)[rows[here] - block.start]
        return scores

    def _typical(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """What is expected of an item that nothing is known about: the mean over those that something is known about."""
        return scores[:, self._item_counts > 0].mean(1, dtype=np.float64)  # a sum of large ratings overflows float32

    @torch.no_grad()
    def _forward(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        height = max(1, _FLOATS // (8 * len(self.prior_.mean)))
        parts = zip(self._tensor(users).split(height), self._tensor(items).split(height), strict=True)
        return (
            torch.cat([self.module_(*part) for part in parts]).float().cpu().numpy() if len(users) else np.empty(0, np.float32)
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # of which Python gives the estimator's own, not a copy
        if "module_" not in state or self.device_ == "cpu":
            return state
        prior = self.prior_.converted(torch.device("cpu"))
        return state | {"module_": copy.deepcopy(self.module_).cpu(), "prior_": prior, "device_": "cpu"}


def _longer(flags: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    return np.concatenate([flags, np.zeros(n - len(flags), bool)])


def _histories(events: Interactions, users: NDArray[np.int64], n_items: int) -> Interactions:
    """The events of some users with the first ``n_items`` items, the users coded by their place among them."""
    place = np.full(events.n_users, -1)
    place[users] = np.arange(len(users))
    theirs = events[(place[events.users] >= 0) & (events.items < n_items)]
    return in_order_of_users(
        theirs._replace(
            users=place[theirs.users],
            n_users=len(users),
            n_items=n_items,
            user_ids=None,
            item_ids=None,
            user_features=None,
            item_features=None,
        )
    )
