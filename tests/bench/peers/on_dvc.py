"""DVC: every node a stage, which is a process that reads two files and writes one."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from dvc.repo import Repo

import peer

# A stage; `-I -S` leaves out everything that would make Python start slowly.
STAGE = """stages:
  mix:
    cmd: {python} -I -S ../mix.py ../v{left} ../v{right} ../v{out}
    deps: [../v{left}, ../v{right}]
    outs: [../v{out}: {{cache: false}}]
"""
# What it runs.
MIX = """import sys
left, right, out = sys.argv[1:]
left, right = open(left, "rb").read(), open(right, "rb").read()
assert len(left) == len(right)
mixed = int.from_bytes(left, "little") ^ int.from_bytes(right, "little")
open(out, "wb").write(mixed.to_bytes(len(left), "little"))
"""


class Peer(peer.Peer):
    packages = ("dvc",)
    settings = (
        "`dvc repro` called within one process (Repo.reproduce), no Git, no analytics, no update check, outputs not "
        "copied into the cache (cache: false); a stage is `python3 -I -S` with six lines, and has a file of its own: the "
        "lock file of a file is read and written in whole after each of its stages"
    )

    def __init__(self):
        os.environ["DVC_NO_ANALYTICS"] = "1"
        self.home = os.getcwd()
        self.place = self.repo = None

    def prepare(self, graph):
        self.tidy_up()
        self.place = Path(tempfile.mkdtemp(prefix="dvc-"))
        os.chdir(self.place)
        with Repo.init(no_scm=True) as repo, repo.config.edit() as config:
            config["core"].update(analytics=False, check_update=False)
        Path("mix.py").write_text(MIX)
        for at, leaf in enumerate(graph.leaves):
            Path("v%d" % at).write_bytes(leaf)
        self.repo = Repo()

    def run(self, graph):
        for at, (left, right) in enumerate(graph.pairs, graph.width):
            Path("s%d" % at).mkdir()
            Path("s%d/dvc.yaml" % at).write_text(STAGE.format(python=sys.executable, left=left, right=right, out=at))
        self.repo.reproduce(all_pipelines=True)
        return Path("v%d" % at).read_bytes()

    def tidy_up(self):
        if self.repo:
            self.repo.close()
        if self.place:
            os.chdir(self.home)
            shutil.rmtree(self.place)

    def close(self):
        self.tidy_up()
