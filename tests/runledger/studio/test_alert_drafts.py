"""A rule as a form and as a text: what comes back is what went in, and what is wrong is beside its field."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runledger.studio.alerts.draft import TEXT, Draft, as_text, draft_of
from runledger.studio.alerts.leaves import LEAVES, NUMBERED, quoted, typed, unquoted, written
from runledger.studio.alerts.tree import Node, added, nodes_in, removed
from schemas.rules import definition_of
from schemas.statuses import RunStatus


def _of(*kinds: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"of": st.sampled_from(kinds), **fields})


_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda it: "\x00" not in it)
_statuses = st.lists(st.sampled_from([str(each) for each in RunStatus]), min_size=1, max_size=3)
_numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
_equal = st.sampled_from(["=", "!="])
_leaves = st.one_of(
    _of("tag", "property", key=_texts, value=st.just("") | _texts),
    _of("parameter", "metric", key=_texts, operator=_equal, value=_texts | _numbers | st.booleans()),
    _of("tag", "metric", key=_texts, operator=st.just("exists")),
    _of("name", "actor", "error_type", value=_texts),
    _of("duration", operator=st.sampled_from(["<", ">="]), seconds=st.floats(0, 1e9)),
    _of("child", "presumed", value=st.booleans()),
    _of("status", to=_statuses, **{"from": _statuses}),
    _of("series", at_least=st.integers(1, 3), last=st.integers(3, 9), status=_statuses),
    _of("descendants", at_least=st.integers(1, 10**6)),
)
_CHILD = {"of": "child"}
_trees = st.recursive(
    _leaves,
    lambda inner: _of("all", "any", conditions=st.lists(inner, min_size=1, max_size=3)) | _of("not", condition=inner),
    max_leaves=6,
)


def plain(tree: Any) -> Any:
    """A tree in which 5.0 is 5, and one thing alone of which none may hold is that thing."""
    if isinstance(tree, list):
        return [plain(each) for each in tree]
    if isinstance(tree, float) and tree.is_integer():
        return ("int", int(tree))
    if not isinstance(tree, dict):
        return (type(tree).__name__, tree)
    inner: Any = tree.get("condition")
    if tree.get("of") == "not" and inner["of"] == "any" and len(inner["conditions"]) == 1:
        return plain(tree | {"condition": inner["conditions"][0]})
    return {name: plain(each) for name, each in tree.items()}


def sent(draft: Draft) -> Draft:
    """The draft that a browser sends for a form."""
    fields = {name: texts for name, texts in draft.given.items() if texts and texts != [""]}
    for node in flat(draft.nodes):
        fields[f"{node.path}.of"] = [node.of]
        fields |= {f"{node.path}.{name}": texts for name, texts in node.given.items() if texts}
    return Draft(fields, nodes_in(fields))


def flat(nodes: Iterable[Node]) -> Iterable[Node]:
    for node in nodes:
        yield node
        yield from flat(node.children)


@given(tree=_trees)
def test_a_tree_is_the_same_after_the_form_and_after_the_text(tree: dict[str, Any]) -> None:
    # Alone in a disjunction, no condition contradicts another.
    content = {"name": "n", "recipients": ["a@b.org"], "conditions": [{"of": "any", "conditions": [tree]}]}
    definition = definition_of(content)
    draft = sent(draft_of(definition.as_json()))
    made = draft.content()
    assert draft.wrong == {}
    assert made is not None
    conditions = plain(definition.as_json()["conditions"])
    assert plain(definition_of(made).as_json()["conditions"]) == conditions
    written_down = Draft(view=TEXT, written=as_text(definition.as_json()))
    found = written_down.definition()
    assert found is not None
    assert plain(found.as_json()["conditions"]) == conditions


@pytest.mark.parametrize(
    "more",
    [
        {"to": ["Completed"], "from": ["Running"], "include_children": True, "severity": "error"},
        {"to": [], "from": ["Queued"]},
        {"on": {"what": "alert", "level": "warning"}},
        {"on": {"what": "descendant"}, "to": ["Failed"]},
        {"on": {"what": "stuck", "status": ["Queued", "Preparing"], "seconds": 1800}},
        {"on": {"what": "missing", "seconds": 86400}, "experiment": "nightly"},
        {"group": {"by": ["tag:a b", "parent"], "wait_seconds": 0, "repeat_seconds": 3600, "resolved": True}},
        {"group": {"by": []}, "throttle": {"mails": 3, "seconds": 90, "per": "rule"}, "max_age_seconds": 61},
        {"templates": {"subject": " {{ run }} ", "text": "a\n\nb\n"}, "retry": {"first_seconds": 5}, "run_id": "r 1"},
        {"recipients": ["a@b.org", "@submitter", "channel:ops"], "experiment": "a*b?"},
    ],
)  # fmt: skip
def test_everything_a_rule_may_say_is_the_same_after_the_form(more: dict[str, Any]) -> None:
    definition = definition_of({"name": "n", "recipients": ["a@b.org"]} | more)
    draft = sent(draft_of(definition.as_json()))
    found = draft.definition()
    assert draft.wrong == {}
    assert found is not None
    assert found.as_json() == definition.as_json()


@given(text=_texts)
def test_what_is_typed_for_a_text_stands_for_it(text: str) -> None:
    assert unquoted(quoted(text)) == text
    assert typed(written(text)) == text


@pytest.mark.parametrize(
    ("conditions", "field"),
    [
        ([{"of": "tag", "key": "", "value": "x"}], "c.0.key"),
        ([{"of": "child"}, {"of": "duration", "seconds": "long"}], "c.1.seconds"),
        ([{"of": "not", "condition": {"of": "name", "operator": "regex", "value": "("}}], "c.0.0"),
        ([{"of": "any", "conditions": [{"of": "child"}, {"of": "status"}]}], "c.0.1"),
        ([{"of": "not", "condition": {"of": "any", "conditions": [_CHILD, {"of": "tag", "key": ""}]}}], "c.0.1.key"),
        ([{"of": "all", "conditions": []}], "c.0"),
        ([{"of": "tag", "key": "k", "value": "x"}, {"of": "tag", "key": "k", "value": "y"}], "conditions"),
    ],
)  # fmt: skip
def test_a_mistake_is_beside_the_condition_that_has_it(conditions: list[Any], field: str) -> None:
    draft = sent(draft_of({"name": "n", "recipients": ["a@b.org"], "to": ["Failed"], "conditions": conditions}))
    draft.content()
    assert field in draft.wrong


@pytest.mark.parametrize(
    ("typed_in", "field"),
    [
        ({"name": ""}, "name"),
        ({"recipients": "nobody"}, "recipients"),
        ({"experiment": "a b"}, "experiment"),
        ({"to": []}, "to"),
        ({"on": "stuck", "after": "2h"}, "stuck"),
        ({"on": "unfinished", "after": "2 weeks"}, "after"),
        ({"on": "unfinished"}, "after"),
        ({"grouped": "yes", "wait": "x"}, "wait"),
        ({"grouped": "yes", "repeats": "many"}, "repeats"),
        ({"throttled": "yes"}, "mails"),
        ({"max_age": "1s"}, "max_age"),
        ({"retry_first": "2h"}, "retry_first"),
    ],
)
def test_a_mistake_is_beside_the_field_that_has_it(typed_in: dict[str, Any], field: str) -> None:
    draft = draft_of({"name": "n", "recipients": ["a@b.org"], "to": ["Failed"]})
    draft.given |= {name: texts if isinstance(texts, list) else [texts] for name, texts in typed_in.items()}
    draft.content()
    assert field in draft.wrong


def test_conditions_are_added_and_removed_where_it_is_said() -> None:
    nodes = added(added([], "c", "any"), "c.0", "tag")
    nodes = added(added(nodes, "c.0", "not"), "c.0.1", "child")
    assert [node.path for node in flat(nodes)] == ["c.0", "c.0.0", "c.0.1", "c.0.1.0"]
    assert [node.of for node in flat(removed(nodes, "c.0.0"))] == ["any", "not", "child"]
    assert removed(nodes, "c.0") == []
    assert added(nodes, "c", "nonsense") is nodes


_names = st.from_regex(r"c(\.[0-9]{1,3}){0,5}\.(of|key|value|to)", fullmatch=True)
_given = st.lists(st.sampled_from(["any", "not", "tag", "x", ""]), max_size=2)


@given(fields=st.dictionaries(_names, _given, max_size=12))
def test_whatever_is_sent_is_a_draft(fields: dict[str, list[str]]) -> None:
    Draft(fields, nodes_in(fields)).content()


def test_every_kind_of_condition_has_a_form() -> None:
    assert {"tag", "name", "duration", "child", "status", "series", "descendants"} <= set(LEAVES)
    assert set(LEAVES) >= NUMBERED
