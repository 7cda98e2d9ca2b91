"""Models that place users and items in one space."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin

from skrec.base._recommender import BaseRecommender
from skrec.topk import row_blocks


class EmbeddingRecommender(TransformerMixin, BaseRecommender):
    """Base of models that place users and items in one space: `transform`, and vectors for the similarities.

    A model has ``user_embeddings_`` (n_users_, d) and ``item_embeddings_`` (n_items_, d), and writes
    ``_state_vectors(state)``, the embeddings of the users of a state.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _item_vectors(self) -> NDArray[np.float32]:
        return self.item_embeddings_

    def _user_vectors(self) -> NDArray[np.float32]:
        return self.user_embeddings_

    def _state_vectors(self, state: Any) -> NDArray[np.float32]:
        raise NotImplementedError(f"{type(self).__name__} must write _state_vectors")

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Embeddings of users, for UMAP, clustering, or the next step of a Pipeline.

        Parameters
        ----------
        X : ids of known users, or interactions of new ones, as for `recommend`

        Returns
        -------
        float32 array of shape (n_users, d)
            A row for each id, each row of a matrix, or each user of events in the order of their labels; as for `recommend`,
            these are the users with events.
        """
        query = self._query(X, name="X")
        query.check_known(self.vocabulary_, name="X")
        blocks = [self._state_vectors(query[users].state(self)) for users in row_blocks(len(query), self.n_items_)]
        return np.concatenate(blocks) if blocks else self._user_vectors()[:0]
