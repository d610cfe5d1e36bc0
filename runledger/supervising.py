"""The program that supervises one submitted run: started by the target `local`."""

import json
import os
import sys
from contextlib import closing
from pathlib import Path

from ledger.targets.local.folder import RunFolder
from ledger.targets.local.queue import Queue
from ledger.targets.local.supervisor import Supervisor
from ledger.targets.local.target import READY
from ledger.targets.target import Job
from runledger.tracking import WATCHERS, track

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from runledger.supervising import main
main(*sys.argv[2:])
"""


def supervisor_of(location: str) -> list[str]:
    """The command that supervises a run of a workspace, but for its two descriptors."""
    paths = [str(Path(path or ".").absolute()) for path in sys.path]
    return [sys.executable, "-c", _PROGRAM, json.dumps(paths), location]


def main(location: str, order: str, ready: str) -> None:
    """Read the order, take the run into our care and say so, then carry it out."""
    with os.fdopen(int(order), encoding="utf-8") as pipe:
        content = json.load(pipe)
    with closing(track(location)) as tracker:
        supervisor = Supervisor(
            tracker,
            Job(**content["job"]),
            RunFolder(Path(content["folder"])),
            Queue(Path(content["queue"]), content["max_concurrent"]),
            grace_seconds=content["grace_seconds"],
            spared=WATCHERS,
        )
        supervisor.adopt()
        with os.fdopen(int(ready), "wb") as pipe_back:
            pipe_back.write(READY)
        supervisor.run()
