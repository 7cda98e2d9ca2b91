"""Compiled search of items without an event of a user."""

from skrec._compiled import compiled


@compiled
def count_before(users, drawn, indptr, positives, counts):
    """Write the number of positive items before the ``drawn``-th other item of each user into ``counts``.

    Parameters
    ----------
    users : int64 array of shape (n,)
    drawn, counts : int64 arrays of shape (n, n_draws)
    indptr, positives : arrays
        Positive items of the users in CSR format, sorted in each row.
    """
    for k in range(len(users)):
        first, stop = indptr[users[k]], indptr[users[k] + 1]
        for j in range(drawn.shape[1]):
            low, high = first, stop
            while low < high:
                middle = (low + high) // 2
                if positives[middle] - (middle - first) <= drawn[k, j]:
                    low = middle + 1
                else:
                    high = middle
            counts[k, j] = low - first
