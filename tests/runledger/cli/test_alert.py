"""`runledger alert`: from a rule to a mail, through the front door."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import ChangeStatus, StartRun
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.alerts.sinks import Fault
from tests.runledger.cli.calling import call
from tests.runledger.relay import Relay, relaying
from tests.runledger.server.running import running

ROOT = Path(__file__).resolve().parents[3]
MARIA = "maria@example.org"


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with relaying() as found:
        for name, value in found.settings.items():
            monkeypatch.setenv(name, value)
        yield found


def create(workspace: object, *words: str) -> Any:
    done = call("alert", "create", "failures", "--recipient", MARIA, "-w", workspace, *words)
    assert done.code == 0, done.err
    return done.json


def end(workspace: object, run_id: str, status: RunStatus, **fields: Any) -> None:
    client = connect(str(workspace))
    client.execute(StartRun(run_id=run_id, experiment="digits", tags=fields.pop("tags", {})))
    client.execute(ChangeStatus(run_id=run_id, status=status, **fields))
    client.close()


def test_a_failure_becomes_a_mail_once(empty: Path, relay: Relay) -> None:
    rule = create(empty)
    end(empty, "good", RunStatus.COMPLETED)
    end(empty, "bad", RunStatus.FAILED, error={"message": "boom", "type": "ValueError"})
    assert call("alert", "run", "--once", "-w", empty).json["done"] is True
    (message,) = relay.messages()
    assert (message["to"], message["from"]) == (MARIA, "Run ledger <ledger@example.org>")
    assert message["subject"] == "[digits] run bad: Running -> Failed"
    assert message["auto-submitted"] == "auto-generated"
    body = message.get_body(("plain",))
    assert body is not None
    assert "boom" in body.get_content()
    (delivery,) = call("alert", "history", "failures", "-w", empty).json
    assert (delivery["state"], delivery["recipient"], delivery["code"]) == ("sent", MARIA, 250)
    for _ in range(2):
        assert call("alert", "run", "--once", "-w", empty).json["done"] is True
    (empty / ".runledger" / "views.db").unlink()
    assert call("alert", "run", "--once", "-w", empty).json["done"] is True
    assert len(relay.sink.mails) == 1
    assert call("alert", "show", rule["rule_id"], "-w", empty).json["name"] == "failures"


def test_a_rule_acts_while_it_is_in_force(empty: Path, relay: Relay) -> None:
    def send() -> list[str]:
        call("alert", "run", "--once", "-w", empty)
        return [message["subject"].split()[2] for message in relay.messages()]

    end(empty, "before", RunStatus.FAILED)
    create(empty)
    end(empty, "first", RunStatus.FAILED)
    assert send() == ["first:"]
    end(empty, "late", RunStatus.FAILED)
    # Put out of force before it was claimed, so it is suppressed, and says by what.
    call("alert", "disable", "failures", "-w", empty)
    end(empty, "off", RunStatus.FAILED)
    call("alert", "enable", "failures", "-w", empty)
    end(empty, "again", RunStatus.FAILED)
    assert send() == ["first:", "again:"]
    call("alert", "delete", "failures", "-w", empty)
    end(empty, "deleted", RunStatus.FAILED)
    assert send() == ["first:", "again:"]


def deliveries(workspace: object, rule: str) -> list[Any]:
    done = call("alert", "history", rule, "-w", workspace)
    return list(done.json) if done.code == 0 else []


def test_conditions_and_templates_of_ones_own(empty: Path, relay: Relay, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("{{ run }} is {{ new_status }} because of {{ error_message }}", encoding="utf-8")
    create(empty, "--tag", "team=vision", "-e", "dig*", "--subject", "{{ run }}!", "--text-file", str(text))
    end(empty, "other", RunStatus.FAILED)
    end(empty, "ours", RunStatus.FAILED, tags={"team": "vision"}, error={"message": "no data"})
    call("alert", "run", "--once", "-w", empty)
    (message,) = relay.messages()
    body = message.get_body(("plain",))
    assert body is not None
    assert (message["subject"], body.get_content().strip()) == ("ours!", "ours is Failed because of no data")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--recipient", "maria"], 4, "recipient 'maria' cannot be mailed"),
        (["--recipient", "a@example.org\nBcc: b@example.org"], 4, "cannot be mailed"),
        ([], 4, "there is no recipient"),
        (["--recipient", MARIA, "--from", "Completed", "--status", "Failed"], 4, "can never match"),
        (["--recipient", MARIA, "--subject", "{{ nonsense }}"], 4, "'nonsense'"),
        (["--recipient", MARIA, "--subject", "{% for"], 4, "subject template is refused"),
        (["--recipient", MARIA, "--tag", "a=1", "--tag", "a=2"], 4, "contradicts"),
        (["--recipient", MARIA, "--parameter", "lr>=1", "--parameter", "lr<1"], 4, "contradicts"),
        (["--recipient", MARIA, "--status", "Broken"], 2, "Broken"),
        (["--recipient", MARIA, "--text-file", "/nowhere"], 2, "/nowhere"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(empty: Path, words: list[str], code: int, says: str) -> None:
    done = call("alert", "create", "x", "-w", empty, *words)
    assert (done.code, says in done.err) == (code, True), done.err
    assert call("alert", "list", "-w", empty).json == []


def test_create_says_how_mail_will_go_out(empty: Path, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call("alert", "create", "a", "--recipient", MARIA, "-w", empty)
    assert "`runledger alert run --once`" in done.err
    monkeypatch.delenv("RUNLEDGER_SMTP_URL")
    assert "RUNLEDGER_SMTP_URL is not set" in call("alert", "create", "b", "--recipient", MARIA, "-w", empty).err
    done = call("alert", "run", "--once", "-w", empty)
    assert (done.code, "RUNLEDGER_SMTP_URL is not set" in done.err) == (4, True)
    assert relay.sink.connects == 0


def test_edit_changes_what_is_named_and_keeps_the_rest(empty: Path) -> None:
    before = create(empty, "--tag", "a=1", "--subject", "{{ run }}")
    after = call("alert", "edit", "failures", "--name", "all ends", "--status", "Completed", "-w", empty).json
    assert after["definition"]["conditions"] == before["definition"]["conditions"]
    assert after["definition"]["templates"]["subject"] == "{{ run }}"
    assert (after["name"], after["definition"]["to"]) == ("all ends", ["Completed"])
    assert after["version"] > before["version"]
    assert call("alert", "edit", "all ends", "-w", empty).code == 2
    assert call("alert", "edit", "nobody", "--name", "x", "-w", empty).code == 3


def test_lists_are_for_people_too(empty: Path) -> None:
    assert "No rules yet" in call("alert", "list", "-w", empty).err
    create(empty)
    table = call("alert", "list", "-w", empty, "-o", "table").out
    assert "Failed or NotResponding" in table
    assert MARIA in table
    assert "Nothing was sent" in call("alert", "history", "failures", "-w", empty).err


def test_one_bad_recipient_delays_nobody(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Fault("RCPT", reply="550 no such user", recipient="gone@example.org", times=None)
    with relaying([refused]) as relay:
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        create(empty, "--recipient", "gone@example.org")
        end(empty, "bad", RunStatus.FAILED)
        assert call("alert", "run", "--once", "-w", empty).json["done"] is True
        assert relay.recipients == [MARIA]
    states = {each["recipient"]: each["state"] for each in deliveries(empty, "failures")}
    assert states == {MARIA: "sent", "gone@example.org": "rejected"}


def test_a_script_asks_to_be_told_of_its_own_run(empty: Path, relay: Relay) -> None:
    code = """
import sys
from runledger import Experiment, Workspace
experiment = Experiment(Workspace(sys.argv[1]), "digits")
with experiment.start_logging(run_id="mine", notify="me@example.org") as run:
    pass
with experiment.start_logging(run_id="another") as run:
    pass
"""
    subprocess.run([sys.executable, "-c", code, str(empty)], cwd=ROOT, check=True, timeout=60)
    call("alert", "create", "for whoever it was", "--recipient", "@submitter", "--status", "Failed", "-w", empty)
    code = code.replace("mine", "third").replace("another", "fourth").replace("pass", "raise SystemExit(3)", 1)
    environment = os.environ | {"RUNLEDGER_EMAIL": "submitter@example.org"}
    subprocess.run([sys.executable, "-c", code, str(empty)], cwd=ROOT, check=False, timeout=60, env=environment)
    call("alert", "run", "--once", "-w", empty)
    assert sorted(relay.recipients) == ["me@example.org", "me@example.org", "submitter@example.org"]


def test_the_same_words_work_on_a_url(empty: Path) -> None:
    with running(empty) as server:
        rule = create(server.url)
        assert call("alert", "list", "-w", server.url).json == [rule]
        assert call("alert", "show", "failures", "-w", server.url).json == rule
        assert call("alert", "history", "failures", "-w", server.url).json == []
        assert call("alert", "disable", "failures", "-w", server.url).json["enabled"] is False
        assert call("alert", "show", "nobody", "-w", server.url).code == 3
        assert call("alert", "run", "--once", "-w", server.url).code == 1
