"""Networks that read what a user did in order of time, and the estimators around them."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skrec._checks import check_int
from skrec._memory import blocks, rows_at_once
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.data._splitting import hold_out_last_of_some
from skrec.engine._batches import Batches
from skrec.engine._candidates import AllCandidates, CandidateMaker, DrawnCandidates, InBatchCandidates, SharedCandidates
from skrec.engine._dot_product import DotProductEmbeddings, ProductNetwork
from skrec.engine._embedding_network import State
from skrec.engine._estimator import TorchRecommender
from skrec.engine._family_parameters import NegativeParameters
from skrec.engine._layers import embedding
from skrec.engine._negatives import PopularNegatives, UniformNegatives, log_popularity
from skrec.engine._sequences import SequenceBatches, Sequences, SequenceTable, followed_by

_SEQUENCE_BYTES = 2**17  # that one takes on its way through a network


class SequenceNetwork(ProductNetwork):
    """Base of networks for which a user is what they did, in order: a new user needs no training.

    A network writes ``states(sequences)``, (B, T, width), of which each may depend on the items up to its own only; the product
    of the last one with an item's vector is the item's score as the next one.

    Parameters
    ----------
    sequences : SequenceTable
        Of the users that it is trained on.
    n_items, width : int
    """

    item_biases = None

    def __init__(self, sequences: SequenceTable, n_items: int, width: int):
        super().__init__()
        self.sequences = sequences
        self.items = embedding(n_items, width, std=1 / width)

    @property
    def user_tables(self) -> list[nn.Embedding]:
        return []

    @property
    def item_tables(self) -> list[nn.Embedding]:
        return [self.items]

    def item_vectors(self, items: Tensor) -> Tensor:
        return self.items(items)

    def states(self, sequences: Sequences) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must write states")

    def encode(self, query: Tensor | Sequences) -> State:
        """Of sequences wherever they are asked, of users at their end."""
        if isinstance(query, Sequences):
            return (self.states(query)[query.asked],)
        distinct, place = query.unique(return_inverse=True)
        return (self.read(self.sequences, distinct)[place],)

    def read(self, table: SequenceTable, users: Tensor, *, are_strangers: bool = False) -> Tensor:
        """The states (n_users, width) at the end of users' sequences; zeros where there is nothing to read."""
        lengths = table.lengths(users)
        order = lengths.argsort()  # alike lengths together: little is computed for the sake of padding
        order = order[lengths[order] > 0]
        found = self.items.weight.new_zeros(len(users), self.items.embedding_dim)
        for block in blocks(len(order), rows_at_once(_SEQUENCE_BYTES)):
            rows = order[block]
            sequences = table(users[rows])
            found[rows] = self.encode(sequences._replace(users=None) if are_strangers else sequences)[0]
        return found

    def penalty(self, query: Sequences, items: Tensor, item_share: float) -> Tensor:
        """Squared lengths of the rows that a minibatch compares, and of its users' where there are any."""
        return super().penalty(query.users, items, item_share)


class SequenceRecommender(DotProductEmbeddings, NegativeParameters, TorchRecommender):
    """Base of estimators that recommend what comes next in a user's sequence of positive events.

    Repeated events all count. Events of equal times keep the order of their rows; without times that order is all there is, and
    of a matrix it is the order of its columns. A new user's history is read as it is, without training.

    Parameters
    ----------
    n_negatives : int, default=1024
        How many items the next one is compared with, where they are drawn.
    negatives : {"auto", "shared", "uniform", "popularity", "hard", "in_batch", "all"}, default="auto"
        "shared": ``n_negatives`` items drawn for the whole minibatch, the same for all of its events, whoever knows them;
        "all": the whole catalogue, exact and dear; "auto": the one, or the other where the catalogue has no more items than
        that. "in_batch": the other events' items. Else drawn for each event, among what its user has no event with, which takes
        ``n_negatives * n_factors`` numbers for each event of a minibatch: a few will do.
    max_length : int, default=50
        How many items are read, the latest ones.
    batch_size : int, default=None
        Sequences in a minibatch, on average: those of long ones hold fewer. None means 128.
    validation_fraction : float, default=0.1
        Part of the users whose last positive event is held out for ``early_stopping``.
    """

    n_negatives: int = 1024
    max_length: int = 50
    batch_size: int | None = None
    validation_fraction: float = 0.1

    _needs: ClassVar[dict[str, Needs]] = {
        "n_negatives": Needs(
            lambda model: model._draws_negatives, "negatives that are drawn: fewer than there are items, or negatives='shared'"
        ),
    }
    _ordered = True
    _has_sparse_gradients = False
    _kinds_of_negatives = ("auto", "shared", "uniform", "popularity", "hard", "in_batch", "all")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.max_length, "max_length", at_least=1)
        if self._predicts_ratings:
            raise ValueError(f"{type(self).__name__} ranks what comes next: loss='mse' is for models of ratings")

    @property
    def _learns_from_rows(self) -> bool:
        return False

    def _resolved_negatives(self) -> str:
        if self.negatives != "auto":
            return super()._resolved_negatives()
        return "shared" if self.n_items_ > self.n_negatives else "all"

    def _example_rows(self, data: Interactions) -> NDArray[np.int64]:
        return np.flatnonzero(self._informative(data))

    def _units(self, events: Interactions) -> NDArray[np.int64]:
        return events.users

    def _teaches(self, examples: Interactions) -> bool:
        return bool((np.bincount(examples.users) > 1).any())

    def _hold_out(self, data: Interactions, rng: np.random.Generator) -> NDArray[np.bool_]:
        positive, held_out = self._example_rows(data), np.zeros(len(data), bool)
        held_out[positive] = hold_out_last_of_some(data[positive], self.validation_fraction, rng)
        return held_out

    def _fit_validated(self, data: Interactions, validation: Any) -> None:
        everything = data[self._example_rows(data)]
        if not self._teaches(everything):
            raise ValueError(
                f"X has nothing to learn from: no user has two positive events, of which one follows the other (n_features = "
                f"{self.n_items_})"
            )
        super()._fit_validated(data, validation)

    def _sequences(self, events: Interactions) -> SequenceTable:
        return SequenceTable(events, self.max_length)

    def _batches(self, events: Interactions, *, known: Interactions) -> Batches:
        return self._sequence_batches(events, None, known)

    def _held_out_batches(self, events: Interactions, *, known: Interactions) -> Batches:
        """Events to be predicted from all that was known before them."""
        together = followed_by(known, events)
        return self._sequence_batches(together, np.arange(len(together)) >= len(known), known)

    def _sequence_batches(
        self, events: Interactions, is_target: NDArray[np.bool_] | None, known: Interactions
    ) -> SequenceBatches:
        return SequenceBatches(
            events,
            max_length=self.max_length,
            batch_size=self._rows_at_once,
            candidates=self._candidates(known),
            negatives=UniformNegatives(known),
            is_target=is_target,
        )

    def _candidates(self, known: Interactions) -> CandidateMaker:
        make: dict[str, Callable[[], CandidateMaker]] = {
            "shared": lambda: SharedCandidates(self.n_items_, self.n_negatives),
            "uniform": lambda: DrawnCandidates(UniformNegatives(known), self.n_negatives),
            "popularity": lambda: DrawnCandidates(PopularNegatives(known), self.n_negatives),
            "in_batch": lambda: InBatchCandidates(log_popularity(known), self._no_negatives(known)),
            "all": lambda: AllCandidates(self.n_items_),
        }
        return make[self._resolved_negatives()]()

    def _new_state(self, histories: Interactions) -> State:
        histories = histories[self._informative(histories)]
        table = self._sequences(histories).to(self.device_)
        with torch.no_grad():
            return (self.module_.read(table, torch.arange(histories.n_users, device=self.device_), are_strangers=True),)
