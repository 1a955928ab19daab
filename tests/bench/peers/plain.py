"""No peer: a loop in Python, which says how little the function itself costs there."""

import peer


class Peer(peer.Peer):
    settings = "a loop over a list; no names, no scheduling, nothing kept"

    def run(self, graph):
        return graph.values()[-1]
