"""However a training script ends, its run has the right status soon, with its points and a reason."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.runledger.endings.playing import EMBEDDED, SERVER, SERVER_DOWN, Stage, staged
from tests.runledger.endings.scripts import CASES, POINTS


@pytest.fixture(scope="module", params=[EMBEDDED, SERVER, SERVER_DOWN])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All scripts have ended, at about one time."""
    with staged(tmp_path_factory.mktemp("endings"), request.param) as made:
        made.play(CASES)
        yield made


@pytest.mark.parametrize("name", CASES)
def test_an_ending_has_its_status_its_reason_and_its_points(stage: Stage, name: str) -> None:
    case, run = CASES[name], stage.ended(name)
    output = stage.scripts[name].output

    assert run["status"] == case.status, (run, output)
    assert case.reason in run.get("status_reason", ""), str(run)
    error = run.get("error", {})
    assert case.error in error.get("message", ""), run
    assert case.trace in error.get("traceback", ""), run
    assert run["points"] == {"loss": POINTS, **case.points}, output
    if case.reason:
        assert run["certainty"].startswith(case.certainty), run


def test_the_ends_have_the_times_at_which_they_came(stage: Stage) -> None:
    """Also where the server was told later."""
    for name in CASES:
        run = stage.ended(name)
        begun, ended = (datetime.fromisoformat(run[key]).timestamp() for key in ("start_time_utc", "end_time_utc"))
        assert begun < ended < (stage.back_at or time.time()), name


def test_in_the_end_no_process_and_no_file_is_left(stage: Stage) -> None:
    for name in CASES:
        stage.ended(name)
    stage.assert_nothing_is_left()
