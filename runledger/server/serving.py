"""Running the server: from the socket to the last answer."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger.errors import RefusedError, UnavailableError
from ledger.logs.log import Told
from runledger.server.composing import Place, compose
from runledger.server.gate import Door
from runledger.server.live.route import ABORT
from runledger.server.projecting import Projecting
from runledger.server.roles import Repeating, Role
from runledger.wiring import Embedded

GOODBYE_SECONDS = 10.0
_IDLE_SECONDS = 75
_BACKLOG = 2048


class HostRefusedError(RefusedError):
    """An address that others can reach, and nothing that tells who they are."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free.

    Raises:
        UnavailableError: the address cannot be used.
    """
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


def check_host(host: str, parts: Embedded, told: Told | None = None) -> None:
    """Refuse to be reached from other machines as long as nobody can say who he is; `told` as `Log.catch_up` has it.

    Raises:
        HostRefusedError: the address is not loopback, and nobody has a token or a password.
    """
    if is_loopback(host) or parts.users.can_be_told():
        return
    parts.log.catch_up(told)
    if not parts.users.can_be_told():
        raise HostRefusedError(
            f"{host} can be reached from other machines, and nobody has a token or password yet: anybody could write. "
            "Run `runledger server --init-admin` with the same --data and --log first, which prints a token; or listen "
            "on 127.0.0.1."
        )


def serve(
    parts: Embedded,
    listening: socket.socket,
    announce: Callable[[str], None],
    roles: Collection[str] | None = None,
    proxies: Sequence[str] = (),
    reading: Told | None = None,
    filling: Told | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was accepted; `announce` is told the URL once it is ready.

    Until then `reading` hears how far the log is read, then `filling` how far the run tables are filled.

    `roles` are names of `ROLES`; without any it is all that the settings allow. `proxies` are addresses
    and networks whose word on who asks is believed; without any, those that the settings name.
    """
    host, url = _address_of(listening)
    place = Place(url.removeprefix("http://").rpartition(":")[0], loopback=is_loopback(host))
    made = compose(parts, place, roles, proxies, filling)
    answering = _Answering(made.app, made.door, listening)
    serving = _Serving(parts, answering, made.door, made.others, reading, made.projecting)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving.run(lambda: announce(url)))


class _Protocol(HttpToolsProtocol):
    """Lets the application break a connection off: to close one whose client takes nothing would wait for him."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}


def _address_of(listening: socket.socket) -> tuple[str, str]:
    """The host that a socket listens on, and the URL that leads there."""
    host, port = listening.getsockname()[:2]
    return host, f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to us, who wait for the last answer first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Answering:
    """The role that answers; it ends when everybody inside has an answer."""

    def __init__(self, gate: ASGIApp, door: Door, listening: socket.socket) -> None:
        self._door = door
        self._listening = listening
        self._server = _Uvicorn(
            uvicorn.Config(
                gate,
                http=_Protocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                # What proxies say is for `runledger.server.arrival` to believe or not.
                proxy_headers=False,
                timeout_keep_alive=_IDLE_SECONDS,
            )
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set, and what is inside by then."""
        serving = asyncio.create_task(self._server.serve([self._listening]))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        _end_at_last(self._door)
        await self._door.stop()
        self._server.should_exit = True
        await serving


class _Serving:
    """All roles of this server, from the first look at the log to the last answer."""

    def __init__(
        self,
        parts: Embedded,
        answering: Role,
        door: Door,
        others: Sequence[Role],
        reading: Told | None,
        projecting: Projecting | None,
    ) -> None:
        self._parts = parts
        self._reading = reading
        self._answering = answering
        self._door = door
        self._others = others
        updates = [self._read] if projecting is None else [self._read, projecting.catch_up]
        self._updating = [Repeating(work) for work in updates]
        self._failed: Exception | None = None

    async def run(self, announce: Callable[[], None]) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._until_stop(self._answering.run(stop), stop))
            group.create_task(self._until_stop(self._work(stop, announce), stop))
        if self._failed is not None:
            raise self._failed

    async def _work(self, stop: asyncio.Event, announce: Callable[[], None]) -> None:
        """Get ready, then keep up with the log: no question waits long, and no broken log goes unseen."""
        for updating in self._updating:
            await updating.once(stop)
        if stop.is_set():
            return
        self._door.ready = True
        announce()
        async with asyncio.TaskGroup() as group:
            for role in (*self._updating, *self._others):
                group.create_task(self._until_stop(role.run(stop), stop))

    async def _until_stop(self, running: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
        """When a role ends, the server does; not before everybody inside has an answer."""
        try:
            await running
        except Exception as error:  # noqa: BLE001 - raised at the end
            self._failed = self._failed or error
        finally:
            stop.set()

    def _read(self) -> None:
        self._parts.log.catch_up(self._reading)
        self._reading = None
        self._parts.users.is_open()
        self._door.read()


def _end_at_last(door: Door) -> None:
    """End the process at the deadline; who has no answer by then finds out with the id of his command."""

    def end() -> None:
        if door.inside:
            sys.stderr.write(f"runledger: {door.inside} request(s) had no answer before the deadline\n")
            sys.stderr.flush()
        os._exit(0)

    deadline = threading.Timer(GOODBYE_SECONDS, end)
    deadline.daemon = True
    deadline.start()


def is_loopback(host: str) -> bool:
    """Whether this machine alone can reach an address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
