"""What silence means, case by case."""

import pytest

from ledger.commands import ChangeStatus, WarnRun
from ledger.liveness.attention import Attention, Moment, moment
from ledger.liveness.judging import EXPECTED, BadDeadlineError, Deadlines, Judgement, command_for, is_settled, judge
from ledger.liveness.roll import LONG_AGO, Roll, Silence
from ledger.liveness.standings import Standing
from schemas.events import PresenceReportedEvent, PresentWriter
from schemas.statuses import TERMINAL, RunStatus

S = RunStatus
DEADLINES = Deadlines(not_responding=120, presumed=3_600, interval=30)
LOG_ID = "b3a4e1c2-0000-4000-8000-000000000000"
MONDAY = 1_767_571_200_000


def silent(seconds: float, *, expected: bool = True, again: bool = False) -> Silence:
    return Silence(seconds, expected, again, MONDAY)


@pytest.mark.parametrize("status", list(S))
def test_only_where_a_process_is_expected_silence_means_something(status: RunStatus) -> None:
    found = judge(Standing(status), silent(3_000), DEADLINES)

    assert found == (Judgement.NOT_RESPONDING if status in EXPECTED else None)
    assert {S.STARTING, S.PROVISIONING, S.PREPARING, S.RUNNING, S.FINALIZING} == EXPECTED


@pytest.mark.parametrize(("seconds", "found"), [(149.9, None), (150, Judgement.NOT_RESPONDING)])
def test_the_deadline_is_waited_for_and_an_interval_for_what_was_heard_at_its_end(
    seconds: float, found: Judgement | None
) -> None:
    assert judge(Standing(S.RUNNING), silent(seconds), DEADLINES) == found


def test_a_run_that_everybody_left_is_not_judged() -> None:
    assert judge(Standing(S.RUNNING), silent(9_999, expected=False), DEADLINES) is None
    assert is_settled(Standing(S.RUNNING), silent(9_999, expected=False), DEADLINES)


@pytest.mark.parametrize("status", list(S))
def test_an_end_is_presumed_only_of_a_run_that_is_not_responding_and_only_where_that_was_chosen(
    status: RunStatus,
) -> None:
    never = Deadlines(not_responding=120, interval=30)

    assert judge(Standing(status), silent(1e9), never) is not Judgement.PRESUMED_FAILED
    found = judge(Standing(status), silent(3_630), DEADLINES) is Judgement.PRESUMED_FAILED
    assert found == (status is S.NOT_RESPONDING)
    assert judge(Standing(S.NOT_RESPONDING), silent(3_629), DEADLINES) is None


def test_a_presumed_end_is_marked_and_meant_for_the_attempt_that_is_silent() -> None:
    standing = Standing(S.NOT_RESPONDING, S.RUNNING, 7, "0b0b0b0b-0000-4000-8000-000000000000")
    command = command_for(Judgement.PRESUMED_FAILED, "r", standing, silent(3_630), DEADLINES, LOG_ID)

    assert isinstance(command, ChangeStatus)
    assert (command.status, command.presumed, command.previous) == (S.FAILED, True, S.NOT_RESPONDING)
    assert command.begun_by == standing.begun_by
    assert "3600 s (last at 2026-01-05 00:00:00 UTC)" in (command.reason or "")


def test_who_is_heard_again_gets_the_status_back_that_it_left() -> None:
    standing = Standing(S.NOT_RESPONDING, S.FINALIZING, 7)
    assert judge(standing, silent(0, again=True), DEADLINES) is Judgement.HEARD_AGAIN
    command = command_for(Judgement.HEARD_AGAIN, "r", standing, silent(0, again=True), DEADLINES, LOG_ID)

    assert isinstance(command, ChangeStatus)
    assert (command.status, command.previous, command.reason) == (S.FINALIZING, S.NOT_RESPONDING, "heard again")


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_an_end_is_left_alone_but_a_presumed_one_is_watched_for_signs_of_life(status: RunStatus) -> None:
    true, presumed = Standing(status), Standing(status, presumed=True)

    assert is_settled(true, silent(0, again=True), DEADLINES)
    assert not is_settled(presumed, silent(1e9), DEADLINES)
    assert judge(presumed, silent(1e9), DEADLINES) is None
    assert judge(presumed, silent(0, again=True), DEADLINES) is Judgement.ALIVE_AFTER_ALL
    assert isinstance(command_for(Judgement.ALIVE_AFTER_ALL, "r", presumed, silent(0), DEADLINES, LOG_ID), WarnRun)


def test_whoever_judges_the_same_standing_says_the_same_under_the_same_id() -> None:
    def said(judgement: Judgement, since: int, seconds: float) -> tuple[str, str]:
        standing = Standing(S.NOT_RESPONDING, S.RUNNING, since)
        command = command_for(judgement, "r", standing, silent(seconds), DEADLINES, LOG_ID)
        return command.command, command.digest()

    for judgement in Judgement:
        assert said(judgement, 7, 150) == said(judgement, 7, 171.3)
        assert said(judgement, 7, 150)[0] != said(judgement, 8, 150)[0]
    assert len({said(judgement, 7, 150)[0] for judgement in Judgement}) == len(Judgement)


@pytest.mark.parametrize(
    "deadlines",
    [
        {"interval": 0},
        {"interval": 31},
        {"not_responding": 60, "interval": 30},
        {"presumed": 120},
        {"not_responding": float("nan")},
    ],
)
def test_deadlines_that_would_judge_the_living_are_refused(deadlines: dict[str, float]) -> None:
    with pytest.raises(BadDeadlineError):
        Deadlines(**deadlines)


def record(*writers: tuple[str, str, bool]) -> PresenceReportedEvent:
    present = [PresentWriter(run_id=run, writer=writer, seen_at=0, left=left) for run, writer, left in writers]
    return PresenceReportedEvent(server="s", writers=present)


def test_a_run_is_silent_since_the_last_of_its_writers_was_and_left_when_all_have() -> None:
    roll = Roll()
    roll.take(record(("r", "1", False), ("r", "2", False)), MONDAY, 100.0)
    roll.take(record(("r", "2", True)), MONDAY + 5, 110.0)
    assert roll.silence("r", 130.0, 0.0) == Silence(20.0, expected=True, again=False, last=MONDAY + 5)
    # What another server had heard before arrives behind the farewell.
    roll.take(record(("r", "2", False)), MONDAY + 6, 115.0)
    roll.take(record(("r", "1", True)), MONDAY + 6, 115.0)

    assert roll.silence("r", 130.0, 0.0) == Silence(15.0, expected=False, again=False, last=MONDAY + 6)


def test_silence_counts_from_where_the_reader_began_to_listen() -> None:
    roll = Roll()
    roll.take(record(("r", "1", False)), MONDAY, LONG_AGO)

    assert roll.silence("r", 130.0, 120.0).seconds == 10.0


def test_heard_again_is_what_was_read_since_the_status_was_first_seen() -> None:
    roll = Roll()
    roll.take(record(("r", "1", False)), MONDAY, 100.0)
    roll.notice("r", 7, 101.0)
    assert not roll.silence("r", 102.0, 0.0).again
    roll.notice("r", 7, 103.0)
    roll.take(record(("r", "1", False)), MONDAY, 102.0)
    assert roll.silence("r", 103.0, 0.0).again
    roll.notice("r", 8, 104.0)
    assert not roll.silence("r", 104.0, 0.0).again


@pytest.mark.parametrize("pause", [Moment(11.0, 1.0), Moment(1.0, 11.0), Moment(11.0, 11.0)])
def test_a_pause_by_either_clock_is_a_break(pause: Moment) -> None:
    attention = Attention(10.0)
    assert not attention.attend(Moment(100.0, 5_000.0))
    assert attention.attend(Moment(109.0, 5_009.0))
    assert (attention.since(), attention.seconds()) == (100.0, 9.0)
    after = Moment(109.0 + pause.steady, 5_009.0 + pause.wall)
    assert not attention.is_unbroken(after)
    assert not attention.attend(after)
    assert (attention.since(), attention.seconds()) == (after.steady, 0.0)


def test_a_wall_clock_that_is_set_back_is_no_break() -> None:
    attention = Attention(10.0)
    attention.attend(Moment(100.0, 5_000.0))
    assert attention.attend(Moment(101.0, 1_000.0))


def test_the_steady_clock_does_not_go_back() -> None:
    assert moment().steady <= moment().steady
