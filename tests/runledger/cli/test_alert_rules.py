"""Rules in full, through the front door: conditions, groups, silences, files, previews and explanations."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from ledger.commands import AddUser, ChangeStatus, Command, StartRun
from ledger.embedded import EmbeddedClient
from ledger.remote.client import RemoteClient
from ledger.sdk.origin import user_name
from runledger.wiring import connect
from schemas.roles import Role
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import call
from tests.runledger.cli.test_alert import MARIA, ROOT, create, end, relay
from tests.runledger.relay import Relay
from tests.runledger.server.running import running

__all__ = ["relay"]


def alert(workspace: object, *words: str) -> Any:
    done = call("alert", *words, "-w", workspace)
    assert done.code == 0, done.err
    return done.json


def subjects(relay: Relay) -> list[str]:
    return [message["subject"] for message in relay.messages()]


def test_many_failures_are_one_mail(empty: Path, relay: Relay) -> None:
    create(empty, "--group-by", "experiment", "--wait", "0s", "--interval", "1s", "--severity", "critical")
    for run_id in ("a", "b", "c"):
        end(empty, run_id, RunStatus.FAILED, error={"message": f"{run_id} broke"})
    deadline = 20
    while len(relay.sink.mails) < 2 and deadline:
        alert(empty, "run", "--once")
        deadline -= 1
        subprocess.run(["sleep", "0.5"], check=True)
    first, second = relay.messages()
    assert first["subject"] == "[digits] CRITICAL run a: Running -> Failed"
    assert second["subject"] == "[digits] CRITICAL 2 runs: 2 Failed (experiment digits)"
    assert (second["importance"], second["x-priority"]) == ("high", "1")
    body = second.get_body(("plain",))
    assert body is not None
    assert "b broke" in body.get_content()
    assert [each["kind"] for each in alert(empty, "history", "failures")] == ["fired", "fired"]


def test_a_script_raises_an_alert(empty: Path, relay: Relay) -> None:
    create(empty, "--on", "alert=warning")
    code = """
import sys
from runledger import Experiment, Workspace
experiment = Experiment(Workspace(sys.argv[1]), "digits")
with experiment.start_logging(run_id="mine") as run:
    run.alert("nothing to see", level="INFO")
    run.alert("loss is NaN", "since epoch 3", level="error")
    try:
        run.alert("x", level="loud")
    except Exception as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(empty)], cwd=ROOT, check=True, timeout=60, capture_output=True, text=True
    )
    assert "there is no level 'loud'" in done.stdout
    alert(empty, "run", "--once")
    (message,) = relay.messages()
    assert message["subject"] == "[digits] ERROR loss is NaN"
    body = message.get_body(("plain",))
    assert body is not None
    assert "since epoch 3" in body.get_content()


def test_a_test_takes_the_way_of_every_mail_and_is_in_the_history(empty: Path, relay: Relay) -> None:
    create(empty)
    end(empty, "some", RunStatus.COMPLETED)
    (intent,) = alert(empty, "test", "failures")
    assert (intent["kind"], intent["run_id"], intent["state"]) == ("test", "some", None)
    alert(empty, "run", "--once")
    (message,) = relay.messages()
    assert (message["x-test"], message["subject"].endswith("(test)")) == ("true", True)
    (delivery,) = alert(empty, "history", "failures")
    assert (delivery["kind"], delivery["state"]) == ("test", "sent")
    assert call("alert", "test", "failures", "--run", "nobody", "-w", empty).code == 3


def test_a_test_needs_no_run(empty: Path, relay: Relay) -> None:
    create(empty)
    alert(empty, "test", "failures")
    alert(empty, "run", "--once")
    assert len(relay.messages()) == 1


def test_a_silence_keeps_mails_back_until_it_is_ended(empty: Path, relay: Relay) -> None:
    create(empty)
    silence = alert(empty, "silence", "experiment=~dig*", "tag:team!=red", "--for", "2h", "--reason", "moving house")
    assert (silence["in_force"], silence["why"]) == (True, "moving house")
    end(empty, "quiet", RunStatus.FAILED)
    end(empty, "loud", RunStatus.FAILED, tags={"team": "red"})
    alert(empty, "run", "--once")
    assert relay.recipients == [MARIA]
    assert alert(empty, "silences") == [silence]
    ended = alert(empty, "unsilence", silence["silence_id"][:8])
    assert ended["in_force"] is False
    assert alert(empty, "silences") == []
    assert len(alert(empty, "silences", "--all")) == 1
    (reason,) = alert(empty, "explain", "quiet")[-1:]
    assert (reason["told"], "silenced by" in reason["because"]) == (False, True)
    assert call("alert", "unsilence", "zzz", "-w", empty).code == 3
    for words in (["colour=red"], ["experiment"], []):
        assert call("alert", "silence", *words, "--for", "2h", "-w", empty).code in {2, 4}


def test_explain_says_why_for_each_rule(empty: Path) -> None:
    end(empty, "early", RunStatus.FAILED)
    create(empty)
    alert(empty, "create", "red", "--tag", "team=red", "--recipient", MARIA)
    alert(empty, "create", "off", "--recipient", MARIA)
    alert(empty, "disable", "off")
    alert(empty, "create", "grouped", "--group-by", "experiment", "--recipient", MARIA)
    alert(empty, "create", "hung", "--on", "unfinished=2h", "--recipient", MARIA)
    end(empty, "late", RunStatus.FAILED)

    reasons = {each["rule"]: each for each in alert(empty, "explain", "late") if "Failed" in each["happened"]}
    assert reasons["failures"]["told"]
    assert "the run has no such tag" in reasons["red"]["because"]
    assert reasons["off"]["because"] == "the rule is out of force"
    assert "waits to be told" in reasons["grouped"]["because"]
    by_rule = {each["rule"]: each["because"] for each in alert(empty, "explain", "late")}
    assert "deadline has not passed" in by_rule["hung"]
    assert {each["because"].split(" on,")[0].rstrip(" 0123456789") for each in alert(empty, "explain", "early")} >= {
        "the rule acts from position"
    }
    assert call("alert", "explain", "nobody", "-w", empty).code == 3
    assert len(alert(empty, "explain", "late", "--rule", "red")) == 2


@pytest.mark.usefixtures("relay")
def test_preview_of_a_rule_is_what_was_sent_and_of_a_draft_what_would_have_been(empty: Path, tmp_path: Path) -> None:
    create(empty)
    for number in range(6):
        end(empty, f"r{number}", RunStatus.FAILED if number % 2 == 0 else RunStatus.COMPLETED)
    alert(empty, "run", "--once")
    found = alert(empty, "preview", "failures")
    assert [(each["run_id"], each["state"]) for each in found] == [("r0", "sent"), ("r2", "sent"), ("r4", "sent")]
    assert [each["notification"] for each in found] == [
        each["notification"] for each in alert(empty, "history", "failures")
    ]
    draft = tmp_path / "rules.yaml"
    draft.write_text(
        "rules:\n- name: all ends\n  recipients: [you@example.org]\n  to: [Failed, Completed]\n"
        "  group: {by: [experiment], wait_seconds: 0, interval_seconds: 0}\n  throttle: {mails: 4, seconds: 3600}\n",
        encoding="utf-8",
    )
    assert len(alert(empty, "preview", "--file", str(draft))) == 4
    assert alert(empty, "preview", "failures", "--file", str(draft))[0]["recipient"] == "you@example.org"
    assert alert(empty, "preview", "failures", "--until", "1h") == []
    assert call("alert", "preview", "-w", empty).code == 2
    assert len(alert(empty, "preview", "failures", "--since", "1h")) == 3


RULES = """
[[rules]]
name = "sweeps"
recipients = ["a@example.org"]
include_children = true
severity = "warning"
group = { by = ["parent"], wait_seconds = 60, resolved = true }
templates = { text_file = "text.txt" }

[[rules]]
name = "trouble"
recipients = ["@submitter"]
enabled = false

[[rules.conditions]]
of = "any"
conditions = [
    { of = "name", operator = "regex", value = "^nightly-[0-9]+$" },
    { of = "series", at_least = 3, last = 5 },
]
"""


def test_rules_in_a_file_are_applied_once(empty: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULES, encoding="utf-8")
    (tmp_path / "text.txt").write_text("{{ run }}", encoding="utf-8")
    create(empty)
    dry = alert(empty, "apply", str(file), "--dry-run")
    assert [(each["rule"], each["action"]) for each in dry] == [("sweeps", "create"), ("trouble", "create")]
    assert [each["name"] for each in alert(empty, "list")] == ["failures"]
    alert(empty, "apply", str(file))
    assert [each["action"] for each in alert(empty, "apply", str(file))] == ["leave", "leave"]
    rules = {each["name"]: each for each in alert(empty, "list")}
    assert rules["trouble"]["enabled"] is False
    assert rules["sweeps"]["definition"]["templates"]["text"] == "{{ run }}"

    file.write_text(RULES.replace("wait_seconds = 60", "wait_seconds = 90").replace("enabled = false", ""), "utf-8")
    changed = {each["rule"]: each for each in alert(empty, "apply", str(file), "--prune", "--dry-run")}
    assert changed["sweeps"]["changes"]["group"][1]["wait_seconds"] == 90
    assert changed["trouble"]["changes"] == {"enabled": [False, True]}
    assert changed["failures"]["action"] == "delete"
    alert(empty, "apply", str(file), "--prune")
    assert [each["name"] for each in alert(empty, "list")] == ["sweeps", "trouble"]

    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps(alert(empty, "export")), encoding="utf-8")
    assert [each["action"] for each in alert(empty, "apply", str(exported), "--prune")] == ["leave", "leave"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [{name: a}]", "rule a: there is no recipient"),
        ("rules: [{name: a, recipients: [m@x.org], colour: red}]", "colour"),
        (
            "rules: [{name: a, recipients: [m@x.org], conditions: [{of: name, operator: regex, value: '('}]}]",
            "no regular",
        ),
        ("rules: [{name: a, recipients: [m@x.org], group: {by: [colour]}}]", "nothing can be grouped by 'colour'"),
        ("rules: [{name: a, recipients: [m@x.org]}, {name: a, recipients: [m@x.org]}]", "two rules"),
        ("rules: [{name: a, recipients: [m@x.org], templates: {text: '{{ nonsense }}'}}]", "'nonsense'"),
        ("rules: [{name: a, recipients: [m@x.org], templates: {text_file: nowhere}}]", "cannot be read"),
        ("rules: [", "no YAML"),
        ("[]", "of the form"),
    ],
)
def test_nothing_of_a_file_with_a_mistake_is_applied(empty: Path, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(f"rules: [{{name: good, recipients: [m@x.org]}}, {text[8:]}" if "name: a" in text else text)
    done = call("alert", "apply", str(file), "-w", empty)
    assert (done.code, says in done.err) == (4, True), done.err
    assert alert(empty, "list") == []


def test_a_file_is_applied_by_one_request(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rules.yaml"
    rules = [{"name": f"n{number}", "recipients": [MARIA], "enabled": number != 3} for number in range(5)]
    file.write_text(json.dumps({"rules": rules}), encoding="utf-8")
    requests: list[int] = []
    all_at_once = RemoteClient.execute_all

    def counted(self: RemoteClient, commands: Sequence[Command]) -> Any:
        requests.append(len(commands))
        return all_at_once(self, commands)

    monkeypatch.setattr(RemoteClient, "execute_all", counted)
    with running(empty) as server:
        assert {each["action"] for each in alert(server.url, "apply", str(file))} == {"create"}
        assert {each["action"] for each in alert(server.url, "apply", str(file))} == {"leave"}
        assert [each["enabled"] for each in alert(server.url, "list")] == [True, True, True, False, True]
    assert requests == [6, 0]


def test_a_rule_that_is_refused_leaves_the_others_applied(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(empty)
    file = tmp_path / "rules.json"
    rules = [{"name": "failures", "recipients": ["eve@example.org"]}, {"name": "new", "recipients": [MARIA]}]
    file.write_text(json.dumps({"rules": rules}), encoding="utf-8")
    known = alert(empty, "list")
    alert(empty, "delete", "failures")
    monkeypatch.setattr(EmbeddedClient, "rules", lambda _: known)  # somebody deletes it meanwhile

    done = call("alert", "apply", str(file), "-w", empty)
    assert done.code == 4
    assert [each["action"].partition(":")[0] for each in done.json] == ["refused", "create"]
    assert "was deleted" in done.err
    monkeypatch.undo()
    assert [each["name"] for each in alert(empty, "list")] == ["new"]


@pytest.mark.usefixtures("relay")
def test_health_says_what_waits(empty: Path) -> None:
    create(empty)
    alert(empty, "create", "hung", "--on", "unfinished=2h", "--recipient", MARIA)
    end(empty, "bad", RunStatus.FAILED)
    client = connect(str(empty))
    client.execute(StartRun(run_id="running", experiment="digits"))
    client.execute(ChangeStatus(run_id="running", status=RunStatus.PAUSED))
    client.close()
    health = alert(empty, "health")
    assert (health["waiting"], health["claimed"], health["rules_in_force"]) == (1, 0, 2)
    assert health["next_due_utc"] is not None
    alert(empty, "run", "--once")
    health = alert(empty, "health")
    assert (health["waiting"], health["ended"]) == (0, {"sent": 1})


def until_mails(relay: Relay, workspace: Path, count: int) -> None:
    """Send what is due until so many mails have come."""
    deadline = monotonic() + 60
    while len(relay.sink.mails) < count:
        assert monotonic() < deadline, subjects(relay)
        alert(workspace, "run", "--once")
        sleep(0.2)


def test_what_was_told_in_a_group_is_corrected_in_its_thread(empty: Path, relay: Relay) -> None:
    create(empty, "--group-by", "experiment", "--wait", "1s", "--interval", "1s")
    for run_id in ("a", "b", "c"):
        end(empty, run_id, RunStatus.FAILED, presumed=True)
    until_mails(relay, empty, 1)
    with closing(connect(str(empty))) as client:
        for run_id in ("a", "b"):
            client.execute(ChangeStatus(run_id=run_id, status=RunStatus.COMPLETED))
    until_mails(relay, empty, 2)

    told, correction = relay.messages()
    assert told["subject"] == "[digits] 3 runs: 3 Failed (experiment digits)"
    assert correction["subject"] == "[digits] 2 runs: 2 Completed (experiment digits) (corrected)"
    assert correction["references"] == told["references"]
    body = correction.get_body(("plain",))
    assert body is not None
    assert "This corrects an earlier message about these runs." in body.get_content()
    assert "Completed (corrected)  a" in body.get_content()


def test_a_deadline_that_is_met_late_is_resolved(empty: Path, relay: Relay) -> None:
    alert(empty, "create", "hung", "--on", "unfinished=1s", "--group-by", "run", "--wait", "0s", "--interval", "1s",
          "--resolved", "--recipient", MARIA)  # fmt: skip
    with closing(connect(str(empty))) as client:
        client.execute(StartRun(run_id="slow", experiment="digits"))
        until_mails(relay, empty, 1)
        client.execute(ChangeStatus(run_id="slow", status=RunStatus.COMPLETED))
    until_mails(relay, empty, 2)

    told, resolved = relay.messages()
    assert told["subject"] == "[digits] slow has not ended 1.0 s after it began"
    assert resolved["subject"] == "[digits] run slow: Running -> Completed (resolved)"
    assert resolved["references"] == told["references"]


def test_a_recipient_gets_so_many_mails_and_one_digest(empty: Path, relay: Relay) -> None:
    """Whatever rules they are of; what is over the limit is explained, previewed, and told."""
    create(empty)
    alert(empty, "create", "by team", "--experiment", "digits", "--recipient", MARIA.upper())
    assert alert(empty, "limit", MARIA, "2/2s")["limit"] == {"mails": 2, "seconds": 2}
    assert call("alert", "limit", MARIA, "-w", empty).code == 2
    assert call("alert", "limit", MARIA, "2/2s", "--none", "-w", empty).code == 2
    assert call("alert", "limit", "nobody", "2/2s", "-w", empty).code == 4
    for run_id in ("a", "b", "c"):
        end(empty, run_id, RunStatus.FAILED)
    until_mails(relay, empty, 3)
    *_, digest = relay.messages()
    assert digest["subject"].endswith("4 runs: 4 Failed (digest)")
    body = digest.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "2 rules of the workspace" in text
    assert "[by team]" in text
    assert "[failures]" in text
    told = [each for each in alert(empty, "explain", "c") if each["told"]]
    assert {each["rule"] for each in told} == {"failures", "by team"}
    assert all("over the limit of the recipient" in each["because"] for each in told)
    for rule in ("failures", "by team"):
        assert {"digest", "fired"} >= {each["kind"] for each in alert(empty, "preview", rule)}
        assert alert(empty, "preview", rule)[-1]["state"] == "sent"
        assert [each["kind"] for each in alert(empty, "history", rule)] == ["fired", "digest"]
    assert alert(empty, "recipients")[0]["limit"] == {"mails": 2, "seconds": 2}
    assert "2 in 2 s" in call("alert", "recipients", "-w", empty, "-o", "table").out
    alert(empty, "limit", MARIA, "--none")
    assert alert(empty, "recipients") == []


def test_the_owner_of_a_rule_learns_that_its_template_fails(empty: Path, relay: Relay, tmp_path: Path) -> None:
    """Once, whatever fails by it later; it is shown until the rule says something else."""
    text = tmp_path / "text.txt"
    text.write_text("{{ 10 // (run_id | length - 1) }}", encoding="utf-8")
    create(empty, "--text-file", str(text))
    with closing(connect(str(empty))) as client:
        client.execute(AddUser(user=user_name(), role=Role.CONTRIBUTOR, email="owner@example.org"))
    for run_id in ("a", "b"):
        end(empty, run_id, RunStatus.FAILED)
    alert(empty, "run", "--once")

    to = [message["to"] for message in relay.messages()]
    assert sorted(to) == sorted([MARIA, MARIA, "owner@example.org"])
    [told] = [message for message in relay.messages() if message["to"] == "owner@example.org"]
    assert told["subject"] == "[digits] ERROR a template of the rule failures cannot be used"
    body = told.get_body(("plain",))
    assert body is not None
    assert "division" in body.get_content()
    assert "division" in alert(empty, "show", "failures")["template_failure"]
    assert "yes, a template fails" in call("alert", "list", "-w", empty, "-o", "table").out
    assert "division" in alert(empty, "health")["failing_templates"][0]["because"]
    assert [each["action"] for each in alert(empty, "history", "failures", "--changes")] == [
        "defined",
        "template failed",
    ]
    text.write_text("{{ run_id }} failed", encoding="utf-8")
    alert(empty, "edit", "failures", "--text-file", str(text))
    assert alert(empty, "show", "failures")["template_failure"] is None
    assert alert(empty, "health")["failing_templates"] == []


def test_edit_moves_between_occasions(empty: Path) -> None:
    create(empty, "--status", "Completed")
    assert alert(empty, "edit", "failures", "--on", "stuck=Queued,Preparing:30m")["definition"]["on"] == {
        "what": "stuck",
        "status": ["Queued", "Preparing"],
        "seconds": 1800,
    }
    after = alert(empty, "edit", "failures", "--status", "Failed", "--in-a-row", "3", "--metric", "loss>5")
    assert "on" not in after["definition"]
    assert [each["of"] for each in after["definition"]["conditions"]] == ["metric", "series"]
    for words in (["--on", "stuck=30m"], ["--wait", "soon"], ["--throttle", "many"], ["--condition", "["]):
        assert call("alert", "edit", "failures", *words, "-w", empty).code == 2


def test_all_of_it_works_on_a_url(empty: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules: [{name: a, recipients: [m@x.org]}]", encoding="utf-8")
    with running(empty) as server:
        alert(server.url, "apply", str(file))
        end(server.url, "bad", RunStatus.FAILED)
        assert [each["run_id"] for each in alert(server.url, "preview", "a")] == ["bad"]
        assert [each["run_id"] for each in alert(server.url, "preview", "--file", str(file))] == ["bad"]
        assert any(each["told"] for each in alert(server.url, "explain", "bad"))
        assert alert(server.url, "health")["waiting"] == 1
        silence = alert(server.url, "silence", "experiment=x", "--for", "1h")
        assert alert(server.url, "unsilence", silence["silence_id"])["in_force"] is False
        assert alert(server.url, "test", "a")[0]["kind"] == "test"
        assert call("alert", "explain", "nobody", "-w", server.url).code == 3


def test_the_list_says_what_rules_are_about(empty: Path) -> None:
    create(empty)
    for number, occasion in enumerate(["unfinished=2h", "alert=error", "descendant"]):
        alert(empty, "create", f"r{number}", "--on", occasion, "--recipient", MARIA)
    table = call("alert", "list", "-w", empty, "-o", "table").out
    for words in ("Failed or NotResponding", "unfinished for 7200 s", "alert >= error"):
        assert words in table


def test_who_changed_what_of_a_rule_is_a_query(empty: Path, tmp_path: Path) -> None:
    create(empty)
    file = tmp_path / "rules.yaml"
    file.write_text(f"rules: [{{name: failures, recipients: [{MARIA}], severity: error}}]", encoding="utf-8")
    alert(empty, "apply", str(file), "--reason", "more of it")
    alert(empty, "disable", "failures")
    defined, changed, disabled = alert(empty, "history", "failures", "--changes")
    assert (defined["action"], defined["changes"]["recipients"]) == ("defined", [None, [MARIA]])
    assert (changed["action"], changed["why"], changed["changes"]) == (
        "changed",
        "more of it",
        {"severity": [None, "error"]},
    )
    assert (disabled["action"], disabled["changes"]) == ("disabled", {})
    assert all(each["who"] for each in (defined, changed, disabled))
    with running(empty) as server:
        assert alert(server.url, "history", "failures", "--changes") == [defined, changed, disabled]
