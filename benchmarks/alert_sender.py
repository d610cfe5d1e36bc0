"""The alert service in a process and a loop as a server has them: `python -m benchmarks.alert_sender FOLDER RELAY`.

It prints `ready` when all is loaded, and after a line on its input sends what waits in the workspace; then it prints
the seconds until the last outcome was in the log, and the seconds of processor time that took.
"""

import asyncio
import sys
from time import perf_counter, process_time

import uvloop

from runledger.alerting import mail_service
from runledger.process import tune_collector
from runledger.wiring import embedded_workspace

_SECONDS = 120


async def _send(folder: str, relay: str) -> None:
    settings = {"RUNLEDGER_SMTP_URL": relay, "RUNLEDGER_MAIL_FROM": "ledger@example.org"}
    with embedded_workspace(folder) as parts:
        service, channels = mail_service(parts, settings)
        print("ready", flush=True)
        sys.stdin.readline()
        began, spent = perf_counter(), process_time()
        done = await service.run_once(_SECONDS)
        print(perf_counter() - began, process_time() - spent, flush=True)
        await channels.close()
    if not done:
        raise RuntimeError(f"not all was sent within {_SECONDS} s")


if __name__ == "__main__":
    tune_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_send(*sys.argv[1:3]))
