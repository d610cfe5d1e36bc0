"""From a change of status in the ledger to a mail at the relay: how soon, and how many a second."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from benchmarks import alertmanager_peer
from benchmarks.mail import client_rate, example
from benchmarks.relays import SMTP_SINK, Relay, counting, smtp_sink
from benchmarks.result import Result, percentile
from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from runledger.wiring import connect, make_workspace
from schemas.statuses import RunStatus

_ROOT = Path(__file__).resolve().parent.parent
_RUNS, _RATE = 1_000, 200
_MAILS = 1_600
_FAR_MAILS, _FAR_CONNECTIONS, _FAR_MILLISECONDS = 600, 10, 20
_ROUNDS = 3
_TEAMS = 8
_SECONDS = 120.0

NOTES = """\
The times from event to mail have no peer, so they say how busy the machine was: who writes the 200 events a second,
the server and the relay share its cores with whatever else runs.

Every figure of mails a second is a median of rounds taken in turns with its peer. Ours begins when the service begins
to read a log that holds all the events, and ends when the last outcome is in the log: what is to be told is found,
claimed before it is sent, composed as text and HTML, sent, and settled, and each append is synced to the disk.
Alertmanager's begins with the first alert that is posted and ends when the relay has its last mail (`group_wait` 0 s,
grouped by all labels, its own template, which is HTML alone). It writes nothing to the disk on the way: alerts that
it accepted are lost when it is killed, and what it sent is saved every 15 minutes and when it is stopped. It opens a
connection for each mail, as many at once as there are alerts; ours keeps 8, of which one recipient has at most half.

The relays are processes of their own: one of ours that counts (`benchmarks/counting_sink.py`), and Postfix's
`smtp-sink`. Alertmanager has all cores, our service one interpreter: of a machine that does other work as well it
gets less. Where its time goes is spread (`py-spy record --gil --pid` of `benchmarks/alert_sender.py`): reading and
evaluating events, speaking to the relay, composing, and handing over between the loop and its threads are each of the
same order; deciding and appending are less.

Without Debian's packages `prometheus-alertmanager` and `postfix` there is no peer, or no second relay.
"""


def run() -> list[Result]:
    """Latency at 200 events a second; then as many as there are, beside others; then a relay far away."""
    for missing, package in ((alertmanager_peer.PROGRAM, "prometheus-alertmanager"), (SMTP_SINK, "postfix")):
        if missing is None:
            print(f"not measured: Debian's package {package} is not installed", file=sys.stderr)
    p50, p99 = _latencies()
    return [
        Result(f"event to mail at {_RATE} events/s, p50", p50 * 1e3, "ms"),
        Result(f"event to mail at {_RATE} events/s, p99", p99 * 1e3, "ms", goal="≤ 250 ms", met=p99 <= 0.25),
        *_durable(),
        _far(),
    ]


@dataclass
class Rates:
    """What was measured of one thing in several rounds."""

    rates: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.rates)


def _durable() -> list[Result]:
    """Rounds of ours, Alertmanager and aiosmtplib alone."""
    teams, one, ten, peer = (Rates() for _ in range(4))
    teams_there, peer_there, client, spent, peer_spent = (Rates() for _ in range(5))
    with ExitStack() as stack:
        relay = stack.enter_context(counting())
        there = stack.enter_context(smtp_sink()) if SMTP_SINK else None
        by_team, to_one, to_ten = (
            stack.enter_context(_backlog(teams, each)) for teams, each in ((_TEAMS, 1), (1, 1), (1, 10))
        )
        for _ in range(_ROUNDS):
            rate, seconds = _ours(by_team, relay)
            teams.rates.append(rate)
            spent.rates.append(seconds / _MAILS * 1e6)
            rate, seconds = peer_rate(relay)
            peer.rates.append(rate)
            peer_spent.rates.append(seconds / _MAILS * 1e6)
            one.rates.append(_ours(to_one, relay)[0])
            ten.rates.append(_ours(to_ten, relay)[0])
            client.rates.append(asyncio.run(client_rate(relay.port, example(), mails=_MAILS)))
            relay.taken_elsewhere(_MAILS)
            if there is not None:
                teams_there.rates.append(_ours(by_team, there)[0])
                peer_there.rates.append(peer_rate(there)[0])
    rows = [
        beside(f"a mail an event, {_TEAMS} rules and recipients", teams, peer),
        Result("processor time of that", spent.median, "µs a mail", *_or_why(peer_spent, "µs, Alertmanager")),
        beside("a mail an event, one recipient", one, peer),
        beside("ten mails an event", ten, peer),
        Result("the same beside a client", ten.median, "mails/s", client.median, "mails/s, aiosmtplib alone"),
    ]
    if there is not None:
        rows.insert(2, beside(f"a mail an event, {_TEAMS} rules and recipients, smtp-sink", teams_there, peer_there))
    return rows


def beside(name: str, ours: Rates, peer: Rates) -> Result:
    """A row with Alertmanager as the peer, or with what is missing."""
    name = f"durable: {name}"
    floor, floor_name = _or_why(peer, "mails/s, Alertmanager")
    met = None if floor is None else ours.median >= 1.5 * floor
    return Result(name, ours.median, "mails/s", floor, floor_name, "≥ 1.5 of Alertmanager", met)


def _or_why(peer: Rates, what: str) -> tuple[float | None, str]:
    """The peer's figure and its name; or none, and why."""
    if alertmanager_peer.PROGRAM is None:
        return None, "the package prometheus-alertmanager is not installed"
    return peer.median, f"{what} {alertmanager_peer.version()}"


def peer_rate(relay: Relay) -> tuple[float, float]:
    """Alertmanager's mails a second and seconds of processor time; none of either where it is not installed."""
    return (0.0, 0.0) if alertmanager_peer.PROGRAM is None else alertmanager_peer.rate(relay, _MAILS, _SECONDS)


def _ours(backlog: Path, relay: Relay, *, mails: int = _MAILS, options: str = "") -> tuple[float, float]:
    """Mails a second, and seconds of processor time, of a service that finds all of it in the log."""
    before = relay.taken
    with tempfile.TemporaryDirectory() as folder:
        workspace = shutil.copytree(backlog, Path(folder) / "w")
        url = f"smtp://127.0.0.1:{relay.port}?helo=client{options}"
        command = [sys.executable, "-m", "benchmarks.alert_sender", str(workspace), url]
        with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
            if sender.stdout is not None:
                sender.stdout.readline()
            said, _ = sender.communicate("go\n", timeout=2 * _SECONDS)
    relay.wait(before + mails, 5)
    seconds, spent = map(float, said.split())
    return mails / seconds, spent


@contextmanager
def _backlog(teams: int, recipients: int, mails: int = _MAILS) -> Iterator[Path]:
    """A workspace in which so many mails wait: of as many teams, each with a rule, told of its own runs."""
    with tempfile.TemporaryDirectory() as folder:
        make_workspace(Path(folder), log="sqlite")
        with closing(connect(folder)) as client:
            for team in range(teams):
                told = [f"team{team}-{number}@example.org" for number in range(recipients)]
                definition = {"name": f"failures of e{team}", "recipients": told, "experiment": f"e{team}"}
                client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
            for number in range(mails // recipients):
                client.execute(StartRun(run_id=f"r{number}", experiment=f"e{number % teams}"))
                client.execute(ChangeStatus(run_id=f"r{number}", status=RunStatus.FAILED))
        yield Path(folder)


def _far() -> Result:
    """A relay that answers 20 ms after it was asked."""
    ours, client = Rates(), Rates()
    with _backlog(1, 10, _FAR_MAILS) as backlog, counting(_FAR_MILLISECONDS) as relay:
        for _ in range(_ROUNDS):
            options = f"&connections={_FAR_CONNECTIONS}"
            ours.rates.append(_ours(backlog, relay, mails=_FAR_MAILS, options=options)[0])
            alone = client_rate(relay.port, example(), mails=_FAR_MAILS, connections=_FAR_CONNECTIONS)
            client.rates.append(asyncio.run(alone))
            relay.taken_elsewhere(_FAR_MAILS)
    name = f"durable: a relay {_FAR_MILLISECONDS} ms away, {_FAR_CONNECTIONS} connections"
    peer = "mails/s, aiosmtplib alone"
    return Result(name, ours.median, "mails/s", client.median, peer, "≥ 110/s", ours.median >= 110)


def _latencies() -> tuple[float, float]:
    """A server with the alerts role; runs fail through the log beside it, and each mail is timed."""
    began: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, counting(subjects=True) as relay:
        make_workspace(Path(folder), log="sqlite")
        environment = {
            "PATH": os.defpath,
            "RUNLEDGER_SMTP_URL": f"smtp://127.0.0.1:{relay.port}",
            "RUNLEDGER_MAIL_FROM": "ledger@example.org",
        }
        command = [sys.executable, "-m", "runledger", "server", "--data", folder, "--port", "0"]
        with (
            closing(connect(folder)) as client,
            subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server,
        ):
            if server.stdout is not None:
                server.stdout.readline()
            definition = {"name": "failures", "recipients": ["ann@example.org"]}
            client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
            for number in range(_RUNS):
                client.execute(StartRun(run_id=f"r{number}", experiment="e"))
            start = perf_counter()
            for number in range(_RUNS):
                sleep(max(start + number / _RATE - perf_counter(), 0))
                client.execute(ChangeStatus(run_id=f"r{number}", status=RunStatus.FAILED))
                began[f"r{number}"] = perf_counter()
            relay.wait(_RUNS, _SECONDS)
            server.terminate()
    arrived = {subject.split()[3].rstrip(":"): when for when, subject in relay.noted}
    taken = [arrived[run_id] - at for run_id, at in began.items()]
    return percentile(taken, 0.5), percentile(taken, 0.99)
