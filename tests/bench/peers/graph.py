#!/usr/bin/env python3
"""The graph that every peer runs, and what it comes to in a plain loop: the standard library and nothing else.

`graph.py WIDTH LAYERS SEED` prints the number of nodes and the root's bytes in hex. The same graph is made in Rust
(tests/bench/src/peers/graph.rs); `make test` compares the two. It refuses to know any peer."""

import sys

# Bytes of a leaf, and so of every value.
VALUE_BYTES = 32
# The numbers of SplitMix64.
WORD = (1 << 64) - 1
STEP, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def noise(seed, count):
    """Bytes of SplitMix64, the same for the same seed on every machine."""
    words = []
    for _ in range(-(-count // 8)):
        seed = (seed + STEP) & WORD
        mixed = ((seed ^ (seed >> 30)) * FIRST) & WORD
        mixed = ((mixed ^ (mixed >> 27)) * SECOND) & WORD
        words.append((mixed ^ (mixed >> 31)).to_bytes(8, "little"))
    return b"".join(words)[:count]


def mix(left, right):
    """What a node computes: Deriva's built-in `xor` 1.0.0, which refuses inputs of different lengths."""
    if len(left) != len(right):
        raise ValueError("the two inputs have different lengths")
    mixed = int.from_bytes(left, "little") ^ int.from_bytes(right, "little")
    return mixed.to_bytes(len(left), "little")


def stages(width, layers):
    """The layers one after the other, each the two inputs of its nodes by their place in the layer below.

    The body has `layers` rings of `width` nodes; a node takes the one below it and the one a stride further. Behind
    it the layers narrow to one node, the root. Every node is needed for the root. With a width that is an odd prime
    (other widths lose what they mix) all values differ, so that nothing is saved by noticing that two are equal."""
    for layer in range(layers):
        stride = 1 + layer % (width - 1)
        yield [(at, (at + stride) % width) for at in range(width)]
    while width > 1:
        stride = max(1, (width - 1) // 2)
        width -= stride
        yield [(at, at + stride) for at in range(width)]


class Graph:
    """Leaves and wiring, as they stand in memory before anything is asked of a peer."""

    def __init__(self, width, layers, seed):
        self.seed = seed
        self.width = width
        bytes_ = noise(seed, width * VALUE_BYTES)
        self.leaves = [bytes_[at : at + VALUE_BYTES] for at in range(0, len(bytes_), VALUE_BYTES)]
        self.stages = list(stages(width, layers))
        # Both inputs of each node by position: the leaves come first, then the nodes in order.
        self.pairs, base = [], 0
        for stage in self.stages:
            self.pairs += [(base + left, base + right) for left, right in stage]
            base, width = base + width, len(stage)

    def values(self):
        """Every value, leaves first, in a plain loop."""
        values = list(self.leaves)
        for left, right in self.pairs:
            values.append(mix(values[left], values[right]))
        return values


def main(width, layers, seed):
    values = Graph(width, layers, seed).values()
    print(len(values) - width, values[-1].hex())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
