"""The HTTP API as any client sees it."""

import json
import socket
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import pytest

from ledger.wire import COMMANDS
from tests.runledger.server.running import Reply, Server

PROBLEM = "application/problem+json"


def assert_problem(reply: Reply, status: int, name: str) -> dict[str, Any]:
    problem: dict[str, Any] = reply.json()
    assert (reply.status, reply.headers["content-type"]) == (status, PROBLEM), reply.body
    assert (problem["type"], problem["status"]) == (f"urn:runledger:problem:{name}", status)
    assert problem["title"]
    assert "Traceback" not in problem["detail"]
    return problem


def started(server: Server) -> str:
    run_id = str(uuid4())
    assert server.send("start-run", run_id=run_id, experiment="api").status == 200
    return run_id


def test_a_command_answers_with_its_position_and_a_query_finds_it(server: Server) -> None:
    run_id = started(server)
    answer = server.send("tag-run", run_id=run_id, tags={"quality": "great", "bare": None})

    assert answer.status == 200
    assert answer.json()["changed"] is True
    position = answer.json()["position"]
    document = server.get(f"/api/v1/runs/{run_id}?at_least={position}").json()
    history = server.get(f"/api/v1/runs/{run_id}/history").json()
    assert document["tags"] == {"quality": "great", "bare": None}
    assert history[-1]["position"] == position
    assert server.get("/api/v1/positions").json()["position"] >= position
    assert server.send("tag-run", run_id=run_id, tags={"quality": "great"}).json() == {
        "position": position,
        "changed": False,
    }


def test_a_command_sent_twice_is_done_once_and_its_id_serves_no_other(server: Server) -> None:
    run_id, command = started(server), str(uuid4())
    first = server.send("tag-run", command=command, run_id=run_id, tags={"a": "1"})
    server.send("tag-run", run_id=run_id, tags={"a": "2"})
    again = server.send("tag-run", command=command, run_id=run_id, tags={"a": "1"})
    other = server.send("tag-run", command=command, run_id=run_id, tags={"a": "3"})

    assert again.json() == first.json()
    assert server.get(f"/api/v1/runs/{run_id}").json()["tags"] == {"a": "2"}
    assert assert_problem(other, 409, "command-reused")["command"] == command


def test_what_a_rule_refuses_says_what_was_there(server: Server) -> None:
    run_id = started(server)
    server.send("add-properties", run_id=run_id, properties={"author": "ada"})
    problem = assert_problem(
        server.send("add-properties", run_id=run_id, properties={"author": "bob"}), 422, "written-once"
    )

    assert (problem["key"], problem["old"], problem["new"]) == ("author", "ada", "bob")


def test_a_bulk_command_answers_for_each_and_repeating_it_changes_nothing(server: Server) -> None:
    run_id = started(server)
    tags = [{"type": "tag-run", "command": str(uuid4()), "run_id": run_id, "tags": {f"k{i}": "v"}} for i in range(20)]
    tags.insert(7, {"type": "tag-run", "command": str(uuid4()), "run_id": "nobody", "tags": {"a": "b"}})
    body = json.dumps({"commands": tags}).encode()
    first = server.ask("POST", "/api/v1/commands/bulk", body).json()["results"]
    again = server.ask("POST", "/api/v1/commands/bulk", body).json()["results"]

    assert first == again
    assert first.pop(7)["problem"]["status"] == 404
    assert len({result["position"] for result in first}) == 20
    assert len(server.get(f"/api/v1/runs/{run_id}").json()["tags"]) == 20


def test_runs_are_found_by_page(server: Server) -> None:
    for number in range(5):
        server.send("start-run", run_id=f"page-{number}", experiment="pages", tags={"odd=key%": "x=1", "bare": None})
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = server.get(f"/api/v1/runs?experiment=pages&tag=odd%253Dkey%2525%3Dx%3D1&limit=2{cursor}").json()
        found += [run["run_id"] for run in page["runs"]]
        cursor = page["cursor"] and f"&cursor={page['cursor']}"

    assert found == [f"page-{number}" for number in reversed(range(5))]
    assert server.get("/api/v1/runs?experiment=pages&bare_tag=bare&limit=9").json()["cursor"] is None
    assert server.get("/api/v1/runs?experiment=pages&bare_tag=odd%253Dkey%2525").json()["runs"] == []
    assert_problem(server.get("/api/v1/runs?cursor=xyz"), 422, "invalid-name")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "JSON object"),
        (b'{"type": "drop-table", "command": "x"}', "no command of type"),
        (b'{"type": "tag-run", "run_id": "r", "tags": {}}', "needs its id"),
        (b'{"type": "tag-run", "command": "x", "run_id": "r"}', "needs the field 'tags'"),
        (b'{"type": "tag-run", "command": "x", "run_id": "r", "tags": {}, "colour": 1}', "no field 'colour'"),
        (b'{"type": "tag-run", "command": "x", "run_id": "r", "tags": {"a": 1}}', "tags.a must be"),
        (b'{"type": "tag-run", "command": "x", "run_id": 5, "tags": {}}', "run_id must be text"),
        (b'{"type": "untag-run", "command": "x", "run_id": "r", "keys": "a"}', "keys must be a list"),
        (b'{"type": "change-status", "command": "x", "run_id": "r", "status": "Done"}', "status must be one of"),
        (b'{"type": "archive-run", "command": "x", "run_id": "r", "occurred_at": "2026-01-01"}', "time zone"),
    ],
)
def test_a_malformed_command_is_named_and_nothing_is_done(server: Server, content: bytes, words: str) -> None:
    before = server.get("/api/v1/positions").json()
    problem = assert_problem(server.ask("POST", "/api/v1/commands", content), 400, "bad-message")

    assert words in problem["detail"]
    assert server.get("/api/v1/positions").json() == before


def test_an_id_that_is_no_uuid_is_refused(server: Server) -> None:
    assert_problem(server.send("archive-run", command="\ud800", run_id="r"), 422, "invalid-name")


def test_a_request_without_the_type_of_json_is_refused(server: Server) -> None:
    body = json.dumps({"type": "create-experiment", "command": str(uuid4()), "name": "from-a-page"}).encode()
    reply = server.ask("POST", "/api/v1/commands", body, {"Content-Type": "text/plain"})

    assert "Content-Type" in assert_problem(reply, 400, "bad-message")["detail"]


def test_a_name_that_is_not_the_servers_is_refused(server: Server) -> None:
    reply = server.ask("GET", "/api/v1/runs", headers={"Host": "elsewhere.example"})

    assert_problem(reply, 421, "bad-message")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_while_it_comes(server: Server, chunked: bool) -> None:
    host, port = server.address.split(":")
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000000"
    piece = b"x" * 1_000_000
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"POST /api/v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        connection.sendall(framing + b"\r\n\r\n")
        for _ in range(17):
            connection.sendall(b"f4240\r\n" + piece + b"\r\n" if chunked else piece)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert b"connection: close" in answer.lower()


def test_unknown_things_are_not_found(server: Server) -> None:
    assert assert_problem(server.get("/api/v1/runs/nobody"), 404, "run-not-found")["run_id"] == "nobody"
    assert_problem(server.get("/api/v1/runs/nobody/history"), 404, "run-not-found")
    assert_problem(server.send("tag-run", run_id="nobody", tags={"a": "b"}), 404, "run-not-found")
    assert_problem(server.get("/api/v1/nowhere"), 404, "not-found")
    assert_problem(server.get("/api/v1/runs/"), 404, "not-found")


def test_other_mistakes_are_problems_too(server: Server) -> None:
    wrong_method = server.ask("DELETE", "/api/v1/runs")

    assert_problem(wrong_method, 405, "bad-message")
    assert wrong_method.headers["allow"] == "GET"
    assert "statuss" in assert_problem(server.get("/api/v1/runs?statuss=Running"), 422, "bad-message")["detail"]
    assert_problem(server.get("/api/v1/runs?limit=many"), 422, "bad-message")
    assert_problem(server.get("/api/v1/runs?limit=100000"), 422, "limit-exceeded")
    assert_problem(server.get("/api/v1/runs?at_least=-1"), 422, "bad-message")
    empty = server.ask("POST", "/api/v1/commands/bulk", b'{"commands": []}')
    assert_problem(empty, 400, "bad-message")


def test_a_position_that_never_comes_is_unavailable(server: Server) -> None:
    reply = server.get("/api/v1/runs?at_least=1000000")

    assert_problem(reply, 503, "unavailable")
    assert reply.headers["retry-after"] == "1"


def test_health_and_figures(server: Server) -> None:
    run_id = started(server)
    server.send("tag-run", run_id=run_id, tags={"": "x"})
    figures = server.get("/metrics").body.decode()

    assert server.get("/livez").status == server.get("/readyz").status == 200
    assert 'runledger_commands_total{command="start-run",result="changed"}' in figures
    assert 'runledger_commands_total{command="tag-run",result="invalid-name"}' in figures
    assert 'runledger_command_seconds_count{command="start-run"}' in figures
    assert f"runledger_last_position {float(server.get('/api/v1/positions').json()['position'])}" in figures
    assert 'runledger_void_records{log="control"} 0.0' in figures


def test_the_description_names_every_command_and_loads_nothing_from_elsewhere(server: Server) -> None:
    description = server.get("/openapi.json").json()
    schemas = description["components"]["schemas"]

    assert description["openapi"].startswith("3.1")
    assert set(schemas["Command"]["discriminator"]["mapping"]) == set(COMMANDS)
    assert schemas["TagRun"]["required"] == ["type", "command", "run_id", "tags"]
    assert list(description["paths"]["/api/v1/commands"]["post"]["responses"]) == ["200", "default"]
    text = json.dumps(description)
    places = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert places <= set(schemas)


def test_answers_are_not_held_back(server: Server) -> None:
    """The server writes head and body apart: Nagle's algorithm would hold the body for 40 ms."""
    host, port = server.address.split(":")
    taken = []
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        for _ in range(31):
            began = perf_counter()
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"status": "alive"}'):
                answer += connection.recv(65536)
            taken.append(perf_counter() - began)

    assert median(taken) < 0.03
