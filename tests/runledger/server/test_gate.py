"""The gate, on its own: when it lets requests in."""

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from runledger.server.gate import Door, Gate


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
async def test_commands_and_questions_wait_until_the_log_is_read() -> None:
    door = Door()
    gate = Gate(inner, door, frozenset({"localhost"}))
    early = await ask(gate, "/api/v1/runs")
    health = await ask(gate, "/livez")
    door.ready = True

    assert early == (503, "the server is still reading its log; try again")
    assert (health, await ask(gate, "/api/v1/runs")) == ((200, ""), (200, ""))


@pytest.mark.asyncio
async def test_stopping_waits_for_who_is_inside() -> None:
    door = Door()
    door.ready = True
    gate = Gate(inner, door, frozenset({"localhost"}))
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
async def test_only_names_of_the_server_are_answered(host: str, status: int) -> None:
    gate = Gate(inner, Door(), frozenset({"localhost", "[::1]"}))

    assert (await ask(gate, "/livez", host))[0] == status
