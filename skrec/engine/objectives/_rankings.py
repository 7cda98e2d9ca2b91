"""Objectives that rank positive events above other items."""

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
from skrec.engine.fold_in import Catalog, FrozenNetwork, Likelihood, pairs, rows, softmax_of_rows
from skrec.engine.losses._losses import Losses, softmax
from skrec.engine.objectives._objective import Objective, counts

FOLD_IN_NEGATIVES = 4  # per event in fold-in, if training draws no negatives


@dataclass(frozen=True, eq=False)
class Ranking(Objective):
    """Base of objectives that rank positive events.

    Parameters
    ----------
    losses, half_life, batch_size
        As for `Objective`.
    positive_from : float or None
        Smallest value of a positive event. If None, all values above 0 are positive.
    """

    positive_from: float | None

    def training_mask(self, data: Interactions) -> NDArray[np.bool_]:
        return is_positive(data.values, self.positive_from)

    def rows(self, events: Interactions) -> sp.csr_array:
        mask = self.training_mask(events)
        return counts(events if mask.all() else events[mask])

    @property
    def is_softmax(self) -> bool:
        return self.losses.training is softmax

    def never_negative(self, known: Interactions) -> RowTable | None:
        """Items of each user that are masked in a minibatch. None for softmax, which includes the user's own items."""
        return None if self.is_softmax else RowTable(known.to_csr(duplicates="any"))


@dataclass(frozen=True, eq=False)
class WholeRows(Ranking):
    """All positive events of a user as one example, ranked within the whole catalog.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`. ``batch_size`` is the number of users in a minibatch.
    """

    keeps_penalty = property(lambda self: True)

    def groups(self, examples: Interactions) -> NDArray[np.int64]:
        return examples.users

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        return RowBatches(self.target(events), batch_size=self.batch_size, negatives=UniformNegatives(known))

    def target(self, events: Interactions) -> sp.csr_array:
        """Return the rows to predict: 1, or weights of events, which softmax treats as counts.

        Raises
        ------
        ValueError
            If events have weights and the loss is not softmax.
        """
        if events.weights is not None and not self.is_softmax:
            whose = "weights of events" if self.half_life is None else f"weights by half_life={self.half_life!r}"
            loss = getattr(self.losses.training, "__name__", repr(self.losses.training))
            raise ValueError(f"{whose} require loss='softmax' if whole rows are predicted, got loss={loss!r}")
        return self.rows(events)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalog: Catalog) -> Likelihood:
        return likelihood_of_rows(network, self.rows(histories), catalog, self.losses)


@dataclass(frozen=True, eq=False)
class WholeColumns(WholeRows):
    """All users with a positive event of an item as one example, for networks that read items' columns.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`. ``batch_size`` is the number of items in a minibatch.
    """

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        columns = RowBatches(self.target(events).T.tocsr(), batch_size=self.batch_size, negatives=None)
        return ColumnBatches(columns, PairBatches(events, batch_size=self.batch_size, negatives=UniformNegatives(known)))


@dataclass(frozen=True, eq=False)
class SampledRanking(Ranking):
    """Positive events, ranked above negatives drawn for each of them.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`.
    sampling : {"uniform", "popularity"}
        Distribution of the negatives.
    n_negatives : int
        Number of negatives per event.
    """

    sampling: str
    n_negatives: int

    draws_negatives: ClassVar[bool] = True
    keeps_penalty = property(lambda self: True)
    n_used_rows = property(lambda self: self.batch_size * (2 + self.n_negatives))

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        sampler = self.sampler(known)
        return PairBatches(events, batch_size=self.batch_size, negatives=sampler, n_negatives=self.n_negatives)

    def sampler(self, known: Interactions) -> NegativeSampler:
        """Return a sampler of items without known events of the user."""
        return (UniformNegatives if self.sampling == "uniform" else PopularNegatives)(known)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalog: Catalog) -> Likelihood:
        if self.sampling == "popularity" and self.is_softmax:
            # the corrected softmax estimates the one over the whole catalog
            return likelihood_of_rows(network, self.rows(histories), catalog, self.losses)
        pool = catalog.pool(by_popularity=self.sampling == "popularity")
        return pairs(network, catalog.events(histories), pool, self.losses.smooth, n_negatives=self.n_negatives)


@dataclass(frozen=True, eq=False)
class InBatchRanking(Ranking):
    """Positive events, ranked above the items of the other events in the minibatch.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`.
    """

    keeps_penalty = property(lambda self: self.is_softmax)  # other losses are not corrected for the number of negatives

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        candidates = InBatchCandidates(log_popularity(known), self.never_negative(known))
        return InBatchPairs(events, batch_size=self.batch_size, negatives=UniformNegatives(known), candidates=candidates)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalog: Catalog) -> Likelihood:
        if self.is_softmax:
            return likelihood_of_rows(network, self.rows(histories), catalog, self.losses)
        pool = catalog.pool(by_popularity=True)
        return pairs(network, catalog.events(histories), pool, self.losses.smooth, n_negatives=FOLD_IN_NEGATIVES)


@dataclass(frozen=True, eq=False)
class Slates(Ranking):
    """Positive events, ranked above the items of the same impression that were not chosen.

    Parameters
    ----------
    losses, half_life, batch_size, positive_from
        As for `Ranking`.
    """

    def example_mask(self, data: Interactions) -> NDArray[np.bool_]:
        return np.ones(len(data), bool)

    def example_rows(self, data: Interactions) -> NDArray[np.int64]:
        return np.arange(len(data))

    def groups(self, examples: Interactions) -> NDArray[np.int64]:
        return np.arange(len(examples)) if examples.impressions is None else fill_missing_impressions(examples.impressions)

    def hold_out(self, data: Interactions, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        return hold_out_impressions(data, fraction, rng)

    def batches(self, events: Interactions, known: Interactions) -> Batches:
        if events.impressions is not None:  # raises if an impression has several users
            read_impressions(events.users, events.impressions, events.impression_ids)
        return SlateBatches(events, batch_size=self.batch_size, positive_from=self.positive_from)

    def likelihood(self, network: FrozenNetwork, histories: Interactions, catalog: Catalog) -> Likelihood:
        pool = catalog.pool(by_popularity=False)
        return pairs(network, catalog.events(histories), pool, self.losses.smooth, n_negatives=FOLD_IN_NEGATIVES)


def likelihood_of_rows(network: FrozenNetwork, target: sp.csr_array, catalog: Catalog, losses: Losses) -> Likelihood:
    """Return the negative log-likelihoods of whole rows within the whole catalog."""
    users = catalog.tensor(np.arange(target.shape[0]))
    of_users, compared = RowTable(target).to(catalog.device)(users), catalog.tensor(catalog.compared)
    if losses.training is softmax:
        return softmax_of_rows(network, of_users, compared)
    return rows(network, of_users, compared, losses.smooth)
