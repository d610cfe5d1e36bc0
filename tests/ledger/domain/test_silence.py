"""The Silence aggregate, and alerts that scripts raise: given, when, then."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest

from ledger.commands import AlertRun
from ledger.domain.run import Run
from ledger.domain.silence import MATCHERS, Silence
from ledger.errors import BadRuleError, BadValueError, LimitExceededError, RefusedError, SilenceNotFoundError
from ledger.users.tokens import milliseconds
from schemas.events import (
    Event,
    Matcher,
    RunAlertedEvent,
    RunStartedEvent,
    SilenceCreatedEvent,
    SilenceEndedEvent,
)
from schemas.limits import Limits
from tests.ledger.domain.specification import MOMENT, given, when

UNTIL = MOMENT + timedelta(hours=2)
VISION = {"attribute": "experiment", "operator": "=", "value": "vision"}
CREATED = SilenceCreatedEvent(
    matchers=[Matcher(attribute="experiment", value="vision")], until=milliseconds(UNTIL), who="maria"
)


def silence(*events: Event) -> Silence:
    found = given("silence:s", *events)
    assert isinstance(found, Silence)
    return found


def create(*matchers: dict[str, str], **fields: Any) -> Callable[[Silence], None]:
    known: dict[str, Any] = {"matchers": list(matchers or [VISION]), "until": UNTIL, "who": "maria"}
    return lambda it: it.create(**known | fields)


def test_a_silence_is_created_once_and_ended_once() -> None:
    assert when(silence(), create()) == [CREATED]
    assert when(silence(CREATED), create()) == []
    assert when(silence(CREATED), Silence.end) == [SilenceEndedEvent()]
    assert when(silence(CREATED, SilenceEndedEvent()), Silence.end) == []


def test_another_silence_under_the_same_id_is_refused() -> None:
    with pytest.raises(RefusedError, match="choose another id"):
        when(silence(CREATED), create(until=UNTIL + timedelta(hours=1)))


def test_a_silence_that_is_not_there_cannot_end() -> None:
    with pytest.raises(SilenceNotFoundError, match="alert silences"):
        when(silence(), Silence.end)


@pytest.mark.parametrize(
    ("decide", "says"),
    [
        (create(matchers=[]), "keep back every mail"),
        (create(*[VISION] * (MATCHERS + 1)), "at most"),
        (create(until=MOMENT.astimezone(UTC)), "over already"),
        (create(VISION | {"attribute": "colour"}), "'colour'"),
        (create(VISION | {"attribute": "tag:"}), "'tag:'"),
        (create(VISION | {"operator": "~"}), "compares nothing"),
        (create(VISION | {"value": "x" * 5_001}), "characters"),
    ],
)
def test_a_silence_that_cannot_be_is_refused(decide: Callable[[Silence], None], says: str) -> None:
    with pytest.raises(BadRuleError, match=says):
        when(silence(), decide)


def run() -> Run:
    found = given("run:r", RunStartedEvent(experiment="e", experiment_id="i"))
    assert isinstance(found, Run)
    return found


def test_a_script_raises_an_alert_as_often_as_it_likes() -> None:
    command = AlertRun(run_id="r", title="loss is NaN", text="since epoch 3", level="error")
    happened = RunAlertedEvent(title="loss is NaN", text="since epoch 3", level="error")
    assert when(run(), lambda it: it.alert(command, Limits())) == [happened]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"level": "loud"}, BadValueError),
        ({"title": "x" * 201}, LimitExceededError),
        ({"text": "x" * 10_001}, LimitExceededError),
    ],
)
def test_an_alert_that_cannot_be_is_refused(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        when(run(), lambda it: it.alert(AlertRun(**{"run_id": "r", "title": "t", **fields}), Limits()))
