"""Debian's `prometheus-alertmanager`, sending one mail for each alert to a relay beside it."""

import json
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter

from benchmarks.relays import Relay, free_port, until_listening

PROGRAM = shutil.which("prometheus-alertmanager")
"""Where Debian's package of that name put it, if it did."""

_AT_ONCE = 250
_CONFIG = """\
global: {{smtp_smarthost: "127.0.0.1:{port}", smtp_from: am@example.org, smtp_require_tls: false, smtp_hello: client}}
route: {{receiver: mail, group_by: ["..."], group_wait: 0s, group_interval: 1h, repeat_interval: 24h}}
receivers: [{{name: mail, email_configs: [{{to: ann@example.org}}]}}]
"""


def rate(relay: Relay, mails: int, seconds: float) -> tuple[float, float]:
    """Mails a second, from the first alert that is posted until the relay has the last mail; and its processor time.

    That is in seconds, of the whole process.
    """
    before, spent = relay.taken, _of_children()
    with _alertmanager(relay) as port:
        alerts = HTTPConnection("127.0.0.1", port, timeout=seconds)
        began = perf_counter()
        for first in range(0, mails, _AT_ONCE):
            _post(alerts, range(first, min(first + _AT_ONCE, mails)))
        took = relay.wait(before + mails, seconds) - began
        alerts.close()
    return mails / took, _of_children() - spent


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def version() -> str:
    """As it says itself."""
    said = subprocess.run([PROGRAM or "", "--version"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).split()[2]


@contextmanager
def _alertmanager(relay: Relay) -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "alertmanager.yml"
        config.write_text(_CONFIG.format(port=relay.port), encoding="ascii")
        command = [
            PROGRAM or "",
            f"--config.file={config}",
            f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                until_listening(port)
                yield port
            finally:
                process.terminate()


def _post(to: HTTPConnection, numbers: Sequence[int]) -> None:
    """Alerts as our scenario has them: a run of an experiment that failed."""
    alerts = [
        {
            "labels": {"alertname": "failures", "run": f"r{number}", "experiment": "e", "status": "Failed"},
            "annotations": {"summary": f"run r{number} of e failed"},
            "generatorURL": f"http://127.0.0.1/runs/r{number}",
        }
        for number in numbers
    ]
    to.request("POST", "/api/v2/alerts", json.dumps(alerts), {"Content-Type": "application/json"})
    answer = to.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"Alertmanager answered {answer.status} {said.decode()}")
