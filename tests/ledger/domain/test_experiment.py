"""What may happen to an experiment."""

from ledger.domain.experiment import Experiment
from ledger.errors import ExperimentNotFoundError, InvalidNameError, LimitExceededError, RefusedError
from schemas.events import (
    Event,
    ExperimentArchivedEvent,
    ExperimentCreatedEvent,
    ExperimentDeletedEvent,
    ExperimentDescribedEvent,
    ExperimentReactivatedEvent,
    ExperimentTaggedEvent,
    ExperimentUntaggedEvent,
)
from schemas.limits import Limits
from tests.ledger.domain.specification import given, then_refused, when

LIMITS = Limits()
CREATED = ExperimentCreatedEvent(experiment="e")
DELETED = ExperimentDeletedEvent()
ARCHIVED = ExperimentArchivedEvent()


def experiment(*events: Event) -> Experiment:
    found = given("experiment:x", *events)
    assert isinstance(found, Experiment)
    return found


def test_it_is_created_once_and_again_after_it_was_deleted() -> None:
    assert when(experiment(), lambda it: it.create("e", LIMITS)) == [CREATED]
    assert when(experiment(CREATED), lambda it: it.create("e", LIMITS)) == []
    assert when(experiment(CREATED, DELETED), lambda it: it.create("e", LIMITS)) == [CREATED]
    then_refused(experiment(), lambda it: it.create("a b", LIMITS), InvalidNameError, "a b")


def test_to_name_it_leaves_it_archived_and_to_use_it_does_not() -> None:
    assert when(experiment(CREATED, ARCHIVED), lambda it: it.create("e", LIMITS)) == []
    reopened = when(experiment(CREATED, ARCHIVED), lambda it: it.create("e", LIMITS, reopen=True))
    assert reopened == [ExperimentReactivatedEvent()]
    assert when(experiment(CREATED), lambda it: it.create("e", LIMITS, reopen=True)) == []


def test_tags_change_and_go() -> None:
    tagged = ExperimentTaggedEvent(key="a", value="1")
    assert when(experiment(CREATED), lambda it: it.tag("e", {"a": "1"}, LIMITS)) == [tagged]
    assert when(experiment(CREATED, tagged), lambda it: it.tag("e", {"a": "1"}, LIMITS)) == []
    assert when(experiment(CREATED, tagged), lambda it: it.untag("e", ["a", "b"])) == [ExperimentUntaggedEvent(key="a")]
    few = Limits(experiment_tags=1)
    then_refused(experiment(CREATED, tagged), lambda it: it.tag("e", {"b": None}, few), LimitExceededError, "1 tags")


def test_the_description_changes() -> None:
    described = ExperimentDescribedEvent(description="why")
    assert when(experiment(CREATED), lambda it: it.describe("e", "why", LIMITS)) == [described]
    assert when(experiment(CREATED, described), lambda it: it.describe("e", "why", LIMITS)) == []
    cleared = ExperimentDescribedEvent(description=None)
    assert when(experiment(CREATED, described), lambda it: it.describe("e", None, LIMITS)) == [cleared]


def test_it_is_archived_and_reactivated() -> None:
    assert when(experiment(CREATED), lambda it: it.archive("e")) == [ARCHIVED]
    assert when(experiment(CREATED, ARCHIVED), lambda it: it.archive("e")) == []
    assert when(experiment(CREATED, ARCHIVED), lambda it: it.reactivate("e")) == [ExperimentReactivatedEvent()]
    assert when(experiment(CREATED), lambda it: it.reactivate("e")) == []


def test_only_one_without_runs_is_deleted() -> None:
    assert when(experiment(CREATED), lambda it: it.delete("e", lambda _: False)) == [DELETED]
    then_refused(experiment(CREATED), lambda it: it.delete("e", lambda _: True), RefusedError, "archive")


def test_what_is_not_there_is_not_changed() -> None:
    for gone in (experiment(), experiment(CREATED, DELETED)):
        for change in (
            lambda it: it.tag("e", {"a": None}, LIMITS),
            lambda it: it.untag("e", ["a"]),
            lambda it: it.describe("e", "x", LIMITS),
            lambda it: it.archive("e"),
            lambda it: it.reactivate("e"),
            lambda it: it.delete("e", lambda _: False),
        ):
            then_refused(gone, change, ExperimentNotFoundError, "'e'")
