"""What a server tells of the notifications: figures at /metrics, and at /readyz when the oldest has waited too long."""

import time
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from ledger.remote.client import RemoteClient
from schemas.statuses import RunStatus
from tests.alerts.sinks import Fault
from tests.runledger.cli.calling import call
from tests.runledger.relay import relaying
from tests.runledger.server.running import Server, running

Sample = tuple[str, tuple[tuple[str, str], ...]]


def figures(server: Server) -> dict[Sample, float]:
    text = server.get("/metrics").body.decode()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for each in found}


def until(server: Server, name: str, value: float, **labels: str) -> dict[Sample, float]:
    """The figures, once one of them has a value."""
    sample, deadline = (name, tuple(sorted(labels.items()))), time.monotonic() + 30
    while (found := figures(server)).get(sample) != value:
        assert time.monotonic() < deadline, (sample, found)
        time.sleep(0.1)
    return found


def status_until(server: Server, wanted: int) -> dict[str, str]:
    deadline = time.monotonic() + 30
    while (reply := server.get("/readyz")).status != wanted:
        assert time.monotonic() < deadline, reply
        time.sleep(0.1)
    told: dict[str, str] = reply.json()
    return told


def test_figures_and_readiness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with relaying() as relay:
        for name, value in (relay.settings | {"RUNLEDGER_MAIL_LATE_SECONDS": "2"}).items():
            monkeypatch.setenv(name, value)
        with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
            definition = {"name": "failures", "recipients": ["maria@example.org", "gone@example.org"]}
            client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
            relay.sink.faults.append(Fault("RCPT", "550 no such user", recipient="gone@example.org", times=None))
            fail(client, "r1")
            until(server, "runledger_notifications_total", 1, rule="failures", channel="email", result="rejected")
            told = until(server, "runledger_notifications_total", 1, rule="failures", channel="email", result="sent")
            email = (("channel", "email"),)
            assert told["runledger_notification_delay_seconds_count", email] == 1
            assert told["runledger_notification_delay_seconds_bucket", (*email, ("le", "+Inf"))] == 1
            assert told["runledger_channel_broken", email] == 0
            assert server.get("/readyz").status == 200

            relay.sink.faults.append(Fault("MAIL", "554 not from you", times=None))
            fail(client, "r2")
            until(server, "runledger_channel_broken", 1, channel="email")
            until(server, "runledger_notifications_waiting", 2, channel="email")
            why = status_until(server, 503)
            assert "RUNLEDGER_MAIL_LATE_SECONDS" in why["detail"]
            assert figures(server)["runledger_notification_oldest_seconds", email] > 2
            # It answers all the same: that mails are late must not keep runs from being recorded.
            assert client.run("r2")["status"] == "Failed"

            relay.sink.faults.pop()
            status_until(server, 200)
            until(server, "runledger_notifications_waiting", 0, channel="email")
            assert figures(server)["runledger_notification_failed_attempts_total", (*email, ("outcome", "retry"))] >= 1


def test_who_is_refused_for_now_makes_no_server_unready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with relaying([Fault("RCPT", "450 greylisted", times=None)]) as relay:
        for name, value in (relay.settings | {"RUNLEDGER_MAIL_LATE_SECONDS": "1"}).items():
            monkeypatch.setenv(name, value)
        with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
            definition = {"name": "failures", "recipients": ["maria@example.org"]}
            client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
            fail(client, "r1")
            until(server, "runledger_notification_failed_attempts_total", 1, channel="email", outcome="retry")
            time.sleep(2.5)
            assert server.get("/readyz").status == 200


def test_a_server_that_tells_nothing_has_no_such_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNLEDGER_SMTP_URL", raising=False)
    with running(tmp_path) as server:
        assert not any("notification" in name for name, _ in figures(server))


def test_a_setting_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_MAIL_LATE_SECONDS", "soon")
    done = call("server", "--data", tmp_path, "--port", "0")
    assert done.code == 4
    assert "RUNLEDGER_MAIL_LATE_SECONDS" in done.err


def fail(client: RemoteClient, run_id: str) -> None:
    client.execute(StartRun(run_id=run_id, experiment="e"))
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.FAILED))
