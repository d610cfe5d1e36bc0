"""Rules match what they say, and name the first reason where they do not."""

from typing import Any

import pytest

from alerts.rules.matching import may_match, why_not
from alerts.rules.transition import Transition
from schemas.rules import definition_of
from schemas.statuses import RunStatus

S = RunStatus
FAILED = Transition(
    run_id="a",
    experiment="vision-7",
    status=S.FAILED,
    previous=S.RUNNING,
    root_run_id="a",
    tags={"team": "red", "bare": None},
    properties={"commit": "abc"},
    parameters={"lr": 0.1, "epochs": 3, "fast": True, "name": "x", "huge": 10**400},
)
CHILD = Transition(
    run_id="c", experiment="vision-7", status=S.FAILED, previous=S.RUNNING, parent_run_id="b", root_run_id="a"
)


def told(content: dict[str, Any], happened: Transition = FAILED) -> str | None:
    rule = definition_of({"name": "n", "recipients": ["m@x.org"]} | content)
    why = why_not(rule, happened)
    assert why is not None or may_match(rule, happened.previous, happened.status)
    return why


def condition(of: str, key: str, operator: str = "=", value: object = None) -> dict[str, Any]:
    content = {"of": of, "key": key, "operator": operator}
    return {"conditions": [content if value is None else content | {"value": value}]}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"to": ["Failed"]},
        {"from": ["Running"]},
        {"from": ["Running", "Queued"], "to": ["Canceled", "Failed"]},
        {"experiment": "vision-*"},
        {"experiment": "vision-7"},
        {"experiment": "vision-[0-9]"},
        {"run_id": "a"},
        condition("tag", "team", "=", "red"),
        condition("tag", "team", "!=", "blue"),
        condition("tag", "absent", "!=", "blue"),
        condition("tag", "bare", "exists"),
        condition("property", "commit", "=", "abc"),
        condition("parameter", "lr", "<", 1),
        condition("parameter", "lr", ">=", 0.1),
        condition("parameter", "epochs", "=", 3.0),
        condition("parameter", "fast", "=", value=True),
        condition("parameter", "fast", "!=", 1),
        condition("parameter", "huge", ">", 1.5),
    ],
)
def test_a_rule_matches(content: dict[str, Any]) -> None:
    assert told(content) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"to": ["Completed", "Canceled"]}, "become Completed or Canceled, and this one became Failed"),
        ({"from": ["Queued"]}, "were Queued before, and this one was Running"),
        ({"experiment": "speech*"}, "about experiments speech*, and this one is in vision-7"),
        ({"experiment": "VISION*"}, "about experiments"),
        ({"run_id": "b"}, "about run b alone"),
        (condition("tag", "team", "=", "blue"), "wants tag team = blue, and the run has 'red'"),
        (condition("tag", "absent", "exists"), "the run has no such tag"),
        (condition("tag", "bare", "=", ""), "and the run has None"),
        (condition("parameter", "lr", ">", 0.1), "wants parameter lr > 0.1, and the run has 0.1"),
        (condition("parameter", "name", ">", 0), "and the run has 'x'"),
        (condition("parameter", "fast", ">", 0), "and the run has True"),
        (condition("parameter", "epochs", "=", "3"), "and the run has 3"),
    ],
)
def test_a_rule_does_not_match_and_says_why(content: dict[str, Any], why: str) -> None:
    assert why in (told(content) or "")


def test_children_are_told_of_only_where_the_rule_says_so() -> None:
    assert told({}, CHILD) == "it leaves out child runs, and this is one of b"
    assert told({"include_children": True}, CHILD) is None
    assert told({"run_id": "c"}, CHILD) is None
    assert told({"run_id": "a"}, CHILD) == "it is about run a alone"
    assert told({"run_id": "a", "include_children": True}, CHILD) is None
    assert told({"run_id": "b", "include_children": True}, CHILD) is None


def test_a_run_that_begins_so_was_nothing_before() -> None:
    born = Transition(run_id="a", experiment="e", status=S.FAILED)

    assert told({}, born) is None
    assert told({"from": ["Running"]}, born) == "it is about runs that were Running before, and this one began so"


def test_no_pattern_takes_for_ever() -> None:
    long = Transition(run_id="a", experiment="a" * 255, status=S.FAILED)

    assert told({"experiment": "*a" * 100 + "b"}, long) is not None
