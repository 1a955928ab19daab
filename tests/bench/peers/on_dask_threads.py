"""Dask's threaded scheduler."""

from dask.threaded import get

import on_dask


class Peer(on_dask.Peer):
    settings = (
        "dask.threaded.get on a raw graph of Task objects with whole numbers as keys, num_workers=2, chunksize=64: "
        "faster here than smaller chunks"
    )

    def get(self, tasks, root):
        return get(tasks, root, num_workers=2, chunksize=64)
