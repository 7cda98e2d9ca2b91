"""Lists for all users of a table, made on a Dask cluster, from Parquet to Parquet.

`python examples/dask_batch.py model.skrec users.parquet lists [tcp://scheduler:8786]` reads the column "user" of the files in
`users.parquet`, and writes the columns user, item, score and rank to the folder `lists`. Without an address, a cluster with a
process for each core is started on this machine. All workers must be able to read the file of the model.
"""

import sys
from functools import cache
from pathlib import Path

import dask.dataframe as dd
import pandas as pd
from dask.distributed import Client

import skrec


@cache
def model_at(path, time_of_change):
    """The model in a file, which a process reads once unless the file changes."""
    return skrec.load(path)


def recommend(users, path, k):
    """Lists for the users of a partition. Unknown users get the most popular items."""
    return model_at(path, Path(path).stat().st_mtime_ns).recommend(users["user"], k=k, unknown="popular").to_frame()


def recommend_to_all(path, users, output, k=10):
    """Write the lists of all users. The scheduler is the one of Dask's configuration, or that of the current client."""
    if Path(output).exists() and any(Path(output).iterdir()):
        raise FileExistsError(f"{output} must be a new or an empty folder, or files of an earlier run would stay in it")
    table = dd.read_parquet(users, columns=["user"])
    columns = recommend(table.head(1, npartitions=-1), path, k)[:0]
    table.map_partitions(recommend, path, k, meta=columns).to_parquet(output, write_index=False)


if __name__ == "__main__":  # workers import this file
    from dask_batch import recommend_to_all  # by its name, so that they find the cache of the module

    model, users, output, *address = sys.argv[1:]
    with Client(*address, **({} if address else {"threads_per_worker": 1})) as client:
        client.upload_file(__file__)
        recommend_to_all(model, users, output)
        print(pd.read_parquet(output).head(10))
