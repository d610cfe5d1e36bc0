"""A cluster as a user sees it: scripts on nodes without a network, one shared folder, a login node that syncs."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.journal.folder import WriterFolder
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from tests.ledger.watchdog.scenes import assert_no_process_is_left, until
from tests.runledger.cli.calling import Called

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
POINTS = 200

BEGIN = f"""
import multiprocessing, os, signal, subprocess, sys, time
from pathlib import Path
from runledger import Experiment, LedgerError, Workspace
def start(resume="never"):
    run = Experiment(Workspace(), "cluster").start_logging(
        run_id=os.environ["NAME"], resume=resume, snapshot_directory=None)
    for number in range({POINTS}):
        run.log("loss", number)
    return run
def ready():
    Path(os.environ["READY"]).touch()
def work(name):
    for number in range(50):
        run.log(name, number)
"""


@dataclass
class Cluster:
    """A folder that all share, and a workspace that only the login node reaches."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_folder(self.workspace, log="sqlite")
        (self.folder / "tmp").mkdir()

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def journals(self) -> Path:
        return self.folder / "journals"

    def node(self, name: str, code: str, *, by: Sequence[str] = (), **more: str) -> "subprocess.Popen[bytes]":
        """Run a script on a node, started `by` these words if there are any."""
        variables = {"NAME": name, "READY": str(self.ready(name)), "PYTHONPATH": str(ROOT)}
        variables |= {"RUNLEDGER_MODE": "offline", "RUNLEDGER_JOURNAL_DIR": str(self.journals)}
        return subprocess.Popen(
            [*by, sys.executable, "-c", BEGIN + code],
            cwd=self.folder,
            env=self._plain() | variables | self.environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def played(self, name: str, code: str, **more: str) -> str:
        """What a script printed, once it has ended and its end is noted."""
        script = self.node(name, code, **more)
        shown = script.communicate(timeout=SECONDS)[0].decode()
        self.settle()
        return shown

    def ready(self, name: str) -> Path:
        """The file that a script makes when it says that it is ready."""
        return self.folder / f"{name}.ready"

    def wait_until_ready(self, name: str) -> None:
        until(self.ready(name).exists, f"{name} is ready")

    def settle(self) -> None:
        """Wait until no watchdog is about to say anything."""
        assert_no_process_is_left(self.journals)

    def sync(self, *words: str, by: Sequence[str] = (), to: str | None = None, **more: str) -> Called:
        """Sync from a login node, in a process of its own."""
        command = [*by, sys.executable, "-m", "runledger", "sync", str(self.journals), *words]
        command += ["-w", to or str(self.workspace)] if to != "" else []
        variables = self._plain() | {"PYTHONPATH": str(ROOT)} | more
        done = subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return Called(done.returncode, done.stdout, done.stderr)

    def client(self) -> Any:
        return connect(str(self.workspace))

    def writers(self) -> list[WriterFolder]:
        """The journals that are left."""
        return [WriterFolder(path.parent) for path in sorted(self.journals.glob("*/*/head.json"))]

    def files(self) -> list[Path]:
        """Whatever is left in the shared folder."""
        return [path for path in self.journals.rglob("*") if path.is_file()]

    def scratches(self) -> list[Path]:
        """What scratch ledgers have left on the node's disk."""
        return list((self.folder / "tmp").glob("runledger-offline-*/*"))

    def _plain(self) -> dict[str, str]:
        hidden = ("RUNLEDGER_", "SLURM")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return plain | {"TMPDIR": str(self.folder / "tmp"), "XDG_STATE_HOME": str(self.folder / "state")}
