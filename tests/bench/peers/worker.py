#!/usr/bin/env python3
"""`worker.py PEER`: runs graphs on one peer for the benchmark, one JSON line in, one out, until the input ends.

First it says how the peer is set up. A request is `{"width": …, "layers": …, "seed": …}`, its answer
`{"seconds": …, "root": hex}`. The clock starts with the wiring in memory and the leaves where the peer has them, and
stops with the root's bytes: imports, start-up and leaves are not counted, describing the nodes to the peer is. It
refuses to answer with anything but one line, whatever a library prints: that goes to standard error."""

import gc
import importlib
import json
import os
import sys
import time

from graph import Graph


def own_output():
    """The real standard output, with everybody else's `print` sent to standard error."""
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return lines


def timed(peer, asked):
    graph = Graph(asked["width"], asked["layers"], asked["seed"])
    peer.prepare(graph)
    # As `timeit` does: what one run leaves behind is not collected within the next.
    gc.collect()
    gc.disable()
    begun = time.perf_counter()
    root = peer.run(graph)
    seconds = time.perf_counter() - begun
    gc.enable()
    return {"seconds": seconds, "root": root.hex()}


def main(name):
    lines = own_output()
    peer = importlib.import_module(name).Peer()
    try:
        print(json.dumps({"versions": peer.versions(), "settings": peer.settings}), file=lines)
        for line in sys.stdin:
            print(json.dumps(timed(peer, json.loads(line))), file=lines)
    finally:
        peer.close()


if __name__ == "__main__":
    main(sys.argv[1])
