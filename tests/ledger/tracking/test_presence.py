"""The ledger is told which writers are alive, and who has left; what it answers is kept."""

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from ledger.client import Client
from ledger.commands import ChangeStatus, StartRun
from ledger.errors import UnavailableError, WorkspaceError
from ledger.liveness.writers import LiveWriter
from ledger.tracking.presence import LONGEST_PAUSE, Presence
from ledger.tracking.tracker import Tracker
from schemas.statuses import RunStatus
from tests.ledger.tracking.conftest import Line

ONE, TWO = LiveWriter("r", "1"), LiveWriter("s", "2")


class Heard:
    """A client that notes what it is told, and answers or fails as it is set."""

    def __init__(self) -> None:
        self.told: list[tuple[list[LiveWriter], list[LiveWriter]]] = []
        self.answer: list[str] = []
        self.error: Exception | None = None
        self.now = 100.0

    def report_presence(self, writers: Sequence[LiveWriter], left: Sequence[LiveWriter] = ()) -> Sequence[str]:
        self.told.append((list(writers), list(left)))
        if self.error is not None:
            raise self.error
        return self.answer

    @property
    def client(self) -> Client:
        return cast("Client", self)

    def presence(self) -> Presence:
        return Presence(2.0, lambda: self.now)


def test_a_report_tells_who_lives_and_who_has_left_since() -> None:
    heard = Heard()
    presence = heard.presence()
    for writers in ([ONE, TWO], [TWO], [], []):
        presence.report(heard.client, writers)
        heard.now += 2

    assert heard.told == [([ONE, TWO], []), ([TWO], [ONE]), ([], [TWO])]


def test_nothing_is_reported_before_it_is_time() -> None:
    heard = Heard()
    presence = heard.presence()
    for now in (0.0, 1.9, 2.0, 3.9, 4.0):
        heard.now = 100 + now
        presence.report(heard.client, [ONE])

    assert len(heard.told) == 3


@pytest.mark.parametrize("error", [UnavailableError("away"), WorkspaceError("gone")])
def test_a_report_that_fails_is_silent_and_made_less_often_but_nobody_is_forgotten(error: Exception) -> None:
    heard = Heard()
    presence = heard.presence()
    heard.answer = ["r"]
    presence.report(heard.client, [ONE])
    heard.error, before = error, len(heard.told)
    for _ in range(60):
        heard.now += 1
        presence.report(heard.client, [])
    failed = len(heard.told) - before
    canceled = presence.canceled
    heard.error, heard.answer = None, []
    heard.now += LONGEST_PAUSE
    presence.report(heard.client, [])

    assert 5 <= failed <= 10
    assert canceled == {"r"}
    assert heard.told[-1] == ([], [ONE])
    assert presence.canceled == frozenset()


def test_who_leaves_says_so_once_but_not_of_those_whose_end_is_still_to_be_told() -> None:
    heard = Heard()
    presence = heard.presence()
    presence.leave(heard.client)
    presence.report(heard.client, [ONE, TWO])
    presence.leave(heard.client, [TWO])
    presence.leave(heard.client, [TWO])

    assert heard.told == [([ONE, TWO], []), ([], [ONE])]


def reported(line: Line) -> list[LiveWriter]:
    calls: list[Any] = [told for name, told in line.calls if name == "report_presence"]
    return list(calls[-1]) if calls else []


def test_every_run_that_is_open_here_is_reported_begun_or_only_logged_to(
    tracker: Tracker, line: Line, client: Client
) -> None:
    client.execute(StartRun(run_id="other", experiment="e"))
    tracker.begin(StartRun(run_id="r", experiment="e"))
    tracker.track("other").recorder.scalar("loss", 1.0)
    tracker.track("untouched")
    until(lambda: {writer.run_id for writer in reported(line)} == {"r", "other"})
    writers = {writer.run_id: writer.writer for writer in reported(line)}
    journal = tracker.track("r").recorder.writer

    assert journal is not None
    assert writers["r"] == journal.identity.writer


def test_a_run_that_shall_be_canceled_is_known_soon(tracker: Tracker, client: Client) -> None:
    tracker.begin(StartRun(run_id="r", experiment="e"))
    assert tracker.canceled == frozenset()
    client.execute(ChangeStatus(run_id="r", status=RunStatus.CANCEL_REQUESTED))
    until(lambda: tracker.canceled == {"r"})


def test_reports_go_on_after_the_ledger_was_away(tracker: Tracker, line: Line, client: Client) -> None:
    tracker.begin(StartRun(run_id="r", experiment="e"))
    until(lambda: bool(reported(line)))
    line.cut = True
    tracker.track("r").recorder.scalar("loss", 1.0)
    assert not tracker.ship()
    client.execute(ChangeStatus(run_id="r", status=RunStatus.CANCEL_REQUESTED))
    line.cut = False
    until(lambda: tracker.canceled == {"r"})


def until(reached: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.05)
