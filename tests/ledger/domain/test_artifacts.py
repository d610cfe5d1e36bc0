"""Naming contents in a run: given events, when decided, then events or an error."""

from typing import Any

import pytest

from ledger.domain.artifacts import checked_artifacts
from ledger.domain.run import Run
from ledger.errors import BadContentError, InvalidNameError, LimitExceededError, RunNotFoundError
from schemas.events import Event, RunArtifactAddedEvent, RunStartedEvent, RunStatusChangedEvent
from schemas.limits import Limits
from schemas.statuses import RunStatus
from tests.ledger.domain.specification import given, then_refused, when

LIMITS = Limits()
A, B = "a" * 64, "b" * 64
STARTED = RunStartedEvent(experiment="digits", experiment_id="e1", root_run_id="r1")
ENDED = RunStatusChangedEvent(previous=RunStatus.RUNNING, status=RunStatus.COMPLETED)


def run(*events: Event) -> Run:
    aggregate = given("run:r1", *events)
    assert isinstance(aggregate, Run)
    return aggregate


def file(name: str = "outputs/model.pkl", sha256: str = A, **fields: Any) -> dict[str, Any]:
    return {"name": name, "sha256": sha256, "size": 3} | fields


def added(name: str = "outputs/model.pkl", sha256: str = A, **fields: Any) -> RunArtifactAddedEvent:
    address = f"sha256/{sha256[:2]}/{sha256}"
    return RunArtifactAddedEvent(artifact_name=name, size=3, sha256=sha256, address=address, **fields)


def bare(events: list[Event]) -> list[Event]:
    """Events without the command that made them."""
    return [event.model_copy(update={"command": None, "digest": None}) for event in events]


def add(*files: dict[str, Any], limits: Limits = LIMITS) -> Any:
    return lambda it: it.add_artifacts(checked_artifacts(files, limits), limits)


def test_several_files_are_named_at_once() -> None:
    decided = when(run(STARTED), add(file(content_type="image/png", kind="image", metric="m"), file("b", B)))

    assert bare(decided) == [added(content_type="image/png", kind="image", metric="m"), added("b", B)]


def test_the_same_content_again_is_nothing_to_do_and_another_takes_the_name() -> None:
    assert when(run(STARTED, added()), add(file())) == []
    assert bare(when(run(STARTED, added()), add(file(sha256=B)))) == [added(sha256=B)]
    assert bare(when(run(STARTED, added(), added(sha256=B)), add(file()))) == [added()]


def test_a_run_that_has_ended_takes_files_too() -> None:
    assert bare(when(run(STARTED, ENDED), add(file()))) == [added()]


def test_a_run_must_be_there() -> None:
    then_refused(run(), add(file()), RunNotFoundError)


def test_limits_are_kept() -> None:
    then_refused(run(STARTED, added()), add(file("b"), limits=Limits(artifacts=1)), LimitExceededError)
    assert bare(when(run(STARTED, added()), add(file(sha256=B), limits=Limits(artifacts=1)))) == [added(sha256=B)]
    for files in ([], [file()] * 3):
        with pytest.raises(LimitExceededError, match="1 to 2 files"):
            checked_artifacts(files, Limits(artifacts_per_call=2))


@pytest.mark.parametrize(
    ("given_file", "error", "text"),
    [
        (file("../x"), InvalidNameError, r"'\.\./x'"),
        ({"sha256": A, "size": 3}, InvalidNameError, "no text"),
        (file(sha256="A" * 64), BadContentError, "no SHA-256"),
        (file(sha256="../../etc"), BadContentError, "no SHA-256"),
        (file(size=-1), BadContentError, "size"),
        (file(size=True), BadContentError, "size"),
        (file(size=2**63), BadContentError, "size"),
        (file(content_type="text/html\r\nX: y"), BadContentError, "content_type"),
        (file(kind="An image"), BadContentError, "kind"),
        (file(metric=3), BadContentError, "metric"),
        (file(metric="m" * 1001), LimitExceededError, "metric"),
        (file(address="/etc"), BadContentError, "no field 'address'"),
    ],
)
def test_what_is_not_as_it_should_be_is_named(given_file: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        checked_artifacts([given_file], LIMITS)
