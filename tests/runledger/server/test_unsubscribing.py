"""The link in a mail: looked at it changes nothing, clicked it takes effect at once, and nobody can forge it."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from ledger.remote.client import RemoteClient
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import call
from tests.runledger.relay import Relay, relaying
from tests.runledger.server.running import Reply, Server, running

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Host": "runs.example.org"}
PUBLIC = "https://runs.example.org"


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with relaying() as found:
        for name, value in {**found.settings, "RUNLEDGER_PUBLIC_URL": PUBLIC}.items():
            monkeypatch.setenv(name, value)
        yield found


def define(client: RemoteClient, name: str, *recipients: str) -> str:
    rule_id = new_command_id()
    client.execute(DefineRule(rule_id=rule_id, definition={"name": name, "recipients": list(recipients)}))
    return rule_id


def fail(client: RemoteClient, run_id: str) -> None:
    client.execute(StartRun(run_id=run_id, experiment="e"))
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.FAILED))


def link_in(relay: Relay, place: int = 0) -> str:
    """The path that the header of a mail names."""
    message = relay.messages()[place]
    url = str(message["List-Unsubscribe"])[1:-1]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url.startswith(f"{PUBLIC}/unsubscribe/")
    return url.removeprefix(PUBLIC)


def post(server: Server, path: str, body: str = "List-Unsubscribe=One-Click") -> Reply:
    return server.ask("POST", path, body.encode(), FORM)


def settled(client: RemoteClient, rule_id: str, count: int) -> list[str]:
    """What became of a rule's notifications, once so many have an end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ends = [each["state"] for each in client.deliveries(rule_id) if each["state"] in {"sent", "suppressed"}]
        if len(ends) >= count:
            return ends
        time.sleep(0.02)
    raise AssertionError(client.deliveries(rule_id))


def test_one_click_takes_a_recipient_off_a_rule_at_once(relay: Relay, tmp_path: Path) -> None:
    with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
        define(client, "failures", "maria@example.org", "jan@example.org")
        fail(client, "r1")
        relay.wait(2)
        mine = relay.recipients.index("maria@example.org")
        path = link_in(relay, mine)

        looked = server.ask("GET", path, headers=FORM)
        assert (looked.status, b"maria@example.org" in looked.body) == (200, True)
        assert b'<form method="post">' in looked.body
        fail(client, "r2")
        relay.wait(4)
        assert relay.recipients.count("maria@example.org") == 2

        assert post(server, path).status == post(server, path).status == 200
        fail(client, "r3")
        relay.wait(5)
        fail(client, "r4")
        relay.wait(6)
        assert relay.recipients.count("maria@example.org") == 2
        assert relay.recipients.count("jan@example.org") == 4

        assert post(server, path, "action=again").status == 200
        fail(client, "r5")
        relay.wait(8)
        assert relay.recipients.count("maria@example.org") == 3
    lines = map(json.loads, call("events", "tail", "--last", 100, "-w", tmp_path).out.splitlines())
    happened = [each for each in lines if each["stream"].startswith("recipient:")]
    assert [each["actor"] for each in happened] == ["maria@example.org"] * 2


def test_what_waits_for_its_turn_is_not_sent_to_who_unsubscribed(relay: Relay, tmp_path: Path) -> None:
    with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
        rule_id = define(client, "failures", "maria@example.org")
        fail(client, "r1")
        relay.wait(1)
        assert settled(client, rule_id, 1) == ["sent"]
        assert post(server, link_in(relay)).status == 200
        fail(client, "r2")
        time.sleep(0.3)
        assert relay.recipients == ["maria@example.org"]


def test_all_rules_may_be_left_and_taken_back_on_the_page(relay: Relay, tmp_path: Path) -> None:
    with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
        define(client, "one", "maria@example.org")
        define(client, "two", "maria@example.org", "jan@example.org")
        fail(client, "r1")
        relay.wait(3)
        path = link_in(relay, relay.recipients.index("maria@example.org"))
        assert b"all-again" in post(server, path, "action=all").body
        fail(client, "r2")
        relay.wait(4)
        assert b"gets no mails" in post(server, path, "action=again").body
        assert post(server, path, "action=all-again").status == 200
        fail(client, "r3")
        relay.wait(7)
        assert relay.recipients.count("maria@example.org") == 4


def test_it_needs_no_login_and_opens_nothing_else(relay: Relay, tmp_path: Path) -> None:
    token = call("server", "--data", tmp_path, "--init-admin").json["token"]
    with running(tmp_path) as server, closing(RemoteClient(server.url, token)) as client:
        rule_id = define(client, "failures", "maria@example.org")
        fail(client, "r1")
        relay.wait(1)
        path = link_in(relay)
        multipart = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        done = server.ask("POST", path, multipart.encode(), kind)
        assert done.status == 200
        assert not {"set-cookie", "location"} & {name.lower() for name in done.headers}
        fail(client, "r2")
        assert settled(client, rule_id, 1) == ["sent"]
        for beside in (
            f"{path}/",
            f"{path}/x",
            "/unsubscribe/",
            "/unsubscribe",
            "/api/v1/rules",
            "/unsubscribe/../api/v1/rules",
        ):
            assert server.get(beside).status == 401
            assert server.ask("POST", beside, b"{}").status == 401
    assert relay.recipients == ["maria@example.org"]


def test_a_forged_link_tells_nothing_and_changes_nothing(relay: Relay, tmp_path: Path) -> None:
    with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
        define(client, "failures", "maria@example.org")
        fail(client, "r1")
        relay.wait(1)
        path = link_in(relay)
        forged = path[:-4] + ("aaaa" if not path.endswith("aaaa") else "bbbb")
        answers = {
            server.ask(method, place, b"", FORM).body
            for method in ("GET", "POST")
            for place in (forged, "/unsubscribe/x.y")
        }
        assert len(answers) == 1
        assert b"maria" not in answers.pop()
        assert server.ask("GET", forged, headers=FORM).status == 404
        fail(client, "r2")
        relay.wait(2)
        # Whoever guesses is slowed down, and whoever has a link is not.
        statuses = [server.ask("GET", "/unsubscribe/x.y", headers=FORM).status for _ in range(80)]
        assert statuses[-1] == 429
        assert server.ask("GET", path, headers=FORM).status == 200


def test_a_link_cannot_be_used_to_fill_the_log(relay: Relay, tmp_path: Path) -> None:
    with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
        define(client, "failures", "maria@example.org")
        fail(client, "r1")
        relay.wait(1)
        path = link_in(relay)
        statuses = [post(server, path, f"action={('rule', 'again')[turn % 2]}").status for turn in range(60)]
        assert statuses[:4] == [200] * 4
        assert 429 in statuses


def test_without_a_public_address_there_is_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNLEDGER_PUBLIC_URL", raising=False)
    with relaying() as relay:
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        with running(tmp_path) as server, closing(RemoteClient(server.url)) as client:
            define(client, "failures", "maria@example.org")
            fail(client, "r1")
            relay.wait(1)
        [message] = relay.messages()
        assert "List-Unsubscribe" not in message
        assert "nsubscribe" not in message.as_string()
    assert not (tmp_path / ".runledger" / "keys").exists()


@pytest.mark.kafka
def test_servers_of_one_log_with_one_key_accept_each_others_links(
    relay: Relay, kafka_broker: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("k" * 64)
    monkeypatch.setenv("RUNLEDGER_KEY_FILE", str(tmp_path / "key"))
    log = f"kafka://{kafka_broker.address}/u{uuid4().hex[:12]}"
    with running(tmp_path / "a", "--log", log) as one, running(tmp_path / "b", "--log", log, "--roles", "api") as two:
        with closing(RemoteClient(one.url)) as client:
            rule_id = define(client, "failures", "maria@example.org")
            fail(client, "r1")
            relay.wait(1)
            # The one sent it, and the other takes it back.
            assert post(two, link_in(relay)).status == 200
            fail(client, "r2")
            assert sorted(settled(client, rule_id, 1)) == ["sent"]
            fail(client, "r3")
            time.sleep(0.5)
        assert relay.recipients == ["maria@example.org"]
