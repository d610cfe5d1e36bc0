"""Servers that send: a mail soon after its event, and another server in the place of one that is gone."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from ledger.remote.client import RemoteClient
from schemas.statuses import RunStatus
from tests.alerts.sinks import Fault
from tests.runledger.relay import Relay, relaying
from tests.runledger.server.running import Server, running

CONNECTIONS = 8


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with relaying() as found:
        for name, value in found.settings.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def servers(relay: Relay, kafka_broker: KafkaBroker, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    log = f"kafka://{kafka_broker.address}/m{uuid4().hex[:12]}"
    with ExitStack() as stack:
        assert relay.sink.port
        one, two = (stack.enter_context(running(tmp_path / name, "--log", log)) for name in ("a", "b"))
        yield one, two


def define(client: RemoteClient) -> str:
    rule_id = new_command_id()
    definition = {"name": "failures", "recipients": ["maria@example.org"], "retry": {"first_seconds": 1}}
    client.execute(DefineRule(rule_id=rule_id, definition=definition))
    return rule_id


def fail(client: RemoteClient, *run_ids: str) -> None:
    for run_id in run_ids:
        client.execute(StartRun(run_id=run_id, experiment="e"))
        client.execute(ChangeStatus(run_id=run_id, status=RunStatus.FAILED))


def counted(relay: Relay) -> Counter[str]:
    return Counter(str(message["message-id"]) for message in relay.messages())


def test_a_server_sends_soon_after_the_event(relay: Relay, tmp_path: Path) -> None:
    with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
        rule_id = define(client)
        fail(client, "r")
        relay.wait(1)
        while not (found := client.deliveries(rule_id)) or found[0]["state"] != "sent":
            time.sleep(0.02)
        assert found[0]["recipient"] == "maria@example.org"
        assert server.stop() == 0
    with running(tmp_path) as again, closing(RemoteClient(again.url)) as client:
        fail(client, "another")
        relay.wait(2)
        time.sleep(0.5)
        assert len(relay.sink.mails) == 2


def test_a_server_without_a_relay_serves_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNLEDGER_SMTP_URL", raising=False)
    with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
        define(client)
        fail(client, "r")
        assert client.run("r")["status"] == "Failed"
    with relaying() as relay:
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        with running(tmp_path):
            # What waited is sent once there is a way.
            relay.wait(1)


@pytest.mark.kafka
def test_two_servers_send_each_mail_once(servers: tuple[Server, Server], relay: Relay) -> None:
    with closing(RemoteClient(servers[0].url)) as one, closing(RemoteClient(servers[1].url)) as two:
        define(one)
        for number in range(20):
            fail((one, two)[number % 2], f"r{number}")
        relay.wait(20)
        time.sleep(0.5)
    assert Counter(counted(relay).values()) == {1: 20}


@pytest.mark.kafka
def test_a_killed_server_is_replaced_within_seconds(servers: tuple[Server, Server], relay: Relay) -> None:
    with closing(RemoteClient(servers[0].url)) as one, closing(RemoteClient(servers[1].url)) as two:
        rule_id = define(one)
        relay.sink.faults.append(Fault("body", delay=1.0, stored=True, times=None))
        fail(one, *(f"r{number}" for number in range(12)))
        relay.until(lambda: relay.sink.taken > 0, "first mail")
        # Whoever claimed most is killed in the middle of it.
        claimed = Counter(each["server"] for each in two.deliveries(rule_id))
        victim = max(servers, key=lambda server: claimed_by(claimed, server))
        victim.process.send_signal(signal.SIGKILL)
        relay.sink.faults.clear()
        began = time.monotonic()
        relay.until(lambda: len(counted(relay)) == 12, "12 different mails", 30)
        assert time.monotonic() - began < 25
    assert sum(counted(relay).values()) <= 12 + CONNECTIONS


def claimed_by(claimed: Counter[str], server: Server) -> int:
    return sum(count for name, count in claimed.items() if f"/{server.process.pid}/" in name)


@pytest.mark.kafka
def test_a_server_that_was_frozen_doubles_no_more_than_it_had_claimed(
    servers: tuple[Server, Server], relay: Relay
) -> None:
    with closing(RemoteClient(servers[0].url)) as one, closing(RemoteClient(servers[1].url)) as two:
        rule_id = define(one)
        relay.sink.faults.append(Fault("MAIL", delay=1.0, times=None))
        fail(one, *(f"r{number}" for number in range(12)))
        while not (found := two.deliveries(rule_id)):
            time.sleep(0.02)
        claimed = Counter(each["server"] for each in found)
        victim = max(servers, key=lambda server: claimed_by(claimed, server))
        victim.process.send_signal(signal.SIGSTOP)
        relay.sink.faults.clear()
        try:
            # It is not gone, so its claims stand until their lease is over.
            relay.until(lambda: len(counted(relay)) == 12, "12 different mails", 60)
        finally:
            victim.process.send_signal(signal.SIGCONT)
        time.sleep(2)
    assert len(counted(relay)) == 12
    assert sum(counted(relay).values()) <= 12 + CONNECTIONS
