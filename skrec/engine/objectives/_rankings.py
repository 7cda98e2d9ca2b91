"""Learning to rank what users chose above other items."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skrec.data import Interactions, fill_missing_impressions, is_positive, read_impressions
from skrec.data._splitting import hold_out_impressions
from skrec.engine.batches._batches import Batches, ColumnBatches, InBatchPairs, PairBatches, RowBatches, SlateBatches
from skrec.engine.batches._candidates import InBatchCandidates
from skrec.engine.batches._negatives import NegativeSampler, PopularNegatives, UniformNegatives, log_popularity
from skrec.engine.batches._sparse_rows import RowTable
from skrec.engine.fold_in import Catalogue, FrozenNetwork, Likelihood, pairs, rows, softmax_of_rows
from skrec.engine.losses._losses import Losses, softmax
from skrec.engine.objectives._objective import Objective, counts

_FEW_NEGATIVES = 4  # for each event of a new user's history, where training drew none


@dataclass(frozen=True, eq=False)
class Ranking(Objective):
    """Base of objectives of positive events.

    Parameters
    ----------
    losses, half_life, batch_size
        As for `Objective`.
    positive_from : float or None
        The least value of a positive event. If None, all values above 0.
    """

    positive_from: float | None

    def training_mask(self, data: Interactions) -> NDArray[np.bool_]:
        return is_positive(data.values, self.positive_from)

    def rows(self, events: Interactions) -> sp.csr_array:
        return counts(events[self.training_mask(events)])

    @property
    def is_softmax(self) -> bool:
        return self.losses.training is softmax

    def never_negative(self, known: Interactions) -> RowTable | None:
        """The items that are no negatives of a user in a minibatch. A softmax stands for the whole catalogue and needs none."""
        return None if self.is_softmax else RowTable(known.to_csr(duplicates="any"))


@dataclass(frozen=True, eq=False)
class WholeRows(Ranking):
    """All positive events of a user at once, among the whole catalogue."""

    def groups(self, examples: Interactions) -> NDArray[np.int64]:
        return examples.users

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        return RowBatches(self.target(events), batch_size=self.batch_size, negatives=UniformNegatives(known))

    def target(self, events: Interactions) -> sp.csr_array:
        """The rows to be predicted: ones, or weights, which a softmax takes for the number of times an item was chosen."""
        if events.weights is not None and not self.is_softmax:
            whose = "weights of events" if self.half_life is None else f"the weights that half_life={self.half_life!r} makes"
            loss = getattr(self.losses.training, "__name__", repr(self.losses.training))
            raise ValueError(f"{whose} need loss='softmax' where whole rows are learned from, got loss={loss!r}")
        return self.rows(events)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalogue: Catalogue) -> Likelihood:
        return likelihood_of_rows(network, self.rows(histories), catalogue, self.losses)


@dataclass(frozen=True, eq=False)
class WholeColumns(WholeRows):
    """All users who chose an item at once, for networks that read items' columns."""

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        columns = RowBatches(self.target(events).T.tocsr(), batch_size=self.batch_size, negatives=None)
        return ColumnBatches(columns, PairBatches(events, batch_size=self.batch_size, negatives=UniformNegatives(known)))


@dataclass(frozen=True, eq=False)
class SampledRanking(Ranking):
    """Positive events, each among items that are drawn for it.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`.
    sampling : {"uniform", "popularity"}
        How items are drawn.
    n_negatives : int
        For each event.
    """

    sampling: str
    n_negatives: int

    draws_negatives: ClassVar[bool] = True

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        sampler = self.sampler(known)
        return PairBatches(events, batch_size=self.batch_size, negatives=sampler, n_negatives=self.n_negatives)

    def sampler(self, known: Interactions) -> NegativeSampler:
        """Draws items that are not known of their users."""
        return (UniformNegatives if self.sampling == "uniform" else PopularNegatives)(known)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalogue: Catalogue) -> Likelihood:
        if self.sampling == "popularity" and self.is_softmax:
            # the softmax corrects the draws, so that it stands for the one over the whole catalogue
            return likelihood_of_rows(network, self.rows(histories), catalogue, self.losses)
        pool = catalogue.pool(by_popularity=self.sampling == "popularity")
        return pairs(network, catalogue.events(histories), pool, self.losses.smooth, n_negatives=self.n_negatives)


@dataclass(frozen=True, eq=False)
class InBatchRanking(Ranking):
    """Positive events, each among the items of the other events of the minibatch."""

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        candidates = InBatchCandidates(log_popularity(known), self.never_negative(known))
        return InBatchPairs(events, batch_size=self.batch_size, negatives=UniformNegatives(known), candidates=candidates)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalogue: Catalogue) -> Likelihood:
        if self.is_softmax:
            return likelihood_of_rows(network, self.rows(histories), catalogue, self.losses)
        pool = catalogue.pool(by_popularity=True)
        return pairs(network, catalogue.events(histories), pool, self.losses.smooth, n_negatives=_FEW_NEGATIVES)


@dataclass(frozen=True, eq=False)
class Slates(Ranking):
    """Positive events, each among the items of its impression that were not chosen."""

    def example_mask(self, data: Interactions) -> NDArray[np.bool_]:
        return np.ones(len(data), bool)

    def example_rows(self, data: Interactions) -> NDArray[np.int64]:
        return np.arange(len(data))

    def groups(self, examples: Interactions) -> NDArray[np.int64]:
        return np.arange(len(examples)) if examples.impressions is None else fill_missing_impressions(examples.impressions)

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        return hold_out_impressions(data, fraction, rng)

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        if events.impressions is not None:  # which must be of one user each
            read_impressions(events.users, events.impressions, events.impression_ids)
        return SlateBatches(events, batch_size=self.batch_size, positive_from=self.positive_from)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalogue: Catalogue) -> Likelihood:
        pool = catalogue.pool(by_popularity=False)
        return pairs(network, catalogue.events(histories), pool, self.losses.smooth, n_negatives=_FEW_NEGATIVES)


def likelihood_of_rows(network: FrozenNetwork, target: sp.csr_array, catalogue: Catalogue, losses: Losses) -> Likelihood:
    """Of whole rows among the whole catalogue."""
    users = catalogue.tensor(np.arange(target.shape[0]))
    of_users, compared = RowTable(target).to(catalogue.device)(users), catalogue.tensor(catalogue.compared)
    if losses.training is softmax:
        return softmax_of_rows(network, of_users, compared)
    return rows(network, of_users, compared, losses.smooth)
