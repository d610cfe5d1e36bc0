"""The AlertRule aggregate: what is refused when a rule is saved, and what a change does."""

from typing import Any, cast
from uuid import uuid4

import pytest

from ledger.application.handling import Caller
from ledger.commands import ChangeRule, DefineRule, DeleteRule, DisableRule, EnableRule, ReportTemplate
from ledger.domain.alert_rule import AlertRule, checked
from ledger.errors import BadRuleError, InvalidNameError, RefusedError, RuleNotFoundError
from ledger.sdk.notify import one_run_rule, one_run_rule_id
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    Event,
    OpaqueEvent,
)
from schemas.rules import definition_of
from schemas.statuses import RunStatus
from tests.ledger.conftest import Parts
from tests.ledger.domain import specification
from tests.ledger.domain.specification import then_refused, when

STREAM = f"rule:{uuid4()}"
PLAIN: dict[str, Any] = {"name": "failures", "recipients": ["maria@example.org"]}
DEFINED = AlertRuleDefinedEvent(rule_name="failures", definition=definition_of(PLAIN).as_json())


def rule(*events: Event | OpaqueEvent) -> AlertRule:
    return cast("AlertRule", specification.given(STREAM, *events))


def test_a_rule_is_stored_with_all_that_it_did_not_say() -> None:
    [event] = when(rule(), lambda it: it.define(PLAIN))

    assert isinstance(event, AlertRuleDefinedEvent)
    assert event.rule_name == "failures"
    assert event.definition["to"] == ["Failed", "NotResponding"]
    assert event.definition["retry"]["max_age_seconds"] == 24 * 3600
    assert definition_of(event.definition).as_json() == event.definition


def test_the_same_definition_again_changes_nothing() -> None:
    assert when(rule(DEFINED), lambda it: it.define(PLAIN)) == []
    assert when(rule(DEFINED), lambda it: it.change(PLAIN)) == []


def test_another_definition_under_the_same_id_is_refused() -> None:
    then_refused(rule(DEFINED), lambda it: it.define(PLAIN | {"name": "x"}), RefusedError, "already")


def test_a_rule_is_changed_disabled_enabled_and_deleted() -> None:
    changed = PLAIN | {"experiment": "vision-*"}
    [event] = when(rule(DEFINED), lambda it: it.change(changed))
    assert isinstance(event, AlertRuleChangedEvent)
    assert event.definition["experiment"] == "vision-*"

    disabled = AlertRuleDisabledEvent()
    assert when(rule(DEFINED), AlertRule.disable) == [disabled]
    assert when(rule(DEFINED, disabled), AlertRule.disable) == []
    assert when(rule(DEFINED, disabled), AlertRule.enable) == [AlertRuleEnabledEvent()]
    assert when(rule(DEFINED), AlertRule.enable) == []
    assert when(rule(DEFINED), AlertRule.delete) == [AlertRuleDeletedEvent()]
    assert when(rule(DEFINED, AlertRuleDeletedEvent()), AlertRule.delete) == []


@pytest.mark.parametrize("decide", [AlertRule.enable, AlertRule.disable, AlertRule.delete, lambda it: it.change(PLAIN)])
def test_a_rule_that_is_not_there_is_told_so(decide: Any) -> None:
    then_refused(rule(), decide, RuleNotFoundError, "there is no alert rule")


def test_a_deleted_rule_stays_deleted() -> None:
    deleted = rule(DEFINED, AlertRuleDeletedEvent())

    then_refused(deleted, AlertRule.enable, RefusedError, "deleted")
    then_refused(deleted, lambda it: it.define(PLAIN), RefusedError, "choose another id")


def test_no_event_makes_the_fold_raise() -> None:
    strange = AlertRuleDefinedEvent(rule_name="", definition={"x": [1]})
    folded = rule(AlertRuleEnabledEvent(), OpaqueEvent("x", b"", ""), strange, AlertRuleDeletedEvent())

    assert (folded.definition, folded.deleted) == ({"x": [1]}, True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"recipients": []}, "no recipient"),
        ({"recipients": ["maria"]}, "name@host"),
        ({"recipients": ["Maria <maria@example.org>"]}, "no bare address"),
        ({"recipients": ["maria@example.org\r\nBcc: x@example.org"]}, "cannot be mailed"),
        ({"recipients": ["maria@example.org,eve@example.org"]}, "cannot be mailed"),
        ({"recipients": ["maria@exa mple.org"]}, "no name of a host"),
        ({"recipients": [f"{'a' * 65}@example.org"]}, "too long"),
        ({"recipients": ["a..b@example.org"]}, "no bare address"),
        ({"recipients": ["@someone"]}, "name@host"),
        ({"recipients": ["maria@example.org", "MARIA@example.org"]}, "named twice"),
        ({"recipients": "maria@example.org"}, "recipients"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "control character"),
        ({"experiment": "a b"}, "no experiment has a name such as 'a b'"),
        ({"experiment": ""}, "no experiment has a name such as"),
        ({"to": ["Broken"]}, "to.0"),
        ({"to": []}, "names no status"),
        ({"from": ["Completed"], "to": ["Failed"]}, "a run that is Completed never becomes Failed"),
        ({"from": ["CancelRequested"], "to": ["Running", "Paused"]}, "never becomes Running or Paused"),
        ({"conditions": [{"of": "tag", "key": "a", "value": "1"}, {"of": "tag", "key": "a", "value": "2"}]}, "never"),
        (
            {
                "conditions": [
                    {"of": "tag", "key": "a", "value": "1"},
                    {"of": "tag", "key": "a", "operator": "!=", "value": "1"},
                ]
            },
            "tag a = 1 contradicts tag a != 1",
        ),
        (
            {
                "conditions": [
                    {"of": "parameter", "key": "lr", "operator": ">", "value": 2},
                    {"of": "parameter", "key": "lr", "operator": "<", "value": 2.0},
                ]
            },
            "parameter lr > 2 contradicts parameter lr < 2.0",
        ),
        (
            {
                "conditions": [
                    {"of": "parameter", "key": "lr", "value": "fast"},
                    {"of": "parameter", "key": "lr", "operator": "<", "value": 2.0},
                ]
            },
            "contradicts",
        ),
        ({"conditions": [{"of": "tag", "key": "a", "operator": "<", "value": "1"}]}, "compares numbers"),
        ({"conditions": [{"of": "parameter", "key": "a", "operator": "<", "value": True}]}, "compares numbers"),
        ({"conditions": [{"of": "tag", "key": "a", "operator": "exists", "value": "1"}]}, "takes no value"),
        ({"conditions": [{"of": "tag", "key": "a"}]}, "every other operator takes one"),
        ({"conditions": [{"of": "tag", "key": "a", "value": 1}]}, "is text"),
        ({"conditions": [{"of": "tag", "key": "a", "value": "1", "unless": "x"}]}, "unless"),
        ({"retry": {"max_age_seconds": 1}}, "max_age_seconds"),
        ({"retry": {"first_seconds": 60, "longest_seconds": 30}}, "longer than the longest"),
        ({"templates": {"subject": "x" * 1_001}}, "templates.subject"),
        ({"colour": "red"}, "colour"),
        ({"name": float("nan")}, "Out of range"),
        ({"name": object()}, "plain JSON"),
    ],
)
def test_a_rule_that_cannot_be_or_never_match_is_refused_with_the_reason(content: dict[str, Any], why: str) -> None:
    with pytest.raises(BadRuleError) as caught:
        checked(PLAIN | content)

    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        {"recipients": ["@submitter", "zażółć@gęślą.pl", "a.b+c@x-1.example", "root@localhost"]},
        {"from": ["Running"]},
        {"from": ["Completed"], "to": ["Running"]},
        {"to": ["NotStarted"]},
        {"experiment": "vision-[ab]*"},
        {"conditions": [{"of": "parameter", "key": "a", "value": 1}, {"of": "parameter", "key": "a", "value": 1.0}]},
        {
            "conditions": [
                {"of": "parameter", "key": "a", "operator": ">=", "value": 1},
                {"of": "parameter", "key": "a", "operator": "<=", "value": 1},
                {"of": "parameter", "key": "a", "operator": "exists"},
            ]
        },
    ],
)
def test_what_can_match_is_allowed(content: dict[str, Any]) -> None:
    definition = checked(PLAIN | content)

    assert definition_of(definition.as_json()) == definition.model_copy(update={"to": definition.statuses})


def test_from_alone_is_about_any_status_after_it() -> None:
    assert checked(PLAIN | {"from": ["Running"]}).statuses == ()
    assert checked(PLAIN).statuses == (RunStatus.FAILED, RunStatus.NOT_RESPONDING)


@pytest.mark.parametrize("run_id", ["digits-1", "x" * 256])
def test_the_rule_of_one_run_is_a_rule(run_id: str) -> None:
    definition = checked(one_run_rule(run_id, "@submitter"))

    assert definition.run_id == run_id
    assert set(definition.statuses) == {"Completed", "Failed", "Canceled", "NotResponding"}
    assert one_run_rule_id("a", "M@x.org") == one_run_rule_id("a", "m@x.org") != one_run_rule_id("b", "m@x.org")


def test_rules_are_commanded_like_runs(parts: Parts) -> None:
    ledger, caller, rule_id = parts.ledger(), Caller("maria", "//test"), str(uuid4())
    define = DefineRule(rule_id=rule_id, definition=PLAIN)
    first = ledger.handle(define, caller)

    assert ledger.handle(define, caller).position == first.position
    assert not ledger.handle(DefineRule(rule_id=rule_id, definition=PLAIN), caller).changed
    assert ledger.handle(ChangeRule(rule_id=rule_id, definition=PLAIN | {"name": "other"}), caller).changed
    assert ledger.handle(DisableRule(rule_id=rule_id), caller).changed
    assert ledger.handle(EnableRule(rule_id=rule_id), caller).changed
    assert ledger.handle(DeleteRule(rule_id=rule_id), caller).changed
    with pytest.raises(InvalidNameError, match="no UUID"):
        ledger.handle(DeleteRule(rule_id="mine"), caller)


def test_a_template_that_cannot_be_used_is_noted_once_for_each_version(parts: Parts) -> None:
    ledger, caller, rule_id = parts.ledger(), Caller("maria", "//test"), str(uuid4())
    ledger.handle(DefineRule(rule_id=rule_id, definition=PLAIN), caller)

    def report(version: int) -> bool:
        return ledger.handle(ReportTemplate(rule_id=rule_id, version=version, because="x"), caller).changed

    assert [report(4), report(4), report(3), report(9)] == [True, False, False, True]
