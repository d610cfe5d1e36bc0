"""Two people edit one thing: the second sees what the first has done."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.runledger.server.running import JSON, Reply, Server
from tests.runledger.server.test_api import assert_problem, started

RULE = {"name": "failures", "recipients": ["ada@example.org"], "to": ["Failed"]}


def edit(server: Server, etag: str, **command: object) -> Reply:
    body = json.dumps({"command": str(uuid4())} | command).encode()
    return server.ask("POST", "/api/v1/commands", body, JSON | {"If-Match": etag})


def test_the_second_edit_of_a_description_is_refused_and_names_the_first(server: Server) -> None:
    run_id = started(server)
    path = f"/api/v1/runs/{run_id}"
    etag = server.get(path).headers["etag"]
    server.send("tag-run", run_id=run_id, tags={"by": "the script"})
    first = edit(server, etag, type="describe-run", run_id=run_id, changes={"description": "ada's"})
    second = edit(server, etag, type="describe-run", run_id=run_id, changes={"description": "bob's"})
    problem = assert_problem(second, 412, "changed-since")
    newer = server.get(f"{path}?at_least={first.json()['position']}").headers["etag"]

    assert first.status == 200
    assert newer == f'"{problem["position"]}"' == f'"{first.json()["position"]}"'
    assert [(each["field"], each["value"]) for each in problem["changes"]] == [("description", "ada's")]
    assert problem["changes"][0]["actor"] in problem["detail"]
    assert edit(server, newer, type="describe-run", run_id=run_id, changes={"description": "both"}).status == 200


def test_experiments_and_rules_have_their_etags_too(server: Server) -> None:
    started(server)
    rule_id = str(uuid4())
    assert server.send("define-rule", rule_id=rule_id, definition=RULE).status == 200
    edits: list[tuple[str, dict[str, Any], str, list[Any]]] = [
        ("/api/v1/experiments/api", {"type": "describe-experiment", "name": "api"}, "description", ["a", "b"]),
        ("/api/v1/experiments/api", {"type": "tag-experiment", "name": "api"}, "tags", [{"q": "a"}, {"q": None}]),
        (
            f"/api/v1/rules/{rule_id}",
            {"type": "change-rule", "rule_id": rule_id},
            "definition",
            [RULE | {"to": [status]} for status in ("Canceled", "Completed")],
        ),
    ]
    for path, command, field, values in edits:
        etag = server.get(path).headers["etag"]
        first, second = (edit(server, etag, **command, **{field: value}) for value in values)
        assert first.status == 200, first.body
        assert_problem(second, 412, "changed-since")
        assert server.get(path).headers["etag"] == f'"{first.json()["position"]}"'


def test_in_a_bulk_each_command_says_for_itself_what_it_knew(server: Server) -> None:
    run_id = started(server)
    seen = server.get(f"/api/v1/runs/{run_id}").json()["last_position"]
    tags = [
        {"type": "tag-run", "command": str(uuid4()), "run_id": run_id, "tags": {"q": value}, "as_of": seen}
        for value in "ab"
    ]
    results = server.ask("POST", "/api/v1/commands/bulk", json.dumps({"commands": tags}).encode()).json()["results"]

    assert results[0]["changed"]
    assert (results[1]["problem"]["status"], results[1]["problem"]["changes"][0]["value"]) == (412, "a")


@pytest.mark.parametrize("etag", ["*", 'W/"999999999"', '"999999999"'])
def test_what_is_known_well_enough_is_no_hindrance(server: Server, etag: str) -> None:
    assert edit(server, etag, type="tag-run", run_id=started(server), tags={"a": "b"}).status == 200


@pytest.mark.parametrize("etag", ["", "12", '"a"', '"1", "2"', '"-1"'])
def test_what_is_no_etag_of_ours_is_named(server: Server, etag: str) -> None:
    reply = edit(server, etag, type="tag-run", run_id=started(server), tags={"a": "b"})

    assert "If-Match" in assert_problem(reply, 400, "bad-message")["detail"]


def test_two_positions_that_differ_are_refused(server: Server) -> None:
    reply = edit(server, '"1"', type="tag-run", run_id=started(server), tags={"a": "b"}, as_of=2)

    assert_problem(reply, 400, "bad-message")
