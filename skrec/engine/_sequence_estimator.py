"""Base class of models that predict the next item of a sequence."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from skrec._checks import check_int
from skrec.base._parameters import Needs
from skrec.data import Interactions
from skrec.engine._estimator import TorchRecommender
from skrec.engine._pair_estimator import ranking_settings, row_batch_size
from skrec.engine.batches._sequences import SequenceTable
from skrec.engine.networks._network import State
from skrec.engine.objectives._next_item import NextItem
from skrec.engine.objectives._objective import Objective
from skrec.engine.training._checks import check_negatives


class SequenceRecommender(TorchRecommender):
    """Base of estimators that predict the next item of a user's sequence of positive events.

    Repeated events are kept. Events with equal timestamps are in the order of their rows. Without timestamps all events are in
    the order of their rows, and those of a matrix in the order of its columns. The state of a new user is computed from their
    history without training.

    Parameters
    ----------
    n_negatives : int, default=1024
        Number of items that the next item is compared with, if they are drawn.
    negatives : {"auto", "shared", "uniform", "popularity", "hard", "in_batch", "all"}, default="auto"
        Items that the next item is compared with.

        - "shared": ``n_negatives`` items drawn uniformly once per minibatch and used for all of its events. They may include
          items that a user has other events with.
        - "uniform": ``n_negatives`` items per event without an event of the user, drawn uniformly.
        - "popularity": ``n_negatives`` items per event, drawn in proportion to their number of positive events.
        - "hard": the item with the highest score among ``n_negatives`` items drawn uniformly.
        - "in_batch": the items of the other events in the minibatch.
        - "all": the whole catalog, which is exact but takes time and memory.
        - "auto": "shared" if there are more than ``n_negatives`` items, else "all".

        Draws per event ("uniform", "popularity", "hard") need ``n_negatives * n_factors`` numbers for each event of a
        minibatch, so ``n_negatives`` should be small.
    max_length : int, default=50
        Maximum number of items in a sequence. The latest ones are used.
    batch_size : int, default=None
        Average number of sequences in a minibatch. Minibatches of long sequences contain fewer. If None, 128.
    early_stopping : str or EarlyStopping, default=None
        As in `TorchRecommender`. Without validation data, the last positive event of a tenth of the users is held out.
        ``validation_fraction`` of `EarlyStopping` is this fraction of the users.
    """

    n_negatives: int = 1024
    negatives: str = "auto"
    max_length: int = 50
    batch_size: int | None = None

    _needs: ClassVar[dict[str, Needs]] = {
        "n_negatives": Needs(
            lambda model: model._objective().draws_negatives,
            "negatives that are drawn: fewer than there are items, or negatives='shared'",
        ),
    }
    _ordered = True

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_int(self.max_length, "max_length", at_least=1)
        if self._predicts_ratings:
            raise ValueError(f"{type(self).__name__} ranks the next item: loss='mse' is for models of ratings")
        check_negatives(self, ("auto", "shared", "uniform", "popularity", "hard", "in_batch", "all"))

    def _objective(self) -> Objective:
        candidates = {"auto": "shared" if self.n_items_ > self.n_negatives else "all", "hard": "uniform"}
        return NextItem(
            **ranking_settings(self, row_batch_size(self, self.n_users_), hard=self.negatives == "hard"),
            candidates=candidates.get(self.negatives, self.negatives),
            n_negatives=self.n_negatives,
            max_length=self.max_length,
        )

    def _sequences(self, events: Interactions) -> SequenceTable:
        return SequenceTable(events, self.max_length)

    @torch.no_grad()
    def _new_state(self, histories: Any) -> State:
        table = self._sequences(self.objective_.history(histories)).to(self.device_)
        users: Tensor = torch.arange(histories.n_users, device=self.device_)
        return (self.module_.read(table, users, are_new=True),)
