"""Ray, tasks: every node a task, its inputs the references of the tasks below, one `ray.get` at the end."""

import os
import shutil
import tempfile

# Before Ray is imported, which reads them then: nothing is sent out.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray

import peer
from graph import mix


class Peer(peer.Peer):
    packages = ("ray",)
    settings = (
        "ray.init(num_cpus=2) on this machine, without dashboard and log forwarding; a task a node with max_retries=0, "
        "inputs given as object references (leaves inline), all tasks submitted before the one ray.get of the root"
    )

    def __init__(self):
        self.place = tempfile.mkdtemp(prefix="ray-")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=256 << 20,
            _temp_dir=self.place,
            _node_ip_address="127.0.0.1",
        )
        self.node = self.made()

    def made(self):
        """What is called for each node."""
        return ray.remote(max_retries=0)(mix)

    def run(self, graph):
        node, values = self.node, list(graph.leaves)
        for left, right in graph.pairs:
            values.append(node.remote(values[left], values[right]))
        return ray.get(values[-1])

    def close(self):
        ray.shutdown()
        shutil.rmtree(self.place, ignore_errors=True)
