"""dask.distributed: a scheduler and workers on this machine, given the whole graph at once."""

import itertools
import shutil
import tempfile

import dask
from distributed import Client, LocalCluster

import peer
from on_dask import described


class Peer(peer.Peer):
    packages = ("dask", "distributed")
    settings = (
        "LocalCluster(n_workers=1, threads_per_worker=2, processes=False): two threads in the client's process, so "
        "that no value crosses a socket; no dashboard, no work stealing, no profiling, worker-saturation=inf; "
        "client.get of the whole raw graph of Task objects with strings as keys, optimize_graph=False. One process "
        "of two threads, two processes of one thread and client.submit were slower here"
    )
    options = {
        "distributed.scheduler.work-stealing": False,
        "distributed.scheduler.worker-saturation": float("inf"),
        "distributed.worker.profile.enabled": False,
    }
    workers = {"n_workers": 1, "threads_per_worker": 2, "processes": False}

    def __init__(self):
        self.place = tempfile.mkdtemp(prefix="dask-")
        dask.config.set({"temporary-directory": self.place, **self.options})
        self.cluster = LocalCluster(dashboard_address=None, **self.workers)
        self.client = Client(self.cluster)
        self.numbers = itertools.count()

    def run(self, graph):
        # The scheduler remembers names, so those of a run are its own.
        number = next(self.numbers)
        tasks, root = described(graph, lambda at: "%d-%d" % (number, at))
        return self.client.get(tasks, root, optimize_graph=False)

    def close(self):
        self.client.close()
        self.cluster.close()
        shutil.rmtree(self.place, ignore_errors=True)
