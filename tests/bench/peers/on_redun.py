"""redun: every node a call of a task, and so is every layer."""

import logging

from redun import Scheduler, task
from redun.config import Config

import peer
from graph import mix


@task(namespace="bench", name="mix", cache=False, prov=False)
def node(left, right):
    return mix(left, right)


@task(namespace="bench", cache=False, prov=False)
def stages(number, values):
    """The root, from the values of one layer: with the whole graph in one expression redun would serialize what is below
    a node once for each way to it, which doubles with every layer."""
    if number == len(Peer.graph.stages):
        return values[0]
    return stages(number + 1, [node(values[left], values[right]) for left, right in Peer.graph.stages[number]])


class Peer(peer.Peer):
    packages = ("redun",)
    settings = (
        "the local executor with two threads, its database in memory (sqlite:///:memory:), cache=False and prov=False, so "
        "that nothing is looked up or recorded: with provenance, its default, a node cost over twenty times as much here; no "
        "log of jobs; a task a node and one a layer"
    )

    def __init__(self):
        # A line a job would be most of what is measured.
        logging.getLogger("redun").setLevel(logging.ERROR)
        executor = {"type": "local", "mode": "thread", "max_workers": "2"}
        backend = {"db_uri": "sqlite:///:memory:"}
        self.config = Config({"backend": backend, "executors.default": executor})

    def prepare(self, graph):
        # A new database each time: it keeps every call, and would grow slower with each run.
        self.scheduler = Scheduler(config=self.config)
        self.scheduler.load()

    def run(self, graph):
        Peer.graph = graph
        return self.scheduler.run(stages(0, list(graph.leaves)))
