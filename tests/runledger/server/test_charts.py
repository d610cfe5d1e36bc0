"""Charts through the HTTP API."""

import pytest

from tests.runledger.server.running import Server
from tests.runledger.server.test_api import assert_problem, started
from tests.runledger.server.test_values import NAN, batch, send


def test_charts_of_several_runs_share_their_marks(server: Server) -> None:
    runs = [started(server), started(server)]
    places = [send(server, batch(run_id, values=[value] * 5)) for run_id, value in zip(runs, (1, 3), strict=True)]
    asked = "".join(f"&run_id={each}" for each in runs) + "".join(f"&values_at_least={each}" for each in places)

    loss, nothing = server.get(f"/api/v1/thinned?name=loss&name=none&buckets=2{asked}").json()

    assert (loss["x"], loss["exact"], loss["end"]) == ([0.5, 3], False, 4)
    assert [(line["run_id"], line["mean"], line["count"]) for line in loss["lines"]] == [
        (runs[0], [1, 1], [2, 3]),
        (runs[1], [3, 3], [2, 3]),
    ]
    assert (nothing["name"], nothing["x"], nothing["lines"]) == ("none", [], [])


def test_relative_time_begins_at_the_start_of_the_run(server: Server) -> None:
    run_id = started(server)
    send(server, batch(run_id, values=[1, NAN, 3, 4, 5]))
    (chart,) = server.get(f"/api/v1/thinned?name=loss&axis=relative-time&run_id={run_id}").json()
    # Its points were logged in 1970, and the run started just now.
    assert all(x < 0 for x in chart["x"])
    assert chart["lines"][0]["mean"] == [1, None, 3, 4, 5]


@pytest.mark.parametrize(
    "asked",
    ["name=loss", "run_id=r", "run_id=r&name=a&buckets=0", "run_id=r&name=a&axis=moon", "run_id=r&name=a&first=x"],
)
def test_what_is_asked_wrongly_is_refused(server: Server, asked: str) -> None:
    assert_problem(server.get(f"/api/v1/thinned?{asked}"), 422, "bad-message")


def test_a_run_that_is_not_there_is_named(server: Server) -> None:
    assert_problem(server.get("/api/v1/thinned?run_id=nobody&name=loss"), 404, "run-not-found")
