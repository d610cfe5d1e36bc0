"""The stream on its own: who is let in, from where, and who is dropped."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ledger.commands import CreateExperiment, StartRun, TagRun
from ledger.errors import UnavailableError
from runledger.server.live import stream as module
from runledger.server.live.follower import WAITING_BYTES, Follower, Wants
from runledger.server.live.message import Message
from runledger.server.live.recent import Recent
from runledger.server.live.route import ABORT, EventStream
from runledger.server.live.stream import Place, Stream
from runledger.server.live.values import NewOutput, Pace, Said
from runledger.server.serving import _Protocol
from runledger.wiring import Embedded, embedded_workspace, make_workspace
from tests.runledger.server.live.following import Told, told_in


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Embedded]:
    make_workspace(tmp_path, log=None)
    with embedded_workspace(str(tmp_path)) as opened:
        yield opened


def stream_of(parts: Embedded) -> Stream:
    return Stream(parts.feed, parts.database, lambda _: 0)


def make(parts: Embedded, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        parts.client.execute(CreateExperiment(name=f"e{number}"))


async def next_of(follower: Follower) -> bytes | None:
    async with asyncio.timeout(30):
        return await follower.next()


async def told(follower: Follower) -> list[Told]:
    chunk = await next_of(follower)
    return list(told_in(iter((chunk or b"").splitlines(keepends=True))))


@pytest.mark.asyncio
async def test_so_many_follow_and_no_more(parts: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLLOWERS", 2)
    stream, followers = stream_of(parts), [Follower(Wants(), user=None) for _ in range(3)]
    for follower in followers[:2]:
        await stream.follow(follower, None)
    with pytest.raises(UnavailableError, match="2 follow this server"):
        await stream.follow(followers[2], None)
    stream.leave(followers[0])
    await stream.follow(followers[2], None)

    assert await followers[0].next() is not None
    assert await followers[0].next() is None


@pytest.mark.asyncio
@pytest.mark.parametrize("idle", [False, True])
async def test_who_was_away_too_long_reads_anew(parts: Embedded, monkeypatch: pytest.MonkeyPatch, idle: bool) -> None:
    """Whether somebody else listened all the time, or nobody did."""
    monkeypatch.setattr(module, "GAP", 10)
    stream, other = stream_of(parts), Follower(Wants(), user=None)
    await stream.follow(other, None)
    make(parts, 8)
    if idle:
        stream.leave(other)
    make(parts, 8, first=8)
    near, far = Follower(Wants(), user=None), Follower(Wants(), user=None)
    await stream.follow(near, Place(6))
    await stream.follow(far, Place(5))

    assert [each.data["position"] for each in await told(near)] == [*range(7, 17), 16]
    assert [(each.name, each.data["position"]) for each in await told(far)] == [("reset", 16), ("position", 16)]


@pytest.mark.asyncio
async def test_a_long_way_is_read_piece_by_piece(parts: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIECE", 3)
    stream, follower = stream_of(parts), Follower(Wants(), user=None)
    make(parts, 4)
    parts.client.execute(StartRun(run_id="r", experiment="e0"))
    parts.client.execute(TagRun(run_id="r", tags={"a": "1", "b": "2", "c": "3"}))
    await stream.follow(follower, Place(0))

    found = await told(follower)
    assert [each.data["position"] for each in found] == [1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert {each.data.get("experiment") for each in found[4:8]} == {"e0"}


@pytest.mark.asyncio
async def test_it_beats_so_that_who_hears_of_little_resumes_from_here(
    parts: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    stream, stop = stream_of(parts), asyncio.Event()
    follower = Follower(Wants(experiments=frozenset({"mine"})), user=None)
    await stream.follow(follower, None)
    running = asyncio.create_task(stream.run(stop))
    make(parts, 3)
    wanted, heard = f"id: 3-{parts.log.id}", ""
    while wanted not in heard:
        heard += (await next_of(follower) or b"").decode()
    stop.set()
    await running

    assert "event: experiment" not in heard
    assert await follower.next() is None


@pytest.mark.asyncio
async def test_a_connection_ends_after_its_life(parts: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.0)
    monkeypatch.setattr(module, "LIFE_SECONDS", 0.0)
    stream, stop, follower = stream_of(parts), asyncio.Event(), Follower(Wants(), user=None)
    await stream.follow(follower, None)
    running = asyncio.create_task(stream.run(stop))
    while await next_of(follower) is not None:
        pass
    stop.set()
    await running


@pytest.mark.asyncio
async def test_who_takes_nothing_is_dropped_and_his_connection_with_him(parts: Embedded) -> None:
    """A real socket with a small buffer, and a client that never reads."""
    stream, followers, arrived, gone = stream_of(parts), list[Follower](), asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        follower = Follower(Wants(), user=None, abort=scope["extensions"][ABORT]["now"])
        await stream.follow(follower, None)
        followers.append(follower)
        arrived.set()
        await EventStream(follower, stream)(scope, receive, send)
        gone.set()

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    server = uvicorn.Server(uvicorn.Config(app, http=_Protocol, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve([listening]))
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.setblocking(False)
    await asyncio.get_running_loop().sock_connect(deaf, listening.getsockname())
    await asyncio.get_running_loop().sock_sendall(deaf, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(arrived.wait(), 30)
    for _ in range(20):
        followers[0].push(b":" + b"x" * (WAITING_BYTES // 8) + b"\n")
        await asyncio.sleep(0.01)
    await asyncio.wait_for(gone.wait(), 30)
    connections = len(server.server_state.connections)
    figures = {sample.name: sample.value for metric in stream.collect() for sample in metric.samples}
    server.should_exit = True
    await asyncio.wait_for(serving, 30)
    deaf.close()

    assert (followers[0].dropped, connections) == (True, 0)
    assert figures == {"runledger_followers": 0, "runledger_followers_dropped_total": 1}


def message(position: int) -> Message:
    return Message(position, f"{position} ".encode())


def test_recent_messages_are_known_as_far_back_as_promised() -> None:
    recent = Recent(5)
    recent.begin(10)
    recent.add([message(11), message(13)], 13)

    assert recent.after(9) is None
    assert [each.position for each in recent.after(10) or ()] == [11, 13]
    assert [each.position for each in recent.after(12) or ()] == [13]
    assert recent.after(13) == recent.after(99) == []
    recent.add([message(18)], 18)
    assert recent.after(12) is None
    assert [each.position for each in recent.after(13) or ()] == [18]
    recent.add([], 30)
    assert (recent.after(24), recent.after(25)) == (None, [])


def test_of_one_run_no_more_is_said_than_its_pace() -> None:
    pace = Pace(every=1.0)
    for reach in (1, 3, 2):
        pace.note(Said("values", "a", reach))
    pace.note(Said("output", "a", 7))

    assert sorted(pace.due(10.0)) == [("output", "a", 7), ("values", "a", 3)]
    pace.note(Said("values", "a", 4))
    pace.note(Said("values", "b", 1))
    assert list(pace.due(10.9)) == [("values", "b", 1)]
    pace.note(Said("values", "a", 5))
    assert list(pace.due(11.0)) == [("values", "a", 5)]
    assert list(pace.due(99.0)) == []


def test_output_is_told_once_it_has_grown() -> None:
    sizes = {"a": 0, "b": 5}
    output = NewOutput(sizes.__getitem__, every=1.0)

    assert output.read(["a", "b"], 10.0) == {"b": 5}
    assert (output.due(10.9), output.due(11.0)) == (False, True)
    sizes["a"] = 1
    assert output.read(["a", "b"], 11.0) == {"a": 1}
