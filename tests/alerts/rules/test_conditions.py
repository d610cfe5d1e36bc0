"""Conditions: what each says of a run, alone and in a tree, and that the index forgets no rule."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.in_force import Rule
from alerts.rules.index import RuleIndex
from alerts.rules.matching import matches, resolves, why_not
from alerts.rules.transition import Raised, Transition
from schemas.rules import RuleDefinition, definition_of
from schemas.statuses import RunStatus
from tests.alerts.story import MARIA, S


def rule(*conditions: dict[str, Any], **content: Any) -> RuleDefinition:
    return definition_of({"name": "r", "recipients": [MARIA], "conditions": list(conditions)} | content)


def failed(**fields: Any) -> Transition:
    known: dict[str, Any] = {"run_id": "a", "experiment": "vision", "status": S.FAILED, "previous": S.RUNNING}
    return Transition(**known | fields)


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ({"of": "name", "operator": "glob", "value": "sweep-*"}, {"display_name": "sweep-3"}),
        ({"of": "name", "value": "a"}, {}),
        ({"of": "name", "operator": "regex", "value": "^nightly-[0-9]+$"}, {"display_name": "nightly-12"}),
        ({"of": "experiment", "operator": "regex", "value": "is"}, {}),
        ({"of": "actor", "value": "maria"}, {"actor": "maria"}),
        ({"of": "run_type", "operator": "!=", "value": "x"}, {}),
        ({"of": "target", "value": "local"}, {"target": "local"}),
        ({"of": "error_code", "value": "UserError"}, {"error_code": "UserError"}),
        ({"of": "error_type", "operator": "glob", "value": "*Error"}, {"error_type": "ValueError"}),
        ({"of": "duration", "operator": ">", "seconds": 60}, {"duration_ms": 60_001}),
        ({"of": "duration", "operator": "<=", "seconds": 60}, {"duration_ms": 60_000}),
        ({"of": "metric", "key": "loss", "operator": ">", "value": 0.5}, {"last_values": {"loss": 0.6}}),
        ({"of": "metric", "key": "loss", "operator": "!=", "value": 0.5}, {}),
        ({"of": "child"}, {"parent_run_id": "p"}),
        ({"of": "child", "value": False}, {}),
        ({"of": "presumed"}, {"presumed": True}),
        ({"of": "status", "to": ["Failed"], "from": ["Running"]}, {}),
        ({"of": "descendants", "at_least": 2}, {"failed_descendants": 2}),
        ({"of": "series", "at_least": 3, "last": 3}, {"all_ends": (S.COMPLETED, S.FAILED, S.FAILED, S.FAILED)}),
        ({"of": "series", "at_least": 2, "last": 3}, {"all_ends": (S.FAILED, S.COMPLETED, S.FAILED)}),
    ],
)
def test_a_condition_holds_and_its_contrary_does_not(condition: dict[str, Any], fields: dict[str, Any]) -> None:
    happened = failed(**fields)
    assert why_not(rule(condition, include_children=True), happened) is None
    contrary = rule({"of": "not", "condition": condition}, include_children=True)
    assert "it wants not" in (why_not(contrary, happened) or "")


@pytest.mark.parametrize(
    ("condition", "fields", "says"),
    [
        ({"of": "name", "operator": "glob", "value": "sweep-*"}, {}, "the run has 'a'"),
        ({"of": "duration", "seconds": 60}, {}, "no duration"),
        ({"of": "duration", "seconds": 60}, {"duration_ms": 1_500}, "1.5 s"),
        ({"of": "metric", "key": "loss", "operator": ">", "value": 1}, {}, "no such metric"),
        ({"of": "metric", "key": "loss", "operator": ">", "value": 1}, {"last_values": {"loss": "x"}}, "'x'"),
        ({"of": "error_code", "operator": "glob", "value": "*"}, {}, "None"),
        ({"of": "series", "at_least": 2, "last": 2}, {"ends": (S.FAILED,)}, "Failed"),
        ({"of": "series", "at_least": 2, "last": 2}, {"ends": (S.FAILED,) * 3}, "2 of the last 2"),
        ({"of": "descendants"}, {}, "the run has 0"),
        ({"of": "all", "conditions": [{"of": "child", "value": False}, {"of": "presumed"}]}, {}, "presumed = true"),
        ({"of": "any", "conditions": [{"of": "child"}, {"of": "presumed"}]}, {}, "(child = true or presumed = true)"),
    ],
)
def test_what_does_not_hold_is_said(condition: dict[str, Any], fields: dict[str, Any], says: str) -> None:
    assert says in (why_not(rule(condition), failed(**fields)) or "")


def test_a_success_resolves_what_the_conditions_on_the_run_itself_are_about() -> None:
    tree = {
        "of": "any",
        "conditions": [
            {"of": "tag", "key": "team", "value": "red"},
            {"of": "all", "conditions": [{"of": "error_code", "value": "x"}, {"of": "name", "value": "b"}]},
        ],
    }
    completed = failed(status=S.COMPLETED)
    assert not resolves(rule(tree), completed)
    assert resolves(rule(tree), failed(status=S.COMPLETED, tags={"team": "red"}))
    assert resolves(rule(tree), failed(status=S.COMPLETED, display_name="b"))
    assert not resolves(rule({"of": "not", "condition": {"of": "name", "value": "a"}}), completed)
    assert resolves(rule({"of": "not", "condition": {"of": "duration", "seconds": 3}}), completed)
    assert not resolves(rule(experiment="text"), completed)


def test_a_pattern_that_others_take_for_ever_for_takes_no_time() -> None:
    wanted = rule({"of": "name", "operator": "regex", "value": "^(a+)+$"})
    began = time.perf_counter()
    assert why_not(wanted, failed(display_name="a" * 900 + "b"))
    assert time.perf_counter() - began < 5  # others: longer than there is time


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"conditions": [{"of": "colour"}]}, "conditions.0"),
        ({"conditions": [{"of": "name", "operator": "regex", "value": "(?=a)"}]}, "no regular expression"),
        ({"conditions": [{"of": "series", "at_least": 3, "last": 2}]}, "never so many"),
        ({"conditions": [{"of": "status"}]}, "names statuses"),
        ({"conditions": [{"of": "all", "conditions": [{"of": "child"}] * 50}]}, "more than 50"),
        ({"on": {"what": "stuck", "status": ["Failed"], "seconds": 9}}, "has ended and is not stuck"),
        ({"on": {"what": "unfinished", "seconds": 9}, "to": ["Failed"]}, "leave out `to`"),
        ({"on": {"what": "unfinished"}}, "seconds"),
        ({"on": {"what": "alert", "level": "loud"}}, "level"),
        ({"group": {"by": ["tag:"]}}, "nothing can be grouped"),
        ({"group": {"by": ["run", "run"]}}, "named twice"),
        ({"throttle": {"mails": 0}}, "throttle.mails"),
        (
            {
                "conditions": [
                    {"of": "tag", "key": "a", "value": "1"},
                    {"of": "all", "conditions": [{"of": "tag", "key": "a", "value": "2"}]},
                ]
            },
            "contradicts",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rule(**content)


def test_conditions_lie_in_one_another_only_so_deep() -> None:
    condition: dict[str, Any] = {"of": "child"}
    for _ in range(8):
        condition = {"of": "not", "condition": condition}
    with pytest.raises(ValueError, match="8 deep"):
        rule(condition)


leaf: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(
        lambda of, key, operator, value: {"of": of, "key": key, "operator": operator, "value": value},
        st.sampled_from(["tag", "property", "parameter"]),
        st.sampled_from(["k", "l"]),
        st.sampled_from(["=", "!="]),
        st.sampled_from(["x", "y"]),
    ),
    st.just({"of": "name", "operator": "glob", "value": "r*"}),
    st.just({"of": "child", "value": True}),
    st.just({"of": "duration", "operator": ">", "seconds": 5}),
    st.just({"of": "series", "at_least": 1, "last": 2}),
    st.just({"of": "descendants"}),
)
tree = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(
            lambda of, found: {"of": of, "conditions": found},
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda found: {"of": "not", "condition": found}, inner),
    ),
    max_leaves=6,
)
statuses = st.sampled_from([S.RUNNING, S.FAILED, S.COMPLETED])


@st.composite
def definitions(draw: st.DrawFn) -> RuleDefinition:
    content: dict[str, Any] = {
        "name": "r",
        "recipients": [MARIA],
        "experiment": draw(st.sampled_from(["*", "e1", "e?", "e2"])),
        "to": draw(st.lists(statuses.map(str), max_size=2)) or None,
        "from": draw(st.lists(statuses.map(str), max_size=1)),
        "include_children": draw(st.booleans()),
        "run_id": draw(st.sampled_from([None, None, "r1", "r2"])),
        "conditions": draw(st.lists(tree, max_size=2)),
    }
    try:
        return definition_of(content)
    except ValueError:
        return definition_of(content | {"conditions": []})


pairs = st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["x", "y"]))
transitions = st.builds(
    Transition,
    run_id=st.sampled_from(["r1", "r2", "q"]),
    experiment=st.sampled_from(["e1", "e2"]),
    status=statuses,
    previous=st.none() | statuses,
    parent_run_id=st.sampled_from([None, "r1"]),
    root_run_id=st.sampled_from([None, "r1", "r2"]),
    tags=pairs,
    properties=pairs,
    parameters=pairs,
    duration_ms=st.none() | st.integers(0, 10_000),
    ends=st.lists(statuses, max_size=3).map(tuple),
    all_ends=st.lists(statuses, max_size=3).map(tuple),
    failed_descendants=st.integers(0, 1),
)


@given(st.lists(definitions(), max_size=8), st.sets(st.integers(0, 7)), transitions)
def test_the_index_finds_every_rule_that_matches(
    found: list[RuleDefinition], removed: set[int], happened: Transition
) -> None:
    index, kept = RuleIndex(), []
    for number, definition in enumerate(found):
        index.set(f"r{number}", Rule(f"r{number}", number, definition, since=number))
    for number, definition in enumerate(found):
        if number in removed:
            index.set(f"r{number}", None)
        else:
            kept.append((f"r{number}", definition))
    bucket = index.bucket(happened.status)
    candidates = [placed[0].id for placed in bucket.of(happened)] if bucket is not None else []
    expected = [name for name, definition in kept if why_not(definition, happened) is None]
    assert [name for name in candidates if matches(dict(kept)[name], happened)] == expected


@given(definitions(), transitions)
def test_to_match_is_to_have_no_reason_not_to(definition: RuleDefinition, happened: Transition) -> None:
    assert matches(definition, happened) == (why_not(definition, happened) is None)


def test_an_alert_of_a_script_is_for_rules_on_alerts_alone() -> None:
    raised = failed(raised=Raised("t", "", "warning"))
    assert "raised by the script" in (why_not(rule(), raised) or "")
    assert why_not(rule(on={"what": "alert"}), raised) is None
    assert "level error" in (why_not(rule(on={"what": "alert", "level": "error"}), raised) or "")
    assert "change of status" in (why_not(rule(on={"what": "alert"}), failed()) or "")
    assert "'unfinished'" not in (why_not(rule(on={"what": "unfinished", "seconds": 5}), failed()) or "")


def test_every_status_has_rules_that_name_none() -> None:
    index = RuleIndex()
    index.set("r", Rule("r", 1, definition_of({"name": "r", "recipients": [MARIA], "from": ["Running"]}), since=1))
    assert all(index.bucket(status) is not None for status in RunStatus)
