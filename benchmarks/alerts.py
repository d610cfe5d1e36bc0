"""From a change of status in the ledger to a mail at the relay: how soon, and how many a second."""

import asyncio
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from benchmarks.mail import client_rate, example
from benchmarks.result import Result, percentile
from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from runledger.alerting import mail_service
from runledger.wiring import connect, embedded_workspace, make_workspace
from schemas.statuses import RunStatus
from tests.alerts.sinks import Sink, running
from tests.runledger.relay import relaying

_RUNS = 1_000
_RATE = 200
_MAILS = 3_000
_ROUNDS = 3


def run() -> list[Result]:
    """Latency at 200 events a second; then as many as there are."""
    p50, p99 = _latencies()
    measured = [_durable(recipients) for recipients in (10, 1)]
    return [
        Result(f"event to mail at {_RATE} events/s, p50", p50 * 1e3, "ms"),
        Result(f"event to mail at {_RATE} events/s, p99", p99 * 1e3, "ms", goal="≤ 250 ms", met=p99 <= 0.25),
        *measured,
    ]


def _durable(recipients: int) -> Result:
    ours, floor = (median(each) for each in zip(*[_rates(recipients) for _ in range(_ROUNDS)], strict=True))
    name = f"mails sent, durable, recipients an event: {recipients}"
    return Result(name, ours, "mails/s", floor, "mails/s, aiosmtplib alone", "≥ 1,000/s", ours >= 1_000)


def _latencies() -> tuple[float, float]:
    """A server with the alerts role; runs fail through the log beside it, and each mail is timed."""
    arrived: dict[str, float] = {}
    began: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, relaying() as relay:
        make_workspace(Path(folder), log="sqlite")
        relay.sink.reached = lambda phase: _note(relay.sink, arrived) if phase == "taken" else None
        environment = {"PATH": "", **relay.settings}
        command = [sys.executable, "-m", "runledger", "server", "--data", folder, "--port", "0"]
        root = Path(__file__).resolve().parent.parent
        with (
            closing(connect(folder)) as client,
            subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as server,
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
            deadline = perf_counter() + 30
            while len(arrived) < _RUNS and perf_counter() < deadline:
                sleep(0.05)
            server.terminate()
    taken = [arrived.get(run_id, deadline) - at for run_id, at in began.items()]
    return percentile(taken, 0.5), percentile(taken, 0.99)


def _note(sink: Sink, arrived: dict[str, float]) -> None:
    subject = next(line for line in sink.mails[-1].content.split(b"\r\n") if line.startswith(b"Subject: "))
    arrived.setdefault(subject.split()[3].rstrip(b":").decode(), perf_counter())


def _rates(recipients: int) -> tuple[float, float]:
    """Mails a second of the whole service, claims and outcomes in the log; and of the client alone."""
    with tempfile.TemporaryDirectory() as folder:
        make_workspace(Path(folder), log="sqlite")
        with closing(connect(folder)) as client:
            definition = {"name": "failures", "recipients": [f"a{number}@example.org" for number in range(recipients)]}
            client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
            for number in range(_MAILS // recipients):
                client.execute(StartRun(run_id=f"r{number}", experiment="e"))
                client.execute(ChangeStatus(run_id=f"r{number}", status=RunStatus.FAILED))
        return asyncio.run(_both(folder))


async def _both(folder: str) -> tuple[float, float]:
    async with running(Sink(keeps_content=False)) as sink:
        settings = {
            "RUNLEDGER_SMTP_URL": f"smtp://127.0.0.1:{sink.port}?helo=client",
            "RUNLEDGER_MAIL_FROM": "ledger@example.org",
        }
        with embedded_workspace(folder) as parts:
            service, channel = mail_service(parts, settings)
            began = perf_counter()
            await service.run_once(120)
            seconds = perf_counter() - began
            await channel.close()
        if sink.taken < _MAILS:
            raise RuntimeError(f"only {sink.taken} of {_MAILS} mails were sent")
        return sink.taken / seconds, await client_rate(sink, example())
