"""What a peer is to the worker. It refuses to hold anything that only one of them needs."""

import sys
from importlib.metadata import version


class Peer:
    """One way to run a graph. Making it starts what it needs; that is not counted."""

    # Packages whose versions are told.
    packages = ()
    # What was chosen and why, in a sentence or two.
    settings = ""

    def versions(self):
        told = {name: version(name) for name in self.packages}
        return {**told, "python": sys.version.split()[0]}

    def prepare(self, graph):
        """Makes room for a run and brings its leaves there, before the clock starts."""

    def run(self, graph):
        """The root's bytes."""
        raise NotImplementedError

    def close(self):
        """Ends what was started."""
