"""What was changed since somebody looked, and what of it is in his way."""

from typing import Any

import pytest

from ledger.domain.since import Happened, in_the_way
from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleEnabledEvent,
    Event,
    ExperimentDescribedEvent,
    ExperimentTaggedEvent,
    OpaqueEvent,
    RunArchivedEvent,
    RunDescribedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
)

DESCRIBED = RunDescribedEvent(changed=("description",), description="new")
NAMED = RunDescribedEvent(changed=("display_name",), display_name="name")
TAGGED = RunTaggedEvent(key="quality", value="good")
RULE: dict[str, Any] = {"rule_name": "r", "definition": {}}


def since(*events: Event | OpaqueEvent) -> list[Happened]:
    return [Happened(position, "2030-01-01T00:00:00Z", "ada", event) for position, event in enumerate(events, 7)]


@pytest.mark.parametrize(
    ("wanted", "happened", "fields"),
    [
        (DESCRIBED, DESCRIBED, ["description"]),
        (DESCRIBED, NAMED, []),
        (DESCRIBED, TAGGED, []),
        (TAGGED, TAGGED, ["tags.quality"]),
        (TAGGED, RunTaggedEvent(key="other", value=None), []),
        (TAGGED, RunUntaggedEvent(key="quality"), ["tags.quality"]),
        (RunUntaggedEvent(key="quality"), TAGGED, ["tags.quality"]),
        (ExperimentTaggedEvent(key="a", value="b"), ExperimentTaggedEvent(key="a", value=None), ["tags.a"]),
        (ExperimentDescribedEvent(description=None), ExperimentDescribedEvent(description="x"), ["description"]),
        (AlertRuleChangedEvent(**RULE), AlertRuleChangedEvent(**RULE), ["alert-rule.changed"]),
        (AlertRuleChangedEvent(**RULE), AlertRuleEnabledEvent(), []),
        (RunArchivedEvent(), RunArchivedEvent(), ["run.archived"]),
        (DESCRIBED, OpaqueEvent("runledger.run.described.v9", b"{}", "later"), ["description"]),
    ],
)
def test_only_a_change_of_the_same_field_is_in_the_way(
    wanted: Event, happened: Event | OpaqueEvent, fields: list[str]
) -> None:
    assert [each["field"] for each in in_the_way([wanted], since(happened))] == fields


def test_the_newest_change_of_each_field_is_told() -> None:
    both = RunDescribedEvent(changed=("description", "display_name"))
    found = in_the_way([both], since(DESCRIBED, NAMED, RunDescribedEvent(changed=("description",))))

    assert found == [
        {
            "field": "display_name",
            "value": "name",
            "actor": "ada",
            "position": 8,
            "occurred_at": "2030-01-01T00:00:00Z",
        },
        {
            "field": "description",
            "value": None,
            "actor": "ada",
            "position": 9,
            "occurred_at": "2030-01-01T00:00:00Z",
        },
    ]
