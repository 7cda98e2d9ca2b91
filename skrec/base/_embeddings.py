"""Models that place users and items in one space."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from skrec._memory import blocks, rows_per_block
from skrec.base._recommender import BaseRecommender
from skrec.data._encoding import as_index

_USER_BYTES = 2**14  # of the state of a user


class EmbeddingRecommender(TransformerMixin, BaseRecommender):
    """Base of models that place users and items in one space: `transform`, and vectors for the similarities.

    A model has ``user_embeddings_`` (n_users_, d) and ``item_embeddings_`` (n_items_, d), and writes
    ``_state_vectors(state)``, the embeddings of the users of a state.
    """

    _methods_of_models: ClassVar[tuple[str, ...]] = ("_state_vectors",)
    _state_vectors: ClassVar[Callable[..., NDArray[np.float32]]]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _item_vectors(self) -> NDArray[np.float32]:
        return self.item_embeddings_

    def _user_vectors(self) -> NDArray[np.float32]:
        return self.user_embeddings_

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns of `transform`: the name of the class in lower case and a number.

        Parameters
        ----------
        input_features : ignored
            Not used, present for API consistency.

        Returns
        -------
        array of str, shape (d,)
        """
        check_is_fitted(self)
        prefix = type(self).__name__.lower()
        n_columns = self._state_vectors(self._known_state(np.arange(1))).shape[1]
        return np.array([f"{prefix}{number}" for number in range(n_columns)], dtype=object)

    def transform(self, X: Any) -> NDArray[np.float32] | pd.DataFrame:
        """Return the embeddings of users, for clustering, visualization, or the next step of a Pipeline.

        Parameters
        ----------
        X : array-like of labels, or interactions
            Known users by their labels, or new users by their interactions, as for `recommend`.

        Returns
        -------
        float32 array of shape (n_users, d)
            A row for each id, for each row of a matrix, or for each user of events in the order of their labels. As for
            `recommend`, these are the users with events. After ``set_output(transform="pandas")``, a DataFrame with the users
            as its index. After ``set_output(transform="polars")``, a DataFrame of polars, which has no index.
        """
        query = self._query(X, name="X")
        query.check_known(self.vocabulary_, name="X")
        parts = (query[users] for users in blocks(len(query), rows_per_block(_USER_BYTES)))
        states = [self._state_vectors(part.state(self)) for part in parts]
        vectors = np.concatenate(states) if states else self._user_vectors()[:0]
        if _get_output_config("transform", self)["dense"] == "pandas":  # scikit-learn would take the index of X, a row an event
            return pd.DataFrame(vectors, index=as_index(query.labels))
        return vectors
