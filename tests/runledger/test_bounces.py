"""From a mail that came back to a recipient that is not mailed any more, over every way in."""

import mailbox
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.commands import ChangeStatus, DefineRule, StartRun, new_command_id
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.alerts.bounces.reports import report, vacation
from tests.runledger.cli.calling import call
from tests.runledger.relay import Relay, relaying
from tests.runledger.server.running import running

MAIL = {"Content-Type": "message/rfc822"}


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with relaying() as found:
        for name, value in {**found.settings, "RUNLEDGER_BOUNCE_ADDRESS": "bounces@example.org"}.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def workspace(relay: Relay, tmp_path: Path) -> Path:
    """One run failed, and maria and jan were told."""
    place = tmp_path / "w"
    make_folder(place, log="sqlite")
    with closing(connect(str(place))) as client:
        definition = {"name": "failures", "recipients": ["maria@example.org", "jan@example.org"]}
        client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
    fail(place, "r1")
    assert sorted(relay.recipients) == ["jan@example.org", "maria@example.org"]
    return place


def fail(place: Path, run_id: str) -> None:
    with closing(connect(str(place))) as client:
        client.execute(StartRun(run_id=run_id, experiment="e"))
        client.execute(ChangeStatus(run_id=run_id, status=RunStatus.FAILED))
    assert call("alert", "run", "--once", "-w", place).code == 0


def marias(relay: Relay) -> str:
    """Where the first mail to maria comes back."""
    return next(mail.sender for mail in relay.sink.mails if mail.recipient == "maria@example.org")


def test_a_mailbox_of_returned_mails_is_read(workspace: Path, relay: Relay, tmp_path: Path) -> None:
    back = marias(relay)
    assert back.startswith("bounces+")
    with closing(mailbox.mbox(tmp_path / "bounces")) as box:
        for content in (report(back), vacation(back), report(back, action="delayed", status="4.4.1")):
            box.add(content)
        box.flush()

    read = call("alert", "bounces", tmp_path / "bounces", "-w", workspace)
    assert [(each["verdict"], each["suppressed"]) for each in read.json] == [
        ("permanent", True),
        ("automatic reply", False),
        ("temporary", False),
    ]
    [shown] = call("alert", "recipients", "-w", workspace).json
    assert (shown["recipient"], shown["suppressed"]["status"]) == ("maria@example.org", "5.1.1")
    assert "User unknown" in shown["suppressed"]["diagnostic"]
    [rule] = call("alert", "list", "-w", workspace).json
    assert rule["not_mailed"] == {"maria@example.org": "bounced"}
    assert call("alert", "show", "failures", "-w", workspace).json["not_mailed"] == rule["not_mailed"]
    history = {each["recipient"]: each for each in call("alert", "history", "failures", "-w", workspace).json}
    assert history["maria@example.org"]["bounced"]["status"] == "5.1.1"
    assert "bounced" not in history["jan@example.org"]

    fail(workspace, "r2")
    assert relay.recipients[2:] == ["jan@example.org"]

    assert call("alert", "unsuppress", "maria@example.org", "-w", workspace).code == 0
    again = call("alert", "bounces", tmp_path / "bounces", "-w", workspace)
    assert call("alert", "recipients", "-w", workspace).json == []
    assert "0 of 3" in again.err
    fail(workspace, "r3")
    assert relay.recipients.count("maria@example.org") == 2


def test_a_maildir_and_a_single_mail_are_read(workspace: Path, relay: Relay, tmp_path: Path) -> None:
    with closing(mailbox.Maildir(tmp_path / "maildir")) as folder:
        folder.add(report(marias(relay)))
    (tmp_path / "one.eml").write_bytes(vacation(marias(relay)))
    (tmp_path / "empty").touch()
    files = [tmp_path / name for name in ("maildir", "one.eml", "empty")]
    found = call("alert", "bounces", *files, "-w", workspace).json
    assert [each["suppressed"] for each in found] == [True, False]


def test_a_server_takes_returned_mails_from_who_may_write(workspace: Path, relay: Relay) -> None:
    with running(workspace) as server:
        back = marias(relay)
        forged = server.ask(
            "POST", "/api/v1/bounces", report(back.replace(back[20], "7" if back[20] != "7" else "6")), MAIL
        )
        assert (forged.status, forged.json()["suppressed"]) == (200, False)
        assert "forged" in forged.json()["why"]
        assert server.ask("POST", "/api/v1/bounces", report(back)).status == 400
        assert server.get("/api/v1/recipients").json() == []

        elsewhere = f"/api/v1/bounces?recipient={back.replace('+', '%2B')}"
        taken = server.ask("POST", elsewhere, report("postmaster@example.org"), MAIL)
        assert (taken.status, taken.json()["suppressed"]) == (200, True)
        assert [each["recipient"] for each in server.get("/api/v1/recipients").json()] == ["maria@example.org"]
        assert call("alert", "unsuppress", "MARIA@example.org", "-w", server.url).code == 0
        assert call("alert", "recipients", "-w", server.url).json == []
    token = call("server", "--data", workspace, "--init-admin").json["token"]
    reader = call("token", "create", "eve", "--role", "viewer", "-w", workspace).json["token"]
    with running(workspace) as server:
        asked = [
            server.ask(
                "POST", "/api/v1/bounces", report(back), MAIL | ({"Authorization": f"Bearer {each}"} if each else {})
            )
            for each in (token, reader, "")
        ]
        assert [each.status for each in asked] == [200, 403, 401]


def test_who_unsubscribed_is_shown_and_may_be_asked_back(workspace: Path) -> None:
    off = call("alert", "unsubscribe", "jan@example.org", "--rule", "failures", "-w", workspace)
    assert [each["rule_id"] for each in off.json["unsubscribed"]] != [None]
    assert call("alert", "list", "-w", workspace).json[0]["not_mailed"] == {"jan@example.org": "unsubscribed"}
    assert call("alert", "unsubscribe", "jan@example.org", "-w", workspace).code == 0
    refused = call("alert", "resubscribe", "jan@example.org", "--rule", "failures", "-w", workspace)
    assert (refused.code, "leave out the rule" in refused.err) == (4, True)
    assert call("alert", "resubscribe", "jan@example.org", "-w", workspace).json["unsubscribed"] == []
    nothing = call("alert", "resubscribe", "jan@example.org", "-w", workspace)
    assert (nothing.code, "nothing to do" in nothing.err) == (0, True)
    assert call("alert", "unsubscribe", "jan@example.org", "--rule", "none", "-w", workspace).code == 3


def test_without_a_bounce_address_mails_come_back_to_their_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNLEDGER_BOUNCE_ADDRESS", raising=False)
    make_folder(tmp_path, log="sqlite")
    with relaying() as relay:
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        with closing(connect(str(tmp_path))) as client:
            definition = {"name": "failures", "recipients": ["maria@example.org"]}
            client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
        fail(tmp_path, "r1")
        assert [mail.sender for mail in relay.sink.mails] == ["ledger@example.org"]
        monkeypatch.setenv("RUNLEDGER_BOUNCE_ADDRESS", "a+b@example.org")
        refused = call("alert", "run", "--once", "-w", tmp_path)
        assert refused.code != 0
        assert "bounces@example.org" in refused.err
