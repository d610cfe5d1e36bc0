"""What people see of a rule before it is saved and after: its count, its mail, and what became of what it told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import ChangeStatus, DefineRule, TestRule, new_command_id
from ledger.commands import StartRun as Start
from ledger.errors import BadRuleError
from ledger.queries import Span
from runledger.alerting import send_due
from runledger.wiring import Embedded, embedded_workspace, make_workspace
from schemas.rules import definition_of
from schemas.statuses import RunStatus
from tests.alerts.sinks import Fault
from tests.runledger.relay import relaying

_DRAFT = {"name": "draft", "recipients": ["a@example.org", "b@example.org"], "experiment": "vision"}


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Embedded]:
    make_workspace(tmp_path, log=None)
    with embedded_workspace(str(tmp_path)) as opened:
        yield opened


def fail(parts: Embedded, run_id: str, experiment: str = "vision", **more: Any) -> None:
    parts.client.execute(Start(run_id=run_id, experiment=experiment))
    parts.client.execute(ChangeStatus(run_id=run_id, status=RunStatus.FAILED, **more))


def define(parts: Embedded, **more: Any) -> str:
    rule_id = new_command_id()
    parts.client.execute(DefineRule(rule_id=rule_id, definition=_DRAFT | more))
    return rule_id


def test_things_and_mails_are_counted_and_the_newest_named(parts: Embedded) -> None:
    for run_id in ("one", "two"):
        fail(parts, run_id)
    fail(parts, "elsewhere", "speech")
    found = parts.alerts.count(None, _DRAFT, Span(), seconds=60)
    assert (found["complete"], found["things"], found["mails"]) == (True, 2, 4)
    assert [each["run_id"] for each in found["newest"]] == ["two", "one"]
    assert parts.alerts.count(None, _DRAFT, Span(since=2**50), seconds=60)["things"] == 0


def test_a_count_that_takes_too_long_says_so(parts: Embedded) -> None:
    fail(parts, "one")
    assert parts.alerts.count(None, _DRAFT, Span(), seconds=-1) == {
        "complete": False, "things": 0, "mails": 0, "newest": [],
    }  # fmt: skip


def test_a_draft_that_cannot_be_is_not_counted(parts: Embedded) -> None:
    with pytest.raises(BadRuleError):
        parts.alerts.count(None, _DRAFT | {"recipients": []}, Span(), seconds=60)


def test_the_mail_is_about_the_newest_that_matches_or_the_one_that_was_chosen(parts: Embedded) -> None:
    fail(parts, "one", error={"message": "out of memory"})
    fail(parts, "two")
    fail(parts, "elsewhere", "speech")
    definition = definition_of(
        _DRAFT | {"templates": {"subject": "{{ run }} broke", "text": "{{ run }}: {{ error_message }}"}}
    )
    newest = parts.trial.mail(definition)
    assert (newest["subject"], newest["matches"], newest["failure"]) == ("two broke", True, None)
    chosen = parts.trial.mail(definition, newest["examples"][1]["position"])
    assert (chosen["subject"], chosen["text"]) == ("one broke", "one: out of memory")
    assert "out of memory" in chosen["html"]


def test_without_a_match_the_mail_is_about_what_happened_last_or_made_up(parts: Embedded) -> None:
    definition = definition_of(_DRAFT)
    assert parts.trial.mail(definition)["position"] is None
    fail(parts, "elsewhere", "speech")
    found = parts.trial.mail(definition)
    assert (found["matches"], found["examples"][0]["run_id"]) == (False, "elsewhere")


def test_a_template_that_fails_is_told_with_the_plain_mail(parts: Embedded) -> None:
    fail(parts, "one")
    definition = definition_of(_DRAFT | {"templates": {"text": "{{ nobody_knows }}"}})
    found = parts.trial.mail(definition)
    assert "nobody_knows" in found["failure"]
    assert "one" in found["text"]
    assert "nobody_knows" in (parts.trial.failure(definition) or "")
    assert parts.trial.failure(definition_of(_DRAFT)) is None


def test_what_was_sent_and_what_was_lost_is_tallied_by_rule(parts: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    with relaying([Fault("RCPT", reply="550 5.1.1 no such user", recipient="b@example.org")]) as relay:
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        rule, other = define(parts), define(parts, name="other", experiment="nothing")
        assert parts.alerts.tallies() == {}
        fail(parts, "one")
        assert send_due(parts, 30)["done"]
        tally = parts.alerts.tallies()[rule]
        assert (tally["sent"], tally["lost"]) == (1, 1)
        assert other not in parts.alerts.tallies()
        parts.client.execute(TestRule(rule_id=rule))
        assert send_due(parts, 30)["done"]
        again = parts.alerts.tallies()[rule]
    assert (again["sent"], again["lost"], again["last_lost"]) == (3, 1, None)
