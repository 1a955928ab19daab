"""redun: every node a call of a task, within one expression."""

import logging

from redun import Scheduler, task
from redun.config import Config

import peer
from graph import mix


@task(namespace="bench", name="mix", cache=False, check_valid="shallow")
def node(left, right):
    return mix(left, right)


class Peer(peer.Peer):
    packages = ("redun",)
    settings = (
        "the local executor with two threads, its database in memory (sqlite:///:memory:), cache=False and "
        "check_valid=\"shallow\", so that nothing is looked up; no log of jobs"
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
        values = list(graph.leaves)
        for left, right in graph.pairs:
            values.append(node(values[left], values[right]))
        return self.scheduler.run(values[-1])
