"""What the logs hold, for who looks into them."""

from ledger.commands import StartRun, TagRun
from ledger.inspecting import EventQuery, Inspection
from schemas.events import RunTaggedEvent
from tests.ledger.conftest import CALLER, Open


def inspected(sqlite_parts: Open, runs: int = 30) -> Inspection:
    parts = sqlite_parts()
    ledger = parts.ledger()
    for number in range(runs):
        ledger.handle(StartRun(run_id=f"r{number}", experiment="digits"), CALLER)
        ledger.handle(TagRun(run_id=f"r{number}", tags={"quality": "great"}), CALLER)
    return Inspection(ledger.log_id, parts.database)


def test_pages_go_backwards_without_a_gap(sqlite_parts: Open) -> None:
    inspection = inspected(sqlite_parts)
    seen: list[int] = []
    before: int | None = None
    while True:
        page = inspection.events(EventQuery(before=before, limit=7))
        seen += [each.position for each in page.events]
        before = page.before
        if before is None:
            break
    assert seen == list(range(seen[0], 0, -1))
    assert len(seen) == 61


def test_events_are_those_that_are_asked_for(sqlite_parts: Open) -> None:
    inspection = inspected(sqlite_parts)
    tagged = RunTaggedEvent.type_name()
    found = inspection.events(EventQuery(stream="run:r7", type_name=tagged))
    assert [(each.envelope.stream, each.envelope.type) for each in found.events] == [("run:r7", tagged)]
    assert found.before is None
    assert inspection.events(EventQuery(actor=CALLER.actor, limit=3)).events
    assert inspection.events(EventQuery(actor="nobody")).events == []
    assert inspection.events(EventQuery(stream="run:\x00")).events == []


def test_the_state_names_the_log_and_how_far_it_was_read(sqlite_parts: Open) -> None:
    inspection = inspected(sqlite_parts, runs=1)
    state = inspection.state()
    control = next(log for log in state["logs"] if log["name"] == "control")
    assert state["log_id"] == control["log_id"]
    assert control["partitions"][0]["next_offset"] == 4
    assert control["voids"] == 0
    assert inspection.voids(5) == []
