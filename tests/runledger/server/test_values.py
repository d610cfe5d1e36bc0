"""Logged values through the HTTP API: sent in batches, read whole, in short, and thinned."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.runledger.server.running import Server
from tests.runledger.server.test_api import assert_problem, started

NAN = {"$float": "NaN"}


def batch(run_id: str, first: int = 1, last: int = 5, **fields: Any) -> bytes:
    indices = list(range(first, last + 1))
    series = {"name": "loss", "kind": "scalar", "index": indices, "times": indices, "values": [0.5] * len(indices)}
    content = {"run_id": run_id, "writer": "w", "first": first, "last": last, "series": [series | fields]}
    return json.dumps(content).encode()


def send(server: Server, body: bytes) -> Any:
    reply = server.ask("POST", "/api/v1/values", body)
    assert reply.status == 200, reply.body
    return reply.json()["place"]


def test_a_batch_is_read_back(server: Server) -> None:
    run_id = started(server)
    steps = [10, 20, None, 40, 50]
    place = send(server, batch(run_id, values=[1, 0.5, NAN, "x", True], steps=steps))
    series = server.get(f"/api/v1/runs/{run_id}/series?values_at_least={place}").json()
    assert series == [
        {"name": "loss", "kind": "scalar", "times": [1, 2, 3, 4, 5], "steps": steps,
         "values": [1, 0.5, NAN, "x", True], "columns": None}
    ]  # fmt: skip
    (summary,) = server.get(f"/api/v1/runs/{run_id}/metrics").json()
    assert (summary["count"], summary["last"], summary["minimum"], summary["maximum"]) == (5, True, 0.5, 1.0)
    (thinned,) = server.get(f"/api/v1/runs/{run_id}/thinned?buckets=2").json()
    assert sum(bucket["count"] for bucket in thinned["buckets"]) == 5
    assert server.get(f"/api/v1/runs/{run_id}/series?name=other").json() == []
    assert server.get(f"/api/v1/runs/{run_id}/series?first_step=20&last_step=40").json()[0]["steps"] == [20, 40]


def test_a_batch_sent_again_adds_nothing(server: Server) -> None:
    run_id = started(server)
    place = send(server, batch(run_id))
    assert send(server, batch(run_id)) == place
    send(server, batch(run_id, 3, 8))
    (series,) = server.get(f"/api/v1/runs/{run_id}/series").json()
    assert series["times"] == list(range(1, 9))
    assert server.get(f"/api/v1/runs/{run_id}/writers/w").json() == {"last": 8}
    assert server.get(f"/api/v1/runs/{run_id}/writers/nobody").json() == {"last": 0}


def test_a_gap_is_a_conflict(server: Server) -> None:
    run_id = started(server)
    send(server, batch(run_id))
    problem = assert_problem(server.ask("POST", "/api/v1/values", batch(run_id, 7, 9)), 409, "conflict")
    assert "send from 6 on" in problem["detail"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"values": [1]}, "columns of a series have different lengths"),
        ({"values": None}, "either values or columns"),
        ({"values": [{"$float": "big"}] * 5}, "is no logged value"),
        ({"index": [1, 2, 3, 4, 99]}, "not between its first and last"),
        ({"index": ["1"] * 5}, "series.0.index.0"),
        ({"steps": [2**70] * 5}, "series.0.steps.0"),
        ({"name": None}, "series.0.name"),
    ],
)
def test_a_malformed_batch_is_told_where(server: Server, change: dict[str, Any], says: str) -> None:
    reply = server.ask("POST", "/api/v1/values", batch(started(server), **change))
    assert says in assert_problem(reply, 400, "bad-message")["detail"]


def test_what_is_no_batch_at_all(server: Server) -> None:
    for body in (b"", b"{", b"[]", b"{}", b"\xff"):
        assert_problem(server.ask("POST", "/api/v1/values", body), 400, "bad-message")
    huge = batch(started(server)) + b" " * 16_000_000
    assert_problem(server.ask("POST", "/api/v1/values", huge), 413, "bad-message")


def test_a_run_that_is_not_there(server: Server) -> None:
    missing = f"missing-{uuid4()}"
    assert_problem(server.ask("POST", "/api/v1/values", batch(missing)), 404, "run-not-found")
    for question in ("series", "metrics", "thinned"):
        assert_problem(server.get(f"/api/v1/runs/{missing}/{question}"), 404, "run-not-found")


def test_a_question_is_checked(server: Server) -> None:
    run_id = started(server)
    for asked in ("thinned?buckets=0", "thinned?buckets=x", "series?first_step=x", "series?unknown=1"):
        assert_problem(server.get(f"/api/v1/runs/{run_id}/{asked}"), 422, "bad-message")


def test_a_place_that_never_comes_is_unavailable(server: Server) -> None:
    run_id = started(server)
    send(server, batch(run_id))
    reply = server.get(f"/api/v1/runs/{run_id}/series?values_at_least={10**9}")
    assert_problem(reply, 503, "unavailable")


def test_the_description_has_the_batch(server: Server) -> None:
    description = server.get("/openapi.json").json()
    assert "/api/v1/values" in description["paths"]
    assert {"run_id", "writer", "first", "last", "series"} <= set(
        description["components"]["schemas"]["BatchMessage"]["properties"]
    )
