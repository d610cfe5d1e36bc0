"""`runledger audit` on a path and on a URL: each question that an auditor asks is one command."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from ledger.commands import AddProperties, ChangeRule, ChangeStatus, DefineRule, StartRun, TagRun
from ledger.errors import RefusedError
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import call
from tests.runledger.cli.test_alert import MARIA, create, end, relay
from tests.runledger.relay import Relay

__all__ = ["relay"]


@pytest.fixture
def run(place: str) -> str:
    """A run that was approved, got a second author, and was cancelled."""
    run_id = f"r-{uuid4().hex[:8]}"
    client = connect(place)
    try:
        client.execute(StartRun(run_id=run_id, experiment="digits", properties={"author": "ada"}))
        client.execute(TagRun(run_id=run_id, tags={"approved": "no"}))
        client.execute(TagRun(run_id=run_id, tags={"approved": "yes"}, reason="looks good", on_behalf_of="ada"))
        with pytest.raises(RefusedError):
            client.execute(AddProperties(run_id=run_id, properties={"author": "eve"}))
        client.execute(ChangeStatus(run_id=run_id, status=RunStatus.CANCELED, reason="too slow"))
    finally:
        client.close()
    return run_id


def audit(place: str, *asked: object) -> list[dict[str, Any]]:
    done = call("audit", "-w", place, *asked)
    assert done.code == 0, done.err
    return list(done.json)


def test_who_cancelled_it_and_why(place: str, run: str) -> None:
    (entry,) = audit(place, "--run", run, "--field", "status=Canceled")
    assert entry["reason"] == "too slow"
    assert entry["actor"]
    assert entry["changes"] == [{"field": "status", "before": "Running", "after": "Canceled"}]


def test_every_change_of_a_tag_in_a_span(place: str, run: str) -> None:
    found = audit(place, "--run", run, "--field", "tags.approved", "--since", "1h", "--oldest-first")
    assert [each["changes"][0]["after"] for each in found] == ["no", "yes"]
    assert found[1]["changes"][0]["before"] == "no"
    assert audit(place, "--run", run, "--field", "tags.approved", "--until", "1h") == []


def test_who_attempted_a_second_value(place: str, run: str) -> None:
    found = audit(place, "--refused", "--field", "properties.author")
    (entry,) = (each for each in found if each["run_id"] == run)
    assert entry["changes"] == [{"field": "properties.author", "before": "ada", "after": "eve"}]
    lines = call("audit", "-w", place, "--refused", "--run", run, "-o", "table").out
    assert "REFUSED (written-once)" in lines


def test_everything_that_somebody_did_or_had_done(place: str, run: str) -> None:
    found = audit(place, "--actor", "ada", "--run", run)
    assert [each["reason"] for each in found] == ["looks good"]


def test_who_changed_a_rule_and_what(place: str) -> None:
    rule_id, name = str(uuid4()), f"rule-{uuid4().hex[:6]}"
    definition = {"name": name, "recipients": ["you@example.org"]}
    client = connect(place)
    try:
        client.execute(DefineRule(rule_id=rule_id, definition=definition))
        client.execute(ChangeRule(rule_id=rule_id, definition=definition | {"recipients": ["us@example.org"]}))
    finally:
        client.close()
    newest, _ = audit(place, "--rule", name)
    assert newest["changes"] == [
        {"field": "definition.recipients", "before": ["you@example.org"], "after": ["us@example.org"]}
    ]


def test_which_mails_went_out_because_of_an_event(empty: Path, relay: Relay) -> None:
    create(empty)
    end(empty, "broken", RunStatus.FAILED)
    end(empty, "well", RunStatus.COMPLETED)
    assert call("alert", "run", "--once", "-w", empty).code == 0
    (failed,) = audit(str(empty), "--run", "broken", "--field", "status=Failed")
    claimed, settled = audit(str(empty), "--because-of", failed["position"], "--oldest-first")

    assert (claimed["action"], settled["action"]) == ("notifications.claimed", "notifications.settled")
    (mail,) = next(each["after"] for each in claimed["changes"] if each["field"] == "notifications")
    assert (mail["recipient"], mail["trigger"]) == (MARIA, failed["position"])
    (outcome,) = next(each["after"] for each in settled["changes"] if each["field"] == "outcomes")
    assert outcome["notification"] == mail["notification"]
    assert len(relay.messages()) == 1
    lines = call("audit", "-w", empty, "--because-of", failed["position"], "-o", "table").out
    assert f"fired to {MARIA} by email" in lines
    assert "sent: queued as 1" in lines
    assert audit(str(empty), "--because-of", failed["position"] - 1) == []


def test_what_a_program_sent_is_found_by_its_name(place: str, run: str) -> None:
    for each in audit(place, "--run", run):
        found = audit(place, "--run", run, "--client", each["client"] or "none")
        assert (each in found) == (each["client"] is not None)


def test_who_may_see_no_address_may_not_ask_by_one(place: str, run: str) -> None:
    done = call("audit", "-w", place, "--run", run, "--address", "127.0.0.1")
    if place.startswith("http"):
        assert done.code == 4
        assert "admin" in done.err
    else:
        assert (done.code, done.json) == (0, [])


def test_what_it_looked_like_when_it_was_approved(place: str, run: str) -> None:
    approved = audit(place, "--run", run, "--field", "tags.approved=yes")[0]
    for moment in ("tags.approved=yes", "tags.approved", str(approved["position"])):
        then = call("run", "show", "-w", place, "-r", run, "--as-of", moment).json
        assert (then["status"], then["tags"]) == ("Running", {"approved": "yes"})
    now = datetime.now(UTC).isoformat()
    assert call("run", "show", "-w", place, "-r", run, "--as-of", now).json["status"] == "Canceled"
    for moment, code, said in (
        ("tags.approved=maybe", 3, "never 'maybe'"),
        ("nothing", 3, "never changed"),
        ("=", 4, "no moment"),
        ("1999-01-01", 3, "there was no run"),
        ("2199-01-01", 3, "has not come yet"),
        ("0", 3, "there was no run"),
    ):
        done = call("run", "show", "-w", place, "-r", run, "--as-of", moment)
        assert (done.code, said in done.err) == (code, True), done.err


def test_pages_go_on_where_the_last_one_ended(place: str, run: str) -> None:
    first = call("audit", "-w", place, "--run", run, "--limit", "2")
    cursor = first.err.split("--cursor ")[1].split()[0]
    rest = call("audit", "-w", place, "--run", run, "--cursor", cursor)
    assert first.json + rest.json == audit(place, "--run", run)
    assert "There is more" not in rest.err


def test_files_hold_every_entry(place: str, run: str, tmp_path: Path) -> None:
    entries = audit(place, "--run", run)
    for form in ("csv", "jsonl", "parquet"):
        done = call("audit", "-w", place, "--run", run, "--export", tmp_path / f"a.{form}")
        assert (done.code, done.json["entries"]) == (0, len(entries))
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    with (tmp_path / "a.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert lines == entries
    assert pq.read_table(tmp_path / "a.parquet").num_rows == len(rows) >= len(entries)
    assert {row["position"] for row in rows} == {str(entry["position"]) for entry in entries}
    assert call("audit", "-w", place, "--export", tmp_path / "a.csv").code == 2
    assert "ends in no form" in call("audit", "-w", place, "--export", tmp_path / "a.xlsx").err
    assert not list(tmp_path.glob("*.part"))


def test_nothing_found_and_wrong_questions(place: str) -> None:
    done = call("audit", "-w", place, "--actor", "nobody")
    assert (done.code, done.json) == (0, [])
    assert "Nothing like this" in done.err
    assert call("audit", "-w", place, "--cursor", "x").code == 4
    assert call("audit", "-w", place, "--since", "someday").code == 2
    assert call("audit", "-w", place, "--run", "a", "--stream", "run:b").code == 2
