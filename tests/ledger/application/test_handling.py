"""Commands: handled once, decided again after a lost race, the same on every log."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger.application.application import LedgerApplication
from ledger.application.handling import Caller, Ledger, happened_since
from ledger.application.recorder import LedgerRecorder
from ledger.commands import (
    AddProperties,
    ChangeStatus,
    CreateExperiment,
    DescribeRun,
    ResumeRun,
    StartRun,
    TagRun,
    new_command_id,
)
from ledger.domain.aggregate import Context, LedgerAggregate
from ledger.domain.experiment import Experiment
from ledger.domain.run import Run
from ledger.errors import (
    ChangedSinceError,
    CommandReusedError,
    InvalidNameError,
    NewerHistoryError,
    PoisonedError,
    RefusedError,
    RunNotFoundError,
    WrittenOnceError,
)
from ledger.logs.log import chain, prev_of
from ledger.problems import problem_of
from schemas.limits import Limits
from schemas.records import Envelope
from schemas.statuses import RunStatus
from schemas.streams import experiment_stream, run_stream
from tests.ledger.conftest import CALLER, Open, Parts, now

START = StartRun(run_id="r1", experiment="digits", tags={"a": None})


def started(parts: Parts) -> Ledger:
    ledger = parts.ledger()
    ledger.handle(START, CALLER)
    return ledger


def events_of(parts: Parts, stream: str) -> int:
    return len(parts.database.stream_events(stream))


def test_starting_a_run_makes_its_experiment(parts: Parts) -> None:
    ledger = parts.ledger()
    answer = ledger.handle(START, CALLER)

    run = ledger.run("r1")

    assert (answer.changed, answer.position) == (True, parts.database.last_place())
    assert (run.experiment, run.status, run.tags) == ("digits", RunStatus.RUNNING, {"a": None})
    assert experiment_stream(ledger.log_id, "digits") == f"experiment:{run.experiment_id}"


def test_a_command_sent_again_is_answered_alike_and_adds_nothing(parts: Parts) -> None:
    ledger = started(parts)
    command = TagRun(run_id="r1", tags={"quality": "great run", "x": None})
    first = ledger.handle(command, CALLER)
    ledger.handle(TagRun(run_id="r1", tags={"quality": "other"}), CALLER)

    assert ledger.handle(command, CALLER) == first
    assert ledger.run("r1").tags["quality"] == "other"
    assert events_of(parts, "run:r1") == 4


def test_another_command_under_a_used_id_is_refused(parts: Parts) -> None:
    ledger = started(parts)
    command = TagRun(run_id="r1", tags={"a": "1"})
    ledger.handle(command, CALLER)

    with pytest.raises(CommandReusedError):
        ledger.handle(replace(command, tags={"a": "2"}), CALLER)
    with pytest.raises(CommandReusedError):
        ledger.handle(ChangeStatus(command=command.command, run_id="r1", status=RunStatus.FAILED), CALLER)


def test_starting_again_by_the_same_command_is_no_second_start(parts: Parts) -> None:
    ledger = started(parts)

    assert ledger.handle(START, CALLER).changed
    assert events_of(parts, "run:r1") == 1


@pytest.mark.parametrize("command", ["", "not-a-uuid", "6f0c2b1e"])
def test_a_command_id_must_be_a_uuid(command: str, parts: Parts) -> None:
    with pytest.raises(InvalidNameError, match="UUID"):
        parts.ledger().handle(replace(START, command=command), CALLER)


def test_a_refused_command_leaves_nothing_but_that_it_was_refused(parts: Parts) -> None:
    ledger = started(parts)
    ledger.handle(AddProperties(run_id="r1", properties={"author": "azureml-user"}), CALLER)
    before = parts.database.last_place() or 0

    with pytest.raises(WrittenOnceError):
        ledger.handle(AddProperties(run_id="r1", properties={"new": "1", "author": "x"}), CALLER)
    with pytest.raises(RunNotFoundError):
        ledger.handle(TagRun(run_id="nobody", tags={"a": "b"}), CALLER)
    with pytest.raises(InvalidNameError):
        ledger.handle(StartRun(run_id="-", experiment="new-one"), CALLER)
    with pytest.raises(InvalidNameError):
        ledger.handle(StartRun(run_id="ok", experiment="a b"), CALLER)
    left = [each.envelope.type for each in parts.database.events_after(before, limit=10)]
    assert left == ["runledger.command.refused.v1"] * 3


def test_a_command_that_changes_nothing_adds_no_event(parts: Parts) -> None:
    ledger = started(parts)

    answer = ledger.handle(TagRun(run_id="r1", tags={"a": None}), CALLER)

    assert not answer.changed
    assert answer.position == parts.database.last_place()


def test_time_actor_reason_and_origin_are_kept(parts: Parts) -> None:
    ledger = started(parts)
    moment = datetime(2020, 2, 29, 12, 0, 0, 250, tzinfo=UTC)
    command = TagRun(run_id="r1", tags={"b": "c"}, occurred_at=moment, reason="audit", on_behalf_of="jan")
    ledger.handle(command, Caller(actor="Żaneta", source="//elsewhere"))

    event = parts.database.stream_events("run:r1")[-1]

    assert event.envelope.time == "2020-02-29T12:00:00.000250Z"
    assert (event.envelope.actor, event.envelope.source) == ("Żaneta", "//elsewhere")
    assert abs(event.recorded_at / 1000 - now().timestamp()) < 60


def test_two_who_start_one_run_at_once_are_both_answered_rightly(open_parts: Open) -> None:
    ledgers = [open_parts().ledger() for _ in range(2)]
    ready = threading.Barrier(2)

    def start(number: int) -> str:
        ready.wait()
        try:
            ledgers[number].handle(StartRun(run_id="shared", experiment="digits", tags={"by": str(number)}), CALLER)
        except RefusedError as error:
            assert "there is a run shared already" in str(error)
            return "refused"
        return str(number)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(start, range(2)))

    (winner,) = set(outcomes) - {"refused"}
    ledgers[0].handle(TagRun(run_id="shared", tags={"seen": None}), CALLER)
    assert ledgers[0].run("shared").tags["by"] == winner


def test_two_who_create_one_experiment_at_once_get_the_same_one(open_parts: Open) -> None:
    opened = [open_parts() for _ in range(2)]
    ready = threading.Barrier(2)

    def create(parts: Parts) -> None:
        ledger = parts.ledger()
        ready.wait()
        ledger.handle(CreateExperiment(name="shared"), CALLER)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(create, opened))

    opened[0].control.catch_up()
    assert events_of(opened[0], experiment_stream(opened[0].control.id, "shared")) == 1


def test_of_many_who_set_one_property_exactly_one_wins(open_parts: Open) -> None:
    opened = [open_parts() for _ in range(2)]
    started(opened[0])

    def set_property(number: int) -> str:
        try:
            command = AddProperties(run_id="r1", properties={"winner": str(number)})
            opened[number % 2].ledger().handle(command, CALLER)
        except WrittenOnceError as error:
            return f"refused: {error.old}"
        return str(number)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(set_property, range(16)))

    (winner,) = {outcome for outcome in outcomes if not outcome.startswith("refused")}
    assert set(outcomes) == {winner, f"refused: {winner}"}
    for parts in opened:
        parts.control.catch_up()
        assert parts.ledger().run("r1").properties == {"winner": winner}


def test_many_writers_of_one_run_lose_no_tag(parts: Parts) -> None:
    ledger = started(parts)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.handle(TagRun(run_id="r1", tags={f"t{n}": str(n)}), CALLER), range(60)))

    assert len(ledger.run("r1").tags) == 61
    assert events_of(parts, "run:r1") == 61


def test_resume_is_the_only_way_out_of_an_end(parts: Parts) -> None:
    ledger = started(parts)
    ledger.handle(ChangeStatus(run_id="r1", status=RunStatus.FAILED, error={"message": "boom"}), CALLER)
    with pytest.raises(RefusedError):
        ledger.handle(ChangeStatus(run_id="r1", status=RunStatus.RUNNING), CALLER)

    ledger.handle(ResumeRun(run_id="r1"), CALLER)

    assert (ledger.run("r1").status, ledger.run("r1").attempt) == (RunStatus.RUNNING, 2)


def test_an_aggregate_whose_append_was_lost_must_be_loaded_again(open_parts: Open) -> None:
    """The library's own application, with two instances of one run."""
    parts = open_parts()
    started(parts)
    application = LedgerApplication(LedgerRecorder(parts.control, parts.database))
    one, other = (load_run(application) for _ in range(2))
    one.acting(a_context()).tag({"one": None}, limits())
    other.acting(a_context()).tag({"other": None}, limits())
    application.append(one)

    with pytest.raises(Exception, match="moved on"):
        application.append(other)
    with pytest.raises(PoisonedError, match="loaded again"):
        other.tag({"more": None}, limits())
    again = load_run(application).acting(a_context())
    again.tag({"other": None}, limits())
    application.append(again)
    assert load_run(application).tags == {"a": None, "one": None, "other": None}


def test_an_instance_that_was_saved_is_loaded_again_before_it_decides_more(parts: Parts) -> None:
    started(parts)
    application = LedgerApplication(LedgerRecorder(parts.control, parts.database))
    run = load_run(application).acting(a_context())
    run.tag({"one": None}, limits())
    application.append(run)

    with pytest.raises(PoisonedError, match="saved"):
        run.tag({"two": None}, limits())


def test_notifications_come_in_the_order_of_positions(parts: Parts) -> None:
    ledger = started(parts)
    ledger.handle(TagRun(run_id="r1", tags={"x": "1", "y": "2"}), CALLER)
    application = LedgerApplication(LedgerRecorder(parts.control, parts.database))

    notifications = application.notification_log.select(start=1, limit=10)

    assert [notification.id for notification in notifications] == [1, 2, 3, 4]
    assert notifications[-1].originator_id == "run:r1"


def load_run(application: LedgerApplication) -> Run:
    run = application.load(run_stream("r1"))
    assert isinstance(run, Run)
    return run


def limits() -> Limits:
    return Limits()


def a_context() -> Context:
    return Context(command=new_command_id(), digest="d", actor="a", source="//s", now=now())


def test_a_blank_stream_gives_the_aggregate_of_its_kind() -> None:
    assert isinstance(LedgerAggregate.blank("run:x"), Run)
    assert isinstance(LedgerAggregate.blank("experiment:x"), Experiment)


def test_of_two_who_edit_what_both_have_seen_the_second_is_told_who_was_first(parts: Parts) -> None:
    ledger = started(parts)
    seen = ledger.run("r1").last_position
    first = ledger.handle(DescribeRun(run_id="r1", changes={"description": "ada's"}, as_of=seen), CALLER)
    second = DescribeRun(run_id="r1", changes={"description": "bob's"}, as_of=seen)
    with pytest.raises(ChangedSinceError) as refused:
        ledger.handle(second, CALLER)
    changes = refused.value.changes

    assert [(each["field"], each["value"], each["actor"]) for each in changes] == [
        ("description", "ada's", CALLER.actor)
    ]
    assert (changes[0]["position"], refused.value.position) == (first.position, first.position)
    assert ledger.handle(replace(second, command=new_command_id(), as_of=first.position), CALLER).changed


def test_what_a_run_does_meanwhile_is_in_nobodys_way(parts: Parts) -> None:
    ledger = started(parts)
    seen = ledger.run("r1").last_position
    ledger.handle(TagRun(run_id="r1", tags={"by the script": "1"}), CALLER)
    ledger.handle(DescribeRun(run_id="r1", changes={"display_name": "x"}), CALLER)

    edit = DescribeRun(run_id="r1", changes={"description": "y"}, as_of=seen)
    assert ledger.handle(edit, CALLER) == ledger.handle(edit, CALLER)
    assert not ledger.handle(replace(edit, command=new_command_id()), CALLER).changed


def test_of_many_who_edit_at_once_one_wins(parts: Parts) -> None:
    ledger = started(parts)
    seen = ledger.run("r1").last_position

    def edit(number: int) -> bool:
        try:
            ledger.handle(TagRun(run_id="r1", tags={"quality": str(number)}, as_of=seen), CALLER)
        except ChangedSinceError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(edit, range(16))) == 1


def append_raw(parts: Parts, stream: str, type_: str, value: bytes) -> int:
    """An accepted event that no command of ours would make."""
    head = parts.database.head(stream)
    assert head is not None
    event = Envelope(stream, head.seq + 1, prev_of(head), "id", "//s", type_, "2026-11-23T10:00:00Z", "a", value)
    return parts.control.append(chain(parts.control.id, [event]))[0]


@pytest.mark.parametrize("type_", ["runledger.run.pinned.v1", "runledger.run.tagged.v2"])
def test_nothing_is_decided_on_a_history_that_a_newer_version_wrote_part_of(type_: str, sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger = started(parts)
    ledger.handle(StartRun(run_id="other", experiment="digits"), CALLER)
    done = TagRun(run_id="r1", tags={"b": None})
    before = ledger.handle(done, CALLER)
    place = append_raw(parts, "run:r1", type_, b"{}")

    with pytest.raises(NewerHistoryError) as refused:
        ledger.handle(TagRun(run_id="r1", tags={"c": None}), CALLER)
    assert (refused.value.stream, refused.value.event_type, refused.value.place) == ("run:r1", type_, place)
    assert problem_of(refused.value)["status"] == 503
    # What was done before is answered, and other runs go on.
    assert ledger.handle(done, CALLER).position == before.position
    assert ledger.handle(TagRun(run_id="other", tags={"c": None}), CALLER).changed
    assert events_of(parts, "run:r1") == 3


@pytest.mark.parametrize(("type_", "value"), [("runledger.run.tagged.v1", b"never"), ("com.example.hello", b"{}")])
def test_what_no_version_can_read_stops_no_decision(type_: str, value: bytes, sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger = started(parts)
    append_raw(parts, "run:r1", type_, value)

    assert ledger.handle(TagRun(run_id="r1", tags={"c": None}), CALLER).changed


def test_of_a_long_stream_all_that_happened_behind_a_position_is_found(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger = started(parts)
    position = [ledger.handle(TagRun(run_id="r1", tags={"a": str(number)}), CALLER).position for number in range(130)]
    for behind in (0, 3, 60, 129):
        found = happened_since(parts.database, run_stream("r1"), position[behind])
        assert [each.position for each in found] == position[behind + 1 :]
    assert len(happened_since(parts.database, run_stream("r1"), 0)) == 131
