"""Silent runs: servers that stop and go on, clients that freeze and die, on real processes with real signals."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from examples.kafka_broker import KafkaBroker
from ledger.commands import DefineRule, StartRun, new_command_id
from ledger.liveness.writers import LiveWriter
from ledger.remote.client import RemoteClient
from runledger.wiring import connect
from schemas.errors import LedgerError
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import process
from tests.runledger.relay import Relay, relaying
from tests.runledger.server.running import ROOT, Server, running

SECONDS = 60
DEADLINE, INTERVAL, PRESUMED = 3.0, 0.5, 5.0
PASSED = 6.5
"""Longer than every deadline with what is waited for beside it."""

NOT_RESPONDING = RunStatus.NOT_RESPONDING


SETTINGS = {
    "RUNLEDGER_NOT_RESPONDING_SECONDS": str(DEADLINE),
    "RUNLEDGER_PRESENCE_SECONDS": str(INTERVAL),
    "RUNLEDGER_PRESUMED_DEAD_SECONDS": str(PRESUMED),
}

Pairs = list[tuple[Server, Server]]


@pytest.fixture(autouse=True)
def deadlines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@contextmanager
def living(run_id: str, *urls: str) -> Iterator[None]:
    """A process of a run that reports to the first server that answers, over and over."""
    stop = threading.Event()

    def report() -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(closing(RemoteClient(url, seconds=0.3))) for url in urls]
            while not stop.wait(0.2):
                for client in clients:
                    try:
                        client.report_presence([LiveWriter(run_id, "w")])
                    except LedgerError:
                        continue
                    break

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(holds: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not {what} in time"
        time.sleep(0.1)


def statuses(client: RemoteClient, run_id: str) -> list[tuple[str, str]]:
    """Each change of status of a run, from and to."""
    found: list[dict[str, Any]] = [
        {change.field: (change.before, change.after) for change in entry.changes} for entry in client.history(run_id)
    ]
    return [each["status"] for each in found if each.get("status", (None,))[0] is not None]


def became(client: RemoteClient, run_id: str, status: str) -> None:
    until(lambda: client.run(run_id)["status"] == status, f"{run_id} {status}")


@pytest.fixture(scope="module")
def pairs(kafka_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pairs]:
    """Two servers on one topic, and two on one folder that both of them serve."""
    log = f"kafka://{kafka_broker.address}/l{uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patched, ExitStack() as stack:
        for name, value in SETTINGS.items():
            patched.setenv(name, value)
        one, two = (stack.enter_context(running(folder / name, "--log", log)) for name in ("a", "b"))
        three, four = (stack.enter_context(running(folder / "w")) for _ in range(2))
        yield [(one, two), (three, four)]


@contextmanager
def frozen(*servers: Server) -> Iterator[None]:
    for server in servers:
        server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for server in servers:
            server.process.send_signal(signal.SIGCONT)


def clients_of(pairs: Pairs, stack: ExitStack) -> list[RemoteClient]:
    """A client of the second of each pair."""
    return [stack.enter_context(closing(RemoteClient(two.url))) for _, two in pairs]


@pytest.mark.kafka
def test_a_server_that_froze_and_goes_on_marks_nobody_dead_who_lives(pairs: Pairs) -> None:
    """It was frozen for longer than every deadline; who is dead is found meanwhile, and said to be so once."""
    with ExitStack() as stack:
        clients = clients_of(pairs, stack)
        for (one, two), client in zip(pairs, clients, strict=True):
            for run_id in ("steady", "moving", "dead"):
                client.execute(StartRun(run_id=run_id, experiment="e"))
            stack.enter_context(living("steady", two.url))
            stack.enter_context(living("moving", one.url, two.url))
            with living("dead", one.url):
                until_listened_for(two, 3)
        began = time.monotonic()
        with frozen(*(one for one, _ in pairs)):
            for client in clients:
                became(client, "dead", "Failed")
            time.sleep(max(0.0, began + PASSED - time.monotonic()))
        time.sleep(DEADLINE + 3 * INTERVAL)
        for client in clients:
            assert statuses(client, "steady") == statuses(client, "moving") == []
            assert statuses(client, "dead") == [("Running", "NotResponding"), ("NotResponding", "Failed")]


@pytest.mark.kafka
def test_servers_that_all_froze_mark_nobody_dead_who_lives(pairs: Pairs) -> None:
    """Its processes report again some time after the servers are back: they pause between vain attempts."""
    with ExitStack() as stack:
        clients = clients_of(pairs, stack)

        def living_everywhere() -> ExitStack:
            alive = ExitStack()
            for one, two in pairs:
                alive.enter_context(living("lives", one.url, two.url))
            return alive

        for client in clients:
            client.execute(StartRun(run_id="lives", experiment="e"))
        with living_everywhere():
            time.sleep(3 * INTERVAL)
        time.sleep(2 * INTERVAL)
        with frozen(*(server for pair in pairs for server in pair)):
            time.sleep(PASSED)
        time.sleep(1)
        with living_everywhere():
            time.sleep(DEADLINE + 2 * INTERVAL)
            assert [statuses(client, "lives") for client in clients] == [[], []]


def until_listened_for(server: Server, runs: int) -> None:
    until(lambda: listened_for(server) >= runs, "heard")


def listened_for(server: Server) -> float:
    return figure(server, "runledger_runs_listened_for")


def figure(server: Server, name: str) -> float:
    lines = server.get("/metrics").body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])


def test_an_outage_marks_nobody_dead_who_lives_and_finds_who_died_in_it(tmp_path: Path) -> None:
    """A farewell before it holds after it, too."""
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path))
        port = server.url.rpartition(":")[2]
        with closing(RemoteClient(server.url)) as client:
            for run_id in ("lives", "dies", "leaves"):
                client.execute(StartRun(run_id=run_id, experiment="e"))
            stack.enter_context(living("lives", server.url))
            client.report_presence([LiveWriter("dies", "w"), LiveWriter("leaves", "w")])
            until(lambda: listened_for(server) == 3, "recorded")
            client.report_presence([], [LiveWriter("leaves", "w")])
        assert server.stop() == 0
        time.sleep(PASSED)
        again = stack.enter_context(running(tmp_path, "--port", port))
        with closing(RemoteClient(again.url)) as client:
            until(lambda: ("Running", "NotResponding") in statuses(client, "dies"), "noticed")
            found = {run_id: statuses(client, run_id) for run_id in ("lives", "leaves")}
            text = again.get("/metrics").body.decode()

    assert found == {"lives": [], "leaves": []}
    assert 'runledger_judgements_total{said="not-responding"} 1.0' in text


TRAINING = """
import sys, time
from pathlib import Path
from runledger import Experiment, Workspace
run = Experiment(Workspace(sys.argv[1]), "e").start_logging(run_id=sys.argv[2], snapshot_directory=None)
run.log("loss", 0.5)
run.flush()
print("begun", flush=True)
while not Path(sys.argv[3]).exists():
    time.sleep(0.1)
run.complete()
"""


class Training:
    """A script that trains until its file is there."""

    def __init__(self, location: str, run_id: str, folder: Path, **environment: str) -> None:
        self.done = folder / f"{run_id}.done"
        self.process = subprocess.Popen(
            [sys.executable, "-c", TRAINING, location, run_id, str(self.done)],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "begun\n"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill_with_watchdog(self, folder: Path) -> None:
        """As when its host is gone."""
        until(lambda: self._watchdog(folder) is not None, "watched")
        watchdog = self._watchdog(folder)
        assert watchdog is not None
        watchdog.kill()
        self.process.kill()
        self.process.wait()

    def _watchdog(self, folder: Path) -> psutil.Process | None:
        """The one that says that it watches this process."""
        for evidence in folder.rglob("process.json"):
            content = json.loads(evidence.read_text(encoding="utf-8"))
            watching = evidence.with_name("watching")
            if content["process"]["pid"] == self.process.pid and watching.exists():
                return psutil.Process(int(watching.read_text(encoding="ascii")))
        return None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with relaying() as found:
        for name, value in found.settings.items():
            monkeypatch.setenv(name, value)
        yield found


def test_trainings_that_freeze_and_die_are_found_and_their_late_evidence_corrects_it(
    relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Scripts report every two seconds.
    monkeypatch.setenv("RUNLEDGER_NOT_RESPONDING_SECONDS", "5")
    monkeypatch.setenv("RUNLEDGER_PRESUMED_DEAD_SECONDS", "8")
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path / "w"))
        client = stack.enter_context(closing(RemoteClient(server.url)))
        definition = {"name": "ends", "recipients": ["maria@example.org"], "to": ["Failed", "Completed"]}
        client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
        trainings = {name: Training(server.url, name, tmp_path) for name in ("short", "long")}
        # Another host: nobody here finds what lies there.
        there = {"XDG_STATE_HOME": str(tmp_path / "there")}
        trainings["gone"] = Training(server.url, "gone", tmp_path, **there)
        for training in trainings.values():
            stack.callback(training.end)
        until(lambda: listened_for(server) == 3, "heard")
        trainings["short"].signal(signal.SIGSTOP)
        trainings["long"].signal(signal.SIGSTOP)
        trainings["gone"].kill_with_watchdog(tmp_path / "there")
        became(client, "short", "NotResponding")
        trainings["short"].signal(signal.SIGCONT)
        became(client, "short", "Running")
        assert client.run("short")["status_reason"] == "heard again"
        for name in ("long", "gone"):
            became(client, name, "Failed")
            assert client.run(name)["presumed"]
        relay.wait(2)
        trainings["long"].signal(signal.SIGCONT)
        until(lambda: bool(client.run("long").get("warnings")), "heard of after its end")
        for name in ("short", "long"):
            trainings[name].done.touch()
            became(client, name, "Completed")
            assert trainings[name].process.wait(SECONDS) == 0
        # Another command on the host that had gone away delivers what was left there.
        assert process("run", "list", "-w", server.url, **there).code == 0
        until(lambda: not client.run("gone").get("presumed"), "corrected")
        gone, long = client.run("gone"), client.run("long")
        seen = {name: statuses(client, name) for name in trainings}
        relay.wait(5)
        assert server.stop() == 0

    silent, presumed = ("Running", "NotResponding"), ("NotResponding", "Failed")
    assert seen["short"] == [silent, ("NotResponding", "Running"), ("Running", "Completed")]
    assert seen["long"] == [silent, presumed, ("Failed", "Completed")]
    assert seen["gone"][:2] == [silent, presumed]
    assert (gone["status"], gone["error"]["code"]) == ("Failed", "ProcessDied")
    assert "presumed" not in long
    assert "error" not in long
    assert [warning["code"] for warning in long["warnings"]] == ["alive-after-all"]
    assert_corrected_in_the_same_thread(relay)


def assert_corrected_in_the_same_thread(relay: Relay) -> None:
    mails: dict[str, list[str]] = {}
    for message in relay.messages():
        mails.setdefault(str(message["in-reply-to"]), []).append(str(message["subject"]))
    subjects = sorted(mails.values())

    assert subjects == [
        ["[e] run gone: NotResponding -> Failed (presumed)", "[e] run gone: Failed -> Failed (corrected)"],
        ["[e] run long: NotResponding -> Failed (presumed)", "[e] run long: Failed -> Completed (corrected)"],
        ["[e] run short: Running -> Completed"],
    ]


def by_command(folder: Path) -> None:
    assert process("run", "list", "-w", folder).code == 0


def by_server(folder: Path) -> None:
    with running(folder) as server:
        until(lambda: server.get("/api/v1/runs/r").json()["status"] == "Failed", "found by the server")


def by_script(folder: Path) -> None:
    code = "import sys; from runledger import Workspace; Workspace(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, timeout=SECONDS)


@pytest.mark.parametrize("find", [by_command, by_server, by_script])
def test_a_dead_training_in_a_folder_is_found_by_whoever_opens_it(find: Callable[[Path], None], tmp_path: Path) -> None:
    assert process("init", tmp_path / "w").code == 0
    training = Training(str(tmp_path / "w"), "r", tmp_path)
    try:
        training.kill_with_watchdog(tmp_path / "w")
        with closing(connect(str(tmp_path / "w"))) as client:
            assert client.run("r")["status"] == "Running"
        find(tmp_path / "w")
        with closing(connect(str(tmp_path / "w"))) as client:
            run = client.run("r")
    finally:
        training.end()

    assert (run["status"], run["error"]["code"]) == ("Failed", "ProcessDied")
    assert [path for path in (tmp_path / "w" / ".runledger" / "journals").rglob("*") if path.is_file()] == []
