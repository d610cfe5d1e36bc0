"""The gate, on its own: when it lets requests in."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from ledger.application.handling import Caller
from ledger.commands import AddUser, CreateExperiment, IssueToken
from ledger.errors import NotReadyError
from ledger.users.directory import Users
from ledger.users.tokens import draw_token
from runledger.liveness import liveness_of
from runledger.server.desk import Desk
from runledger.server.gate import LAG_SECONDS, Door, Gate
from runledger.server.guard import Guard, Visitor
from runledger.server.metrics import Metrics
from runledger.server.routes.commands import CommandsApi
from runledger.server.routes.state import StateApi
from runledger.wiring import Embedded, embedded_workspace, make_workspace
from schemas.roles import Role


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Embedded]:
    make_workspace(tmp_path, log=None)
    with embedded_workspace(str(tmp_path)) as opened:
        yield opened


def guard(parts: Embedded, *, loopback: bool = True) -> Guard:
    return Guard(parts.users, Caller("me", "//here"), loopback=loopback)


async def inner(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def ask(gate: Gate, path: str, host: str = "localhost:5470") -> tuple[int, str]:
    """The status and the kind of problem."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await gate({"type": "http", "path": path, "headers": [(b"host", host.encode())]}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]).get("detail", "")


@pytest.mark.asyncio
async def test_commands_and_questions_wait_until_the_log_is_read(parts: Embedded) -> None:
    door = Door()
    gate = Gate(inner, door, guard(parts), frozenset({"localhost"}))
    early = await ask(gate, "/api/v1/runs")
    health = await ask(gate, "/livez")
    door.ready = True

    assert early == (503, "the server is still reading its log; try again")
    assert (health, await ask(gate, "/api/v1/runs")) == ((200, ""), (200, ""))


@pytest.mark.asyncio
async def test_stopping_waits_for_who_is_inside(parts: Embedded) -> None:
    door = Door()
    door.ready = True
    gate = Gate(inner, door, guard(parts), frozenset({"localhost"}))
    with door.entered():
        stopping = asyncio.create_task(door.stop())
        await asyncio.sleep(0.01)
        refused = await ask(gate, "/api/v1/commands")
        assert not stopping.done()
    await asyncio.wait_for(stopping, 1)

    assert refused[0] == 503
    await asyncio.wait_for(door.stop(), 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("[::1]:5470", 200),
        ("[::1]", 200),
        ("evil.example", 421),
        ("localhost.evil.example:5470", 421),
        ("evil.example:localhost", 421),
        ("", 421),
    ],
)
async def test_only_names_of_the_server_are_answered(parts: Embedded, host: str, status: int) -> None:
    gate = Gate(inner, Door(), guard(parts), frozenset({"localhost", "[::1]"}))

    assert (await ask(gate, "/livez", host))[0] == status


@pytest.mark.asyncio
async def test_a_name_does_not_matter_where_a_token_is_asked_for(parts: Embedded) -> None:
    door = Door()
    door.ready = True
    gate = Gate(inner, door, guard(parts), frozenset({"localhost"}))
    before = await ask(gate, "/api/v1/runs", "ledger.example.org")
    parts.client.execute(AddUser(user="ada", role=Role.ADMIN))

    assert before[0] == 421
    assert (await ask(gate, "/api/v1/runs", "ledger.example.org"))[0] == 401
    assert (await ask(gate, "/livez", "ledger.example.org"))[0] == 200


@pytest.mark.asyncio
async def test_nobody_is_let_in_unnamed_where_others_can_reach_the_server(parts: Embedded) -> None:
    door = Door()
    door.ready = True
    gate = Gate(inner, door, guard(parts, loopback=False), frozenset())

    assert (await ask(gate, "/api/v1/runs"))[0] == 401
    assert (await ask(gate, "/metrics"))[0] == 401
    assert (await ask(gate, "/readyz"))[0] == 200


@pytest.mark.asyncio
async def test_a_server_that_did_not_reach_the_end_of_its_log_for_long_takes_no_writes() -> None:
    now = 0.0
    door = Door(clock=lambda: now)
    door.read()
    now = LAG_SECONDS
    at_the_limit = door.lagging()
    now += 1
    behind = door.lagging()
    door.read()

    assert (at_the_limit, door.lagging()) == (None, None)
    assert "31 s" in str(behind)


@pytest.mark.asyncio
async def test_a_lagging_server_answers_questions_and_no_commands(parts: Embedded) -> None:
    behind: NotReadyError | None = NotReadyError("behind")
    metrics = Metrics(parts.feed.last_position, liveness_of(parts, {}))
    desk = Desk(parts, lambda: behind, metrics)
    api, state = CommandsApi(desk), StateApi(desk)
    visitor = Visitor(Caller("ada", "//here"), Role.ADMIN)
    command = CreateExperiment(name="e")
    with pytest.raises(NotReadyError, match="behind"):
        api.command(command, visitor)
    bulk = json.loads(bytes(api.commands([command], visitor).body))["results"]
    before = json.loads(bytes((await state.positions()).body))["position"]
    behind = None
    after = json.loads(bytes(api.command(command, visitor).body))["position"]

    assert bulk[0]["problem"]["status"] == 503
    assert before < after


@pytest.mark.asyncio
async def test_what_is_streamed_ends_when_its_reader_is_not_let_in_any_more(parts: Embedded) -> None:
    """Whatever the application would send on: here the token expires, of which the log says nothing."""
    door, token = Door(), draw_token()
    sent: list[Message] = []
    door.ready = True
    parts.client.execute(AddUser(user="ada", role=Role.VIEWER))
    now = datetime.now(UTC)
    soon, users = now + timedelta(hours=1), Users(parts.feed, now=lambda: now)
    parts.client.execute(IssueToken(user="ada", token_id=token.id, token_hash=token.hash, expires_at=soon))

    async def streaming(_: Scope, __: Receive, send: Send) -> None:
        nonlocal now
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"before", "more_body": True})
        now = soon
        await send({"type": "http.response.body", "body": b"after", "more_body": True})
        await send({"type": "http.response.body", "body": b"later", "more_body": True})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token.text}".encode())]
    gate = Gate(streaming, door, Guard(users, Caller("me", "//here"), loopback=True), frozenset({"localhost"}))
    await gate({"type": "http", "path": "/api/v1/stream", "headers": headers}, receive, send)

    assert [(each.get("body"), each.get("more_body")) for each in sent[1:]] == [(b"before", True), (b"", False)]
