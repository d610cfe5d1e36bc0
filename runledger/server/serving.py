"""Running the server: from the socket to the last answer."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn
import uvloop

from ledger.errors import RefusedError, UnavailableError
from ledger.queries import RunQuery
from runledger.server.api import Api, build
from runledger.server.gate import Door, Gate
from runledger.wiring import Embedded, caller

GOODBYE_SECONDS = 10.0
_IDLE_SECONDS = 75
_BACKLOG = 2048
_PAUSE_SECONDS = 1.0
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_log = logging.getLogger(__name__)


class HostRefusedError(RefusedError):
    """An address that others can reach, and nothing that tells who they are."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free.

    Raises:
        HostRefusedError: the address is not loopback.
        UnavailableError: the address cannot be used.
    """
    if not _is_loopback(host):
        raise HostRefusedError(
            f"{host} can be reached from other machines, and this server knows no users or tokens yet: anybody could "
            "write. Listen on 127.0.0.1, and reach it from elsewhere through ssh -L or a proxy that asks who it is."
        )
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UnavailableError(
            f"cannot listen on {host}:{port}: {error.strerror}. Name another port with --port; 0 takes a free one."
        ) from error
    # Connections inherit it: an answer is not held back to wait for more.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(parts: Embedded, listening: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was accepted; `announce` is told the URL once it is ready."""
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    door = Door()
    hosts = _LOOPBACK_NAMES | {url.removeprefix("http://").rpartition(":")[0]}
    gate = Gate(build(Api(parts, caller()), door.closed), door, hosts)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Serving(parts, gate, door, listening).run(lambda: announce(url)))


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to us, who wait for the last answer first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Serving:
    def __init__(self, parts: Embedded, gate: Gate, door: Door, listening: socket.socket) -> None:
        self._parts = parts
        self._door = door
        self._listening = listening
        self._server = _Uvicorn(
            uvicorn.Config(
                gate,
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=_IDLE_SECONDS,
            )
        )

    async def run(self, announce: Callable[[], None]) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        serving = asyncio.create_task(self._server.serve([self._listening]))
        stopped = asyncio.create_task(stop.wait())
        working = asyncio.create_task(self._work(announce))
        await asyncio.wait([serving, stopped, working], return_when=asyncio.FIRST_COMPLETED)
        _end_at_last(self._door)
        await self._door.stop()
        self._server.should_exit = True
        await serving
        if working.done():
            working.result()
        for task in (stopped, working):
            task.cancel()

    async def _work(self, announce: Callable[[], None]) -> None:
        """Get ready, then keep views at the end of the log: no question waits long, and no broken log goes unseen."""
        await self._catch_up()
        self._door.ready = True
        announce()
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            await self._catch_up()

    async def _catch_up(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._read_on)
            except UnavailableError as error:
                _log.warning("the log cannot be read on, trying again: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    def _read_on(self) -> None:
        self._parts.log.catch_up()
        self._parts.queries.runs(RunQuery(limit=1))


def _end_at_last(door: Door) -> None:
    """End the process at the deadline; who has no answer by then finds out with the id of his command."""

    def end() -> None:
        if door.inside:
            sys.stderr.write(f"runledger: {door.inside} request(s) had no answer before the deadline\n")
        os._exit(1 if door.inside else 0)

    deadline = threading.Timer(GOODBYE_SECONDS, end)
    deadline.daemon = True
    deadline.start()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
