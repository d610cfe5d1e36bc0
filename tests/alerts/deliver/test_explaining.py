"""Why a run was told of or not, where what was told waited with others."""

import time
from typing import Any

import pytest

from alerts.explain import explain
from ledger.commands import StartRun
from ledger.feed import Feed
from tests.alerts.deliver.working import Memory, define, fail, service, work
from tests.ledger.conftest import CALLER, Open, Parts


@pytest.fixture
def parts(sqlite_parts: Open) -> Parts:
    return sqlite_parts()


def reasons(parts: Parts, run_id: str) -> dict[str, Any]:
    """The reasons of what happened last, by the rule's id."""
    found = explain(Feed(parts.control.id, parts.database), run_id, {})
    return {each["rule_id"]: each for each in found}


def test_a_member_of_a_group_is_told_with_it(parts: Parts) -> None:
    rule = define(parts, group={"by": ["experiment"], "wait_seconds": 1})
    slow = define(parts, group={"by": ["experiment"], "wait_seconds": 3_600})
    fail(parts, *(f"r{number}" for number in range(12)))
    waits = reasons(parts, "r11")[slow]
    assert (waits["told"], waits["because"]) == (False, "it waits to be told (told with its group)")
    channel = Memory()
    while not reasons(parts, "r11")[rule]["told"]:
        work(service(parts, channel))
        time.sleep(0.2)

    told = reasons(parts, "r11")[rule]
    assert told["notifications"][0]["notification"] in {mail.notification for mail in channel.mails}
    assert "with its group" in told["because"]


def test_what_is_over_the_throttle_is_told_in_a_digest(parts: Parts) -> None:
    rule = define(parts, throttle={"mails": 1, "seconds": 3_600})
    fail(parts, "a", "b", "c")

    assert reasons(parts, "a")[rule]["told"]
    for run_id in ("b", "c"):
        assert "over the throttle: in a digest" in reasons(parts, run_id)[rule]["because"]


def test_a_deadline_that_passed_is_a_reason_of_its_own(parts: Parts) -> None:
    rule = define(parts, on={"what": "unfinished", "seconds": 1})
    later = define(parts, on={"what": "unfinished", "seconds": 10_000})
    parts.ledger().handle(StartRun(run_id="hung", experiment="vision"), CALLER)
    fail(parts, "other")
    time.sleep(1.2)
    work(service(parts, Memory()))

    assert (reasons(parts, "hung")[rule]["told"], reasons(parts, "hung")[later]["told"]) == (True, False)
    assert "has not passed" in reasons(parts, "hung")[later]["because"]
    assert not reasons(parts, "other")[rule]["told"]
