"""What may happen to a run: given events, when decided, then events or an error."""

import math
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from ledger.commands import ChangeStatus, StartRun, WarnRun
from ledger.domain.run import Run
from ledger.domain.statuses import TRANSITIONS, may_change
from ledger.errors import (
    CommandReusedError,
    InvalidNameError,
    LimitExceededError,
    PoisonedError,
    RefusedError,
    RunNotFoundError,
    StatusRefusedError,
    WrittenOnceError,
)
from schemas.events import (
    Event,
    OpaqueEvent,
    RunArchivedEvent,
    RunDescribedEvent,
    RunError,
    RunOrigin,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunRestoredEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    RunWarnedEvent,
    Seal,
)
from schemas.limits import Limits
from schemas.registry import decode
from schemas.statuses import TERMINAL, RunStatus
from tests.ledger.domain.specification import given, then_happened, then_refused, when

LIMITS = Limits()
STARTED = RunStartedEvent(experiment="digits", experiment_id="e1", root_run_id="r1")


def run(*events: Event | OpaqueEvent) -> Run:
    aggregate = given("run:r1", *events)
    assert isinstance(aggregate, Run)
    return aggregate


def in_status(status: RunStatus) -> Run:
    return run(RunStartedEvent(experiment="digits", experiment_id="e1", status=status))


def start(**fields: Any) -> Any:
    command = StartRun(**({"run_id": "r1", "experiment": "digits"} | fields))
    return lambda it: it.start(command, "e1", LIMITS)


def ending(status: RunStatus, **fields: Any) -> Any:
    command = ChangeStatus(run_id="r1", status=status, **fields)
    return lambda it: it.change_status(command, LIMITS, Seal)


def test_a_run_starts_running_in_its_experiment() -> None:
    (event,) = when(run(), start(tags={"a": None}, display_name="first"))

    assert isinstance(event, RunStartedEvent)
    assert (event.experiment, event.status, event.tags) == ("digits", RunStatus.RUNNING, {"a": None})
    assert (event.display_name, event.root_run_id) == ("first", "r1")


def test_a_run_id_starts_once() -> None:
    then_refused(run(STARTED), start(), RefusedError, "r1", "digits", "resume='allow'")


@pytest.mark.parametrize("name", ["a b", "-x", "", "a.b", "x" * 256, "ż", "_a", "a\n", None])
def test_experiment_names_that_break_the_rule(name: Any) -> None:
    then_refused(run(), start(experiment=name), InvalidNameError, "experiment name")


@pytest.mark.parametrize("name", ["a", "0", "explore-runs", "a_b", "xż", "x" * 255])
def test_experiment_names_that_keep_the_rule(name: str) -> None:
    assert len(when(run(), start(experiment=name))) == 1


@pytest.mark.parametrize("run_id", [".a", "a" * 257, "-"])
def test_run_ids_that_break_the_rule(run_id: str) -> None:
    aggregate = given(f"run:{run_id}")
    assert isinstance(aggregate, Run)
    then_refused(aggregate, start(), InvalidNameError, "run id")


def test_nothing_but_a_start_happens_to_a_run_that_is_not_there() -> None:
    for decide in (
        lambda it: it.tag({"a": "b"}, LIMITS),
        lambda it: it.untag(["a"]),
        lambda it: it.add_properties({"a": "b"}, LIMITS),
        lambda it: it.add_parameters({"a": 1}, LIMITS),
        lambda it: it.describe({"description": "x"}, LIMITS),
        ending(RunStatus.COMPLETED),
        lambda it: it.resume(),
        lambda it: it.archive(),
        lambda it: it.restore(),
    ):
        then_refused(run(), decide, RunNotFoundError, "r1", "runledger run list")


def test_a_tag_is_set_changed_and_bare() -> None:
    started = run(STARTED, RunTaggedEvent(key="quality", value="great run"))

    assert when(started, lambda it: it.tag({"quality": "fantastic run", "worth another look": None}, LIMITS)) == [
        RunTaggedEvent(key="quality", value="fantastic run"),
        RunTaggedEvent(key="worth another look", value=None),
    ]
    assert started.tags == {"quality": "fantastic run", "worth another look": None}


def test_the_same_tag_again_is_no_event() -> None:
    tagged = run(STARTED, RunTaggedEvent(key="a", value="b"), RunTaggedEvent(key="bare", value=None))

    assert when(tagged, lambda it: it.tag({"a": "b", "bare": None}, LIMITS)) == []


def test_a_bare_tag_is_not_an_empty_one() -> None:
    tagged = run(STARTED, RunTaggedEvent(key="a", value=None))

    assert when(tagged, lambda it: it.tag({"a": ""}, LIMITS)) == [RunTaggedEvent(key="a", value="")]


def test_untag_removes_what_is_there() -> None:
    tagged = run(STARTED, RunTaggedEvent(key="a", value="b"))

    assert when(tagged, lambda it: it.untag(["a", "a", "missing"])) == [RunUntaggedEvent(key="a")]
    assert tagged.tags == {}


def test_a_property_is_written_once() -> None:
    with_author = run(STARTED, RunPropertyAddedEvent(key="author", value="azureml-user"))

    then_refused(
        with_author,
        lambda it: it.add_properties({"author": "different-user"}, LIMITS),
        WrittenOnceError,
        "author",
        "azureml-user",
        "different-user",
    )
    assert with_author.properties == {"author": "azureml-user"}


def test_the_same_property_again_is_no_event() -> None:
    with_author = run(STARTED, RunPropertyAddedEvent(key="author", value="x"))

    assert when(with_author, lambda it: it.add_properties({"author": "x"}, LIMITS)) == []


def test_one_bad_property_of_several_adds_none() -> None:
    with_author = run(STARTED, RunPropertyAddedEvent(key="author", value="x"))

    then_refused(with_author, lambda it: it.add_properties({"new": "1", "author": "y"}, LIMITS), WrittenOnceError)


def test_a_property_given_at_the_start_is_immutable_too() -> None:
    started = run(RunStartedEvent(experiment="d", experiment_id="e", properties={"a": "1"}))

    then_refused(started, lambda it: it.add_properties({"a": "2"}, LIMITS), WrittenOnceError)


def test_parameters_keep_numbers_and_are_written_once() -> None:
    started = run(STARTED)

    assert when(started, lambda it: it.add_parameters({"lr": 0.1, "depth": 3, "x": True}, LIMITS)) == [
        RunParameterAddedEvent(key="lr", value=0.1),
        RunParameterAddedEvent(key="depth", value=3),
        RunParameterAddedEvent(key="x", value=True),
    ]


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (1, True), (1, "1"), (0.0, math.nan), (None, 0)])
def test_a_parameter_of_another_type_is_another_value(old: Any, new: Any) -> None:
    started = run(STARTED, RunParameterAddedEvent(key="p", value=old))

    then_refused(started, lambda it: it.add_parameters({"p": new}, LIMITS), WrittenOnceError, "parameter", "'p'")


def test_description_and_display_name_are_set_and_cleared() -> None:
    started = run(STARTED)

    assert when(started, lambda it: it.describe({"description": "# Hello"}, LIMITS)) == [
        RunDescribedEvent(changed=("description",), description="# Hello")
    ]
    described = run(
        STARTED, RunDescribedEvent(changed=("description", "display_name"), description="x", display_name="y")
    )
    assert when(described, lambda it: it.describe({"description": None, "display_name": "y"}, LIMITS)) == [
        RunDescribedEvent(changed=("description",), description=None)
    ]
    assert (described.description, described.display_name) == (None, "y")


@pytest.mark.parametrize("old", list(RunStatus))
@pytest.mark.parametrize("new", list(RunStatus))
def test_every_pair_of_statuses(old: RunStatus, new: RunStatus) -> None:
    """The whole table: allowed, refused with the ways that are open, or nothing to do."""
    before = in_status(old)
    if new == old:
        assert when(before, ending(new)) == []
    elif may_change(old, new):
        seal = Seal() if new in TERMINAL else None
        assert when(before, ending(new)) == [RunStatusChangedEvent(previous=old, status=new, seal=seal)]
        assert before.status == new
    else:
        then_refused(before, ending(new), StatusRefusedError, "r1", old, new)


def test_the_table_has_every_status_and_no_way_out_of_an_end() -> None:
    assert TRANSITIONS.keys() == set(RunStatus)
    assert all(not TRANSITIONS[status] for status in TERMINAL)
    assert all(TRANSITIONS[status] & TERMINAL for status in set(RunStatus) - TERMINAL)


S = RunStatus


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (S.NOT_STARTED, S.RUNNING, True),
        (S.NOT_STARTED, S.COMPLETED, False),
        (S.STARTING, S.QUEUED, True),
        (S.QUEUED, S.PREPARING, True),
        (S.QUEUED, S.STARTING, False),
        (S.PREPARING, S.STARTING, False),
        (S.RUNNING, S.QUEUED, False),
        (S.RUNNING, S.CANCELED, True),
        (S.PAUSING, S.CANCELED, False),
        (S.PAUSED, S.RUNNING, True),
        (S.NOT_RESPONDING, S.QUEUED, True),
        (S.NOT_RESPONDING, S.COMPLETED, True),
        (S.FINALIZING, S.CANCEL_REQUESTED, False),
        (S.FINALIZING, S.CANCELED, True),
        (S.CANCEL_REQUESTED, S.RUNNING, False),
        (S.CANCEL_REQUESTED, S.COMPLETED, True),
        (S.COMPLETED, S.FAILED, False),
    ],
)
def test_transitions_as_documented(old: RunStatus, new: RunStatus, *, allowed: bool) -> None:
    assert may_change(old, new) is allowed


def test_an_error_is_kept_with_the_status() -> None:
    started = run(STARTED)
    error = RunError(code="UserError", message="boom", type="ValueError")

    (event,) = when(started, ending(S.FAILED, error=error.model_dump()))

    assert isinstance(event, RunStatusChangedEvent)
    assert event.error == error
    assert started.error == error


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_a_run_that_ended_is_resumed_as_another_attempt(end: RunStatus) -> None:
    ended = run(STARTED, RunStatusChangedEvent(previous=S.RUNNING, status=end))

    (event,) = when(ended, lambda it: it.resume())

    assert isinstance(event, RunResumedEvent)
    assert (event.attempt, event.previous) == (2, end)
    assert (ended.status, ended.attempt) == (S.RUNNING, 2)


@pytest.mark.parametrize("status", sorted(set(RunStatus) - TERMINAL - {S.NOT_RESPONDING}))
def test_a_run_that_has_not_ended_is_not_resumed(status: RunStatus) -> None:
    then_refused(in_status(status), lambda it: it.resume(), RefusedError, "r1", status.value)


def test_who_may_not_resume_hears_where_the_run_is_and_since_when() -> None:
    origin = RunOrigin(host="node7", process_id=42)
    started = run(RunStartedEvent(experiment="digits", experiment_id="e1", origin=origin))
    then_refused(
        started, lambda it: it.resume(), RefusedError, "attempt 1, process 42 on node7, since 2026-11-23", "join"
    )
    asked = run(STARTED, ASKED)
    then_refused(asked, lambda it: it.resume(), RefusedError, "shall be canceled (canceled by maria: too slow)")


def test_a_run_that_does_not_respond_is_presumed_failed_by_who_resumes_it() -> None:
    silent = run(STARTED, RunStatusChangedEvent(previous=S.RUNNING, status=S.NOT_RESPONDING))
    origin = RunOrigin(host="node8", process_id=7)

    presumed, resumed = when(silent, lambda it: it.resume(origin))

    assert isinstance(presumed, RunStatusChangedEvent)
    assert (presumed.previous, presumed.status, presumed.presumed) == (S.NOT_RESPONDING, S.FAILED, True)
    assert presumed.seal is not None
    assert isinstance(resumed, RunResumedEvent)
    assert (resumed.previous, resumed.attempt, silent.status, silent.error) == (S.FAILED, 2, S.RUNNING, None)
    late = ending(S.COMPLETED, begun_by="the first attempt")
    then_refused(run(STARTED, presumed, resumed), late, RefusedError, "attempt 2")


ASKED = RunStatusChangedEvent(previous=RunStatus.RUNNING, status=RunStatus.CANCEL_REQUESTED, reason="too slow")


def test_a_cancel_that_was_asked_for_names_who_asked() -> None:
    (event,) = when(run(STARTED, ASKED), ending(S.CANCELED))

    assert event.reason == "canceled by maria: too slow"


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([STARTED], ending(S.CANCELED)),
        ([STARTED, ASKED], ending(S.CANCELED, reason="of its own")),
        ([STARTED, ASKED], ending(S.COMPLETED)),
    ],
)
def test_no_other_end_is_given_that_reason(events: list[Event], end: Any) -> None:
    (event,) = when(run(*events), end)

    assert event.reason is None  # the command's own is in its context


def test_what_was_asked_is_over_with_another_attempt() -> None:
    canceled = RunStatusChangedEvent(previous=S.CANCEL_REQUESTED, status=S.CANCELED)
    again = run(STARTED, ASKED, canceled, RunResumedEvent(attempt=2, previous=S.CANCELED))
    late = ending(S.CANCELED, previous=S.CANCEL_REQUESTED)
    then_refused(again, late, RefusedError, "is Running and no longer CancelRequested")
    (event,) = when(again, ending(S.CANCELED))
    assert event.reason is None


FIRST, SECOND = RunOrigin(restart="job 1, restart 0"), RunOrigin(restart="job 1, restart 1")


def test_a_new_start_of_the_job_ends_an_attempt_that_nobody_saw_end() -> None:
    running = run(STARTED.model_copy(update={"origin": FIRST}))

    end, resumed = when(running, lambda it: it.resume(SECOND, seal=lambda: Seal(more_writers=3)))

    assert isinstance(end, RunStatusChangedEvent)
    assert (end.previous, end.status, end.presumed) == (S.RUNNING, S.FAILED, True)
    assert end.error is not None
    assert "Attempt 1 was over when the next one began (job 1, restart 1)" in str(end.error.message)
    assert end.seal == Seal(more_writers=3)
    assert resumed == RunResumedEvent(attempt=2, previous=S.FAILED, origin=SECOND)
    assert (running.status, running.presumed, running.error) == (S.RUNNING, False, None)


@pytest.mark.parametrize("seen", [FIRST, SECOND])
def test_the_same_start_of_the_job_takes_no_running_attempt_over(seen: RunOrigin) -> None:
    first = run(STARTED.model_copy(update={"origin": FIRST}))
    then_refused(first, lambda it: it.resume(FIRST), RefusedError, "r1 is Running")

    second = run(STARTED, RunResumedEvent(attempt=2, previous=S.FAILED, origin=seen))
    then_refused(second, lambda it: it.resume(seen), RefusedError, "r1 is Running")


def test_properties_that_differ_from_attempt_to_attempt_are_kept_by_attempt() -> None:
    ended = run(
        STARTED.model_copy(update={"properties": {"job": "7", "node": "n1"}}),
        RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED),
    )

    _, *added = when(ended, lambda it: it.resume(SECOND, {"job": "7", "node": "n2", "new": "x"}))

    assert added == [RunPropertyAddedEvent(key="node.2", value="n2"), RunPropertyAddedEvent(key="new", value="x")]


def test_a_start_that_may_resume_continues_a_run_that_is_there_and_starts_one_that_is_not() -> None:
    (started,) = when(run(), start(resume=True))
    assert isinstance(started, RunStartedEvent)

    ended = run(STARTED, RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED))
    (resumed,) = when(ended, start(resume=True))
    assert isinstance(resumed, RunResumedEvent)

    then_refused(run(STARTED), start(resume=True), RefusedError, "r1 is Running")


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_an_ended_run_takes_tags_properties_and_descriptions(end: RunStatus) -> None:
    ended = run(STARTED, RunStatusChangedEvent(previous=S.RUNNING, status=end))

    assert len(when(ended, lambda it: it.tag({"a": "b"}, LIMITS))) == 1
    assert len(when(ended, lambda it: it.add_properties({"a": "b"}, LIMITS))) == 2
    assert len(when(ended, lambda it: it.describe({"description": "d"}, LIMITS))) == 3


def test_archive_and_restore() -> None:
    started = run(STARTED)

    for decide in (Run.archive, Run.archive, Run.restore, Run.restore):
        when(started, decide)

    assert then_happened(started) == [RunArchivedEvent(), RunRestoredEvent()]


def test_limits_are_named() -> None:
    small = Limits(tags=2, tag_key_length=5, tag_value_length=5)
    started = run(STARTED, RunTaggedEvent(key="a", value="1"))

    then_refused(started, lambda it: it.tag({"b": "1", "c": "1"}, small), LimitExceededError, "2 tags", "3")
    then_refused(started, lambda it: it.tag({"a" * 6: "1"}, small), LimitExceededError, "tag key", "6", "5")
    then_refused(started, lambda it: it.tag({"a": "1" * 6}, small), LimitExceededError, "tag 'a'")


@pytest.mark.parametrize("key", ["", "  ", " a", "a ", "a\nb", "\x00"])
def test_keys_that_cannot_be_told_apart_are_refused(key: str) -> None:
    then_refused(run(STARTED), lambda it: it.tag({key: "v"}, LIMITS), InvalidNameError, "tag")


def test_every_event_carries_who_when_and_why() -> None:
    started = run(STARTED)
    when(started, lambda it: it.tag({"a": "b"}, LIMITS), actor="maria", reason="because", on_behalf_of="jan")

    (decided,) = started.pending_events
    assert (decided.actor, decided.body.reason, decided.body.on_behalf_of) == ("maria", "because", "jan")  # type: ignore[attr-defined]
    assert decided.prev == started.head_hash  # type: ignore[attr-defined]


def test_only_the_first_event_of_a_decision_names_its_predecessor() -> None:
    started = run(STARTED)
    when(started, lambda it: it.tag({"a": "1", "b": "2"}, LIMITS))

    assert [decided.prev for decided in started.pending_events] == [f"{1:064x}", None]  # type: ignore[attr-defined]


def test_a_command_id_is_known_again_and_not_lent_to_another_command() -> None:
    command = "6f0c2b1e-8d3a-4c57-9a4e-1b2c3d4e5f60"
    tagged = run(STARTED, RunTaggedEvent(key="a", value="b", command=command, digest="d1"))

    assert tagged.answered[command].position == 2
    with pytest.raises(CommandReusedError):
        when(tagged, lambda it: it.untag(["a"]), command=command, digest="d2")


def test_a_poisoned_run_decides_nothing() -> None:
    started = run(STARTED)
    started.poison("its last append was lost")

    then_refused(started, lambda it: it.tag({"a": "b"}, LIMITS), PoisonedError, "loaded again", "was lost")


def test_an_event_that_cannot_be_read_moves_only_the_head() -> None:
    opaque = decode("runledger.run.something-new.v1", b"{}")
    assert isinstance(opaque, OpaqueEvent)
    after = run(STARTED, opaque)

    assert (after.version, after.head_hash, after.opaque_events) == (2, f"{2:064x}", 1)
    assert when(after, lambda it: it.tag({"a": "b"}, LIMITS)) == [RunTaggedEvent(key="a", value="b")]


anything = st.sampled_from(
    [
        STARTED,
        RunStartedEvent(experiment="other", experiment_id="e2"),
        RunTaggedEvent(key="a", value="1"),
        RunUntaggedEvent(key="a"),
        RunPropertyAddedEvent(key="a", value="1"),
        RunPropertyAddedEvent(key="a", value="2"),
        RunStatusChangedEvent(previous=S.COMPLETED, status=S.QUEUED),
        RunStatusChangedEvent(previous=S.QUEUED, status=S.COMPLETED),
        RunResumedEvent(attempt=7, previous=S.FAILED),
        RunArchivedEvent(),
        decode("runledger.run.future.v3", b"?"),
    ]
)


@for_any(st.lists(anything, max_size=12))
def test_no_accepted_sequence_makes_the_fold_raise(events: list[Event | OpaqueEvent]) -> None:
    after = run(*events)

    assert after.version == len(events)
    assert after.status in RunStatus


@for_any(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123")), max_size=15))
def test_the_first_value_of_a_property_is_the_one_that_stays(pairs: list[tuple[str, str]]) -> None:
    started = run(STARTED)
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
        try:
            when(started, lambda it, key=key, value=value: it.add_properties({key: value}, LIMITS))  # type: ignore[misc]
        except WrittenOnceError as error:
            assert first[key] != value
            assert (error.key, error.old, error.new) == (key, first[key], value)

    assert started.properties == first


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_store_keeps_is_refused(text: str) -> None:
    then_refused(run(STARTED), lambda it: it.tag({"a": text}, LIMITS), InvalidNameError, "tag 'a'")
    then_refused(run(STARTED), lambda it: it.tag({text: "a"}, LIMITS), InvalidNameError, "tag")
    then_refused(run(STARTED), lambda it: it.describe({"description": text}, LIMITS), InvalidNameError, "description")


def test_a_presumed_end_is_corrected_by_the_runs_own_evidence() -> None:
    presumed = RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED, presumed=True)
    for status in (S.COMPLETED, S.FAILED):
        (event,) = when(run(STARTED, presumed), ending(status))
        assert isinstance(event, RunStatusChangedEvent)
        assert (event.previous, event.status, event.presumed) == (S.FAILED, status, False)
    assert when(run(STARTED, presumed), ending(S.FAILED, presumed=True)) == []
    then_refused(run(STARTED, presumed), ending(S.RUNNING), StatusRefusedError)
    corrected = RunStatusChangedEvent(previous=S.FAILED, status=S.COMPLETED)
    then_refused(run(STARTED, presumed, corrected), ending(S.FAILED), StatusRefusedError)


def test_with_a_presumed_end_goes_the_error_that_was_presumed() -> None:
    error = RunError(code="NotHeardOf", message="silent")
    presumed = RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED, presumed=True, error=error)
    assert run(STARTED, presumed).error == error
    assert run(STARTED, presumed, RunStatusChangedEvent(previous=S.FAILED, status=S.COMPLETED)).error is None


def test_what_was_decided_of_another_status_is_refused() -> None:
    (event,) = when(run(STARTED), ending(S.NOT_RESPONDING, previous=S.RUNNING))
    assert isinstance(event, RunStatusChangedEvent)
    then_refused(run(STARTED, event), ending(S.FINALIZING, previous=S.RUNNING), RefusedError, "r1", "NotResponding")
    then_refused(run(STARTED), ending(S.FAILED, previous=S.NOT_RESPONDING, presumed=True), RefusedError, "Running")


def test_who_began_an_attempt_ends_no_other() -> None:
    started = STARTED.model_copy(update={"command": "first"})
    failed = RunStatusChangedEvent(previous=S.RUNNING, status=S.FAILED)
    resumed = RunResumedEvent(attempt=2, previous=S.FAILED, command="second")
    assert len(when(run(started), ending(S.FAILED, begun_by="first"))) == 1
    then_refused(run(started, failed, resumed), ending(S.FAILED, begun_by="first"), RefusedError, "attempt 2")
    assert len(when(run(started, failed, resumed), ending(S.FAILED, begun_by="second"))) == 1


def test_what_a_status_brings_is_cut_to_its_limits() -> None:
    error = {"message": "m" * 20_000, "traceback": "t" * 60_000 + "end"}
    (event,) = when(run(STARTED), ending(S.FAILED, error=error, log_lines=[f"{n} " + "x" * 2_000 for n in range(50)]))
    assert isinstance(event, RunStatusChangedEvent)
    assert event.error is not None
    assert len(str(event.error.message)) == LIMITS.error_message_length
    assert str(event.error.traceback).endswith("end")
    assert len(event.log_lines) == LIMITS.log_lines
    assert str(event.log_lines[-1]).startswith("49 ")


def test_a_warning_counts_up() -> None:
    def warning(count: int) -> Any:
        return lambda it: it.warn(WarnRun(run_id="r1", source="w", code="c", message="m", count=count), LIMITS)

    warned = RunWarnedEvent(source="w", code="c", message="m", count=3)
    assert when(run(STARTED), warning(3)) == [warned]
    assert when(run(STARTED, warned), warning(3)) == []
    assert len(when(run(STARTED, warned), warning(4))) == 1
