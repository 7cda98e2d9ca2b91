"""Fold-in: what a network would know of a user, had it seen a given history, with everything else frozen.

The trained users are the prior: a new user's state is the most probable one under the model's loss and a normal distribution
with the mean and, widened, the covariance of the states that training found. No penalty has to be chosen, and a user without
a history is the mean user.
"""

from skrec.engine.fold_in._fold_in import Catalog, FoldIn
from skrec.engine.fold_in._frozen import FrozenNetwork, freeze
from skrec.engine.fold_in._likelihoods import Events, Likelihood, Pool, pairs, ratings, rows, softmax_of_rows
from skrec.engine.fold_in._prior import Prior, State, learn_prior, prior_of
