"""Fold-in: the states of new users given their histories, with all weights of the network fixed.

The state of a new user maximizes the posterior density (MAP estimate). The likelihood is given by the model's loss. The prior
is the penalty under which the trained users of a `DotProduct` are at rest (`prior_of_training`), or else a normal distribution
with the mean and the scaled covariance of the trained users' states. No penalty has to be chosen.
"""

from skrec.engine.fold_in._fold_in import Catalog, FoldIn, event_weights, fold_in_of, settled_prior
from skrec.engine.fold_in._frozen import FrozenNetwork, freeze
from skrec.engine.fold_in._least_squares import solve_in_axes, solve_ridge
from skrec.engine.fold_in._likelihoods import Events, Likelihood, Pool, pairs, ratings, rows, softmax_of_rows
from skrec.engine.fold_in._penalty import prior_of_training
from skrec.engine.fold_in._prior import Prior, State, events_of_reference_users, learn_prior, prior_of
