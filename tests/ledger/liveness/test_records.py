"""Presence records in a real log: written by each server into its own stream, read by all."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.application.handling import Caller
from ledger.commands import ChangeStatus, ResumeRun, StartRun, TagRun
from ledger.errors import LostRaceError, UnavailableError
from ledger.liveness.heard import Heard
from ledger.liveness.hearing import Hearing
from ledger.liveness.reading import PresenceReading
from ledger.liveness.reporting import WRITERS_PER_RECORD, Reporting
from ledger.liveness.standings import Standing, Standings
from ledger.liveness.writers import LiveWriter
from ledger.logs.log import Link
from ledger.workspace.folder import make_folder
from runledger.wiring import Embedded, embedded_workspace, now
from schemas.events import PresenceReportedEvent
from schemas.statuses import RunStatus
from schemas.streams import VALUES, presence_stream


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Embedded]:
    make_folder(tmp_path / "w", log="sqlite")
    with embedded_workspace(str(tmp_path / "w")) as opened:
        yield opened


def reporting(parts: Embedded, server: str) -> tuple[Heard, Reporting]:
    heard = Heard(now=lambda: 1_000)
    return heard, Reporting(heard, parts.values_log, parts.database, Caller("a", "//h/s"), server, now=now)


def writers(count: int) -> list[LiveWriter]:
    return [LiveWriter("r", str(number)) for number in range(count)]


def records(reading: PresenceReading, at: float = 7.0) -> list[tuple[str, int, float]]:
    """Of each record that is new: the server, how many writers, and when it was read."""
    found: list[tuple[str, int, float]] = []

    def take(event: PresenceReportedEvent, recorded_at: int, read_at: float) -> None:
        assert recorded_at > 0
        found.append((event.server, len(event.writers), read_at))

    reading.read(take, at)
    return found


def test_a_record_an_interval_of_what_was_heard_and_none_of_nothing(parts: Embedded) -> None:
    reading = PresenceReading(parts.database)
    assert records(reading) == []
    heard, report = reporting(parts, "one")
    report.report(60)
    heard.note(writers(2))
    heard.note(writers(3))
    report.report(60)
    report.report(60)

    assert records(reading) == [("one", 3, 7.0)]
    assert records(reading) == []
    assert (report.records, report.writers) == (1, 0)
    assert parts.database.head(presence_stream("one")) is not None


def test_a_writer_takes_less_than_150_bytes(parts: Embedded) -> None:
    heard, report = reporting(parts, "one")
    heard.note([LiveWriter(str(uuid4()), uuid4().hex) for _ in range(1_000)])
    report.report(60)
    (record,) = parts.database.stream_events(presence_stream("one"), log=VALUES)

    assert len(record.envelope.value) < 150 * 1_000


def test_many_writers_make_several_records(parts: Embedded) -> None:
    reading = PresenceReading(parts.database)
    records(reading)
    heard, report = reporting(parts, "one")
    heard.note(writers(2 * WRITERS_PER_RECORD + 5))
    report.report(60)

    assert [count for _, count, _ in records(reading)] == [WRITERS_PER_RECORD, WRITERS_PER_RECORD, 5]


def test_each_server_has_its_stream_and_everybody_reads_all(parts: Embedded) -> None:
    reading = PresenceReading(parts.database)
    records(reading)
    for server in ("one", "two"):
        heard, report = reporting(parts, server)
        heard.note(writers(1))
        report.report(60)

    assert sorted(server for server, _, _ in records(reading)) == ["one", "two"]


def test_the_first_reading_looks_back_so_far_and_says_that_it_is_long_ago(parts: Embedded) -> None:
    for server in ("one", "two"):
        heard, report = reporting(parts, server)
        for _ in range(450):
            heard.note(writers(1))
            report.report(60)
    everything = records(PresenceReading(parts.database))
    a_part = records(PresenceReading(parts.database, look_back=100))

    assert len(everything) == 900
    assert {at for _, _, at in everything} == {float("-inf")}
    assert sorted({server for server, _, _ in a_part}) == ["one", "two"]
    assert 100 <= len(a_part) < 900


def test_what_could_not_be_written_is_not_counted_and_farewells_are_kept(
    parts: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, report = reporting(parts, "one")
    heard.note(writers(2), [LiveWriter("r", "gone")])

    def fail(_: list[Link]) -> list[int]:
        raise UnavailableError("away")

    append = parts.values_log.append
    monkeypatch.setattr(parts.values_log, "append", fail)
    with pytest.raises(UnavailableError):
        report.report(60)
    monkeypatch.setattr(parts.values_log, "append", append)
    reading = PresenceReading(parts.database)
    records(reading)
    report.report(60)

    assert records(reading) == [("one", 1, 7.0)]
    assert report.records == 1


def test_an_append_that_was_in_doubt_and_arrived_is_followed_by_the_next(
    parts: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, report = reporting(parts, "one")
    append, calls = parts.values_log.append, [0]

    def lose_first(links: list[Link]) -> list[int]:
        calls[0] += 1
        if calls[0] == 1:
            raise LostRaceError("presence:one", 1)
        return append(links)

    monkeypatch.setattr(parts.values_log, "append", lose_first)
    heard.note(writers(1))
    report.report(60)

    assert (calls[0], report.records) == (2, 1)


def test_where_a_run_stands_is_read_from_its_stream_and_read_on(parts: Embedded) -> None:
    standings, client = Standings(parts.database), parts.client
    assert standings.of("r") is None
    start = StartRun(run_id="r", experiment="e")
    client.execute(start)
    first = standings.of("r")
    assert first == Standing(RunStatus.RUNNING, None, first.since if first else 0, start.command)
    client.execute(TagRun(run_id="r", tags={"a": "b"}))
    assert standings.of("r") == first
    position = client.execute(ChangeStatus(run_id="r", status=RunStatus.FAILED, presumed=True)).position
    assert standings.of("r") == Standing(RunStatus.FAILED, RunStatus.RUNNING, position, start.command, presumed=True)
    resume = ResumeRun(run_id="r")
    position = client.execute(resume).position
    for known in (standings, Standings(parts.database)):
        assert known.of("r") == Standing(RunStatus.RUNNING, RunStatus.FAILED, position, resume.command)


def test_only_writers_of_runs_that_may_still_end_are_noted(parts: Embedded) -> None:
    for run_id, status in (("open", None), ("over", RunStatus.COMPLETED), ("stop", RunStatus.CANCEL_REQUESTED)):
        parts.client.execute(StartRun(run_id=run_id, experiment="e"))
        if status is not None:
            parts.client.execute(ChangeStatus(run_id=run_id, status=status))
    parts.client.execute(StartRun(run_id="presumed", experiment="e"))
    parts.client.execute(ChangeStatus(run_id="presumed", status=RunStatus.FAILED, presumed=True))
    heard = Heard(now=lambda: 1_000)
    named = [LiveWriter(run_id, "w") for run_id in ("open", "over", "stop", "presumed", "unknown")]
    canceled = Hearing(heard, Standings(parts.database)).hear(named, [LiveWriter("open", "gone")])

    assert canceled == ["stop"]
    assert sorted((sign.run_id, sign.left) for sign in heard.take(60)) == [
        ("open", False),
        ("open", True),
        ("presumed", False),
        ("stop", False),
    ]
