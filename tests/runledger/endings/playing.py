"""Playing scripts against a workspace in a folder, a server, or a server that is away when they end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ledger.client import Client
from ledger.errors import RunNotFoundError, UnavailableError
from ledger.metrics import SeriesQuery
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from tests.runledger.endings.scripts import Case, Script, run_id_of, text_of
from tests.runledger.server.running import running

ROOT = Path(__file__).resolve().parents[3]
EMBEDDED, SERVER, SERVER_DOWN = "embedded", "server", "server down"
SECONDS = 60
_AT_ONCE = 6
_TERMINAL = {"Completed", "Failed", "Canceled"}


@dataclass
class Stage:
    """A workspace, the scripts that use it, and whether its server is there."""

    folder: Path
    situation: str
    location: str = ""
    scripts: dict[str, Script] = field(default_factory=dict)
    back_at: float | None = None
    _server: ExitStack = field(default_factory=ExitStack)

    @property
    def workspace(self) -> Path:
        return self.folder / "w"

    @property
    def environment(self) -> dict[str, str]:
        """That of every script: nothing of it lies outside the stage's folder."""
        place = {"PLACE": self.location, "FOLDER": str(self.folder), "PYTHONPATH": str(ROOT)}
        return os.environ | place | {"XDG_STATE_HOME": str(self.folder / "state"), "TMPDIR": str(self.folder / "tmp")}

    def serve(self) -> None:
        """Have the server running."""
        port = self.location.rpartition(":")[2] or "0"
        self.location = self._server.enter_context(running(self.workspace, "--port", port)).url

    def leave(self) -> None:
        """Have it killed."""
        self._server.close()

    def begin(self, name: str, case: Case) -> Script:
        """Start a script."""
        file = self.folder / f"test_{len(self.scripts)}.py"
        file.write_text(text_of(case), encoding="utf-8")
        run_id = run_id_of(name)
        with (self.folder / f"{run_id}.output").open("w") as output:
            process = subprocess.Popen(
                [*case.by, sys.executable, *case.how, str(file)],
                cwd=self.folder,
                env=self.environment | {"NAME": run_id},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.scripts[name] = Script(run_id, case, self.folder, process)
        return self.scripts[name]

    def play(self, cases: dict[str, Case]) -> None:
        """Have all of them run up to their ends, then end; a server that shall be away, is away meanwhile."""
        for name, case in cases.items():
            self.begin(name, case)
            until(lambda: len(self._unready()) < _AT_ONCE, "scripts are ready", self._unready)
        until(lambda: not self._unready(), "all scripts are ready", self._unready)
        if self.situation == SERVER_DOWN:
            self.leave()
        for script in self.scripts.values():
            if script.case.act is not None:
                script.case.act(script)
        (self.folder / "go").touch()
        until(lambda: not self._living(), "all scripts have ended", self._living)
        if self.situation == SERVER_DOWN:
            time.sleep(1)
            self.back_at = time.time()
            self.serve()
            self.contact()

    def _living(self) -> list[str]:
        return [name for name, script in self.scripts.items() if not script.has_ended]

    def _unready(self) -> list[str]:
        return [name for name, script in self.scripts.items() if not script.is_ready]

    def contact(self) -> None:
        """Somebody who uses the workspace: what waits is delivered."""
        command = [sys.executable, "-m", "runledger", "run", "list", "-w", self.location]
        subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, check=True, timeout=SECONDS)

    def ended(self, name: str) -> Any:
        """The run once it has ended, with the number of its points, as somebody sees it who only looks."""
        run_id, client = run_id_of(name), connect(self.location)
        try:
            until(lambda: _status(client, run_id) in _TERMINAL, f"{name}: the run has ended")
            series = client.series(SeriesQuery(run_id=run_id))
            return client.run(run_id) | {"points": {each.name: len(each.times) for each in series}}
        finally:
            client.close()

    def assert_nothing_is_left(self) -> None:
        """No process, and no file beside the ledger's own and the scripts'."""
        until(lambda: not self.processes(), "no process is left", self.processes)
        until(lambda: not self.files(), "no file is left", self.files)

    def processes(self) -> list[str]:
        """The command lines of processes that have to do with this stage, but for its server."""
        lines = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
        return [" ".join(line) for line in lines if self._is_named(line) and "server" not in line]

    def _is_named(self, words: list[str]) -> bool:
        return self.location in words or any(str(self.folder) in word for word in words)

    def files(self) -> list[Path]:
        """What journals and evidence there are."""
        places = (self.workspace / ".runledger" / "journals", self.folder / "state", self.folder / "tmp")
        return [path for place in places for path in place.rglob("*") if path.is_file()]


@contextmanager
def staged(folder: Path, situation: str) -> Iterator[Stage]:
    """A workspace of its own; at the end no script and no server runs."""
    stage = Stage(folder, situation)
    (folder / "tmp").mkdir()
    make_folder(stage.workspace, log="sqlite")
    if situation == EMBEDDED:
        stage.location = str(stage.workspace)
    else:
        stage.serve()
    try:
        yield stage
    finally:
        stage.leave()
        for script in stage.scripts.values():
            script.process.kill()
            script.process.wait()


def until(
    condition: Callable[[], object], what: str, found: Callable[[], object] = lambda: "", seconds: float = SECONDS
) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in vain waited until {what}: {found()}"
        time.sleep(0.05)


def _status(client: Client, name: str) -> str:
    try:
        return str(client.run(name)["status"])
    except (RunNotFoundError, UnavailableError):
        return "not begun"
