"""A mail relay for tests: it counts, keeps what it took as it came, and fails as it is told to."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["greeting", "EHLO", "STARTTLS", "AUTH", "RSET", "MAIL", "RCPT", "DATA", "body"]
_END = b"\r\n.\r\n"
_MAIL_AND_RCPT = 2


@dataclass
class Fault:
    """What happens in a phase instead of what should; `times` is how often, None for always.

    `reply` is answered instead, `delay` (seconds) comes before any answer, `hang` is an answer that
    never comes, and `drop` closes the connection without one. `stored` says whether a mail whose
    body failed was taken all the same. `after` lets so many pass first.
    """

    phase: Phase
    reply: str | None = None
    delay: float = 0.0
    hang: bool = False
    drop: bool = False
    stored: bool = False
    times: int | None = 1
    recipient: str | None = None
    after: int = 0


@dataclass(frozen=True)
class Envelope:
    """A mail as it came: the options of MAIL, and the content without the stuffed dots."""

    sender: str
    options: tuple[str, ...]
    recipient: str
    content: bytes


@dataclass
class Sink:
    """What the relay is told to do, and what it saw; `silent` counts the answers held back."""

    faults: list[Fault] = field(default_factory=list)
    extensions: Sequence[str] = ("SIZE 35882577", "8BITMIME", "SMTPUTF8")
    tls: ssl.SSLContext | None = None
    tls_from_start: bool = False
    login: tuple[str, str] | None = None
    keeps_content: bool = True
    asks_for_mails_to_nobody: bool = False
    piece: int = 1_000_000
    reached: Callable[[str], None] = lambda _: None
    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Envelope] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    taken: int = 0
    reads: int = 0
    connects: int = 0
    open: "set[Session]" = field(default_factory=set)
    silent: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, on the port of last time if there was one."""
        context = self.tls if self.tls_from_start else None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Session(self), self.host, self.port, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on, and drop those there are."""
        if self._server is not None:
            self._server.close()
            self.drop_all()
            await asyncio.sleep(0)
            self._server = None

    async def until(self, is_so: "Callable[[Sink], bool]") -> None:
        """Wait until something is so, looking whenever a connection falls silent or ends."""
        while not is_so(self):
            self.seen.clear()
            await self.seen.wait()

    def drop_all(self) -> None:
        """Close every connection, as a relay does with idle ones."""
        for session in list(self.open):
            session.drop()

    def fault(self, phase: Phase, recipient: str | None = None) -> Fault | None:
        """The next fault of this phase, which is used up by asking."""
        self.reached(phase)
        for fault in self.faults:
            if fault.phase != phase or fault.recipient not in (None, recipient):
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.times is None or fault.times > 0:
                fault.times = None if fault.times is None else fault.times - 1
                return fault
        return None


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._in_body = False
        self._silent = False
        self._sender, self._recipient = "", ""
        self._accepted = 0
        self._options: tuple[str, ...] = ()
        self._encrypted = sink.tls_from_start
        self._logged_in = sink.login is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._encrypted and not self._sink.tls_from_start:
            return
        self._sink.connects += 1
        self._sink.open.add(self)
        self._answer("greeting", "220 sink ESMTP")

    def connection_lost(self, _: Exception | None) -> None:
        self._sink.open.discard(self)
        self._sink.seen.set()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._sink.reads += bool(data)
        while not self._silent:
            end = self._buffer.find(_END if self._in_body else b"\r\n")
            if self._in_body and self._buffer.startswith(b".\r\n"):
                self._buffer[:0] = b"\r\n"  # an empty mail ends with the line break of the command before it
                end = 0
            if end < 0:
                if self._in_body and self._buffer:
                    self._sink.reached("half the body")
                return
            taken = bytes(self._buffer[:end])
            del self._buffer[: end + (len(_END) if self._in_body else 2)]
            if self._in_body:
                self._body(taken + b"\r\n")
            else:
                self._command(taken.decode("utf-8", "surrogateescape"))

    def drop(self) -> None:
        """Close without a word."""
        if self._transport is not None:
            self._transport.close()

    def _command(self, line: str) -> None:
        self._sink.commands.append(line)
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                self._answer("EHLO", "\r\n".join(self._offers()))
            case "STARTTLS":
                self._answer("STARTTLS", "220 go ahead")
            case "AUTH":
                self._answer("AUTH", self._auth(rest))
            case "MAIL":
                self._sender, *options = rest.removeprefix("FROM:").split(" ")
                self._options = tuple(options)
                self._accepted = 0
                self._answer("MAIL", "250 OK" if self._logged_in else "530 log in first")
            case "RCPT":
                self._recipient = rest.removeprefix("TO:")[1:-1]
                self._answer("RCPT", "250 OK")
            case "DATA":
                welcome = self._accepted >= _MAIL_AND_RCPT or self._sink.asks_for_mails_to_nobody
                self._answer("DATA", "354 go ahead" if welcome else "503 no valid recipients")
            case "RSET":
                self._answer("RSET", "250 OK")
            case "QUIT":
                self._write("221 bye")
                self.drop()
            case _:
                self._write("502 not known here")

    def _offers(self) -> list[str]:
        offers = ["sink", *self._sink.extensions]
        if self._sink.tls is not None and not self._encrypted:
            offers.append("STARTTLS")
        elif self._sink.login is not None:
            offers.append("AUTH PLAIN LOGIN")
        return [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]

    def _auth(self, rest: str) -> str:
        _, _, encoded = rest.partition(" ")
        words = base64.b64decode(encoded + "==").decode().split("\x00")
        self._logged_in = self._sink.login is not None and tuple(words[1:]) == self._sink.login
        return "235 welcome" if self._logged_in else "535 5.7.8 wrong name or password"

    def _body(self, content: bytes) -> None:
        self._in_body = False
        if self._accepted < _MAIL_AND_RCPT:
            self._write("554 no valid recipients")
            return
        fault = self._sink.fault("body", self._recipient)
        if fault is None or fault.stored or (fault.reply is None and not fault.drop and not fault.hang):
            self._store(content)
            self._sink.reached("taken")
        self._answer_with(fault, "body", f"250 queued as {self._sink.taken}")

    def _store(self, content: bytes) -> None:
        self._sink.taken += 1
        if self._sink.keeps_content:
            content = content.removeprefix(b".") if content.startswith(b"..") else content
            self._sink.mails.append(
                Envelope(self._sender[1:-1], self._options, self._recipient, content.replace(b"\r\n..", b"\r\n."))
            )

    def _answer(self, phase: Phase, usual: str) -> None:
        self._answer_with(self._sink.fault(phase, self._recipient), phase, usual)

    def _answer_with(self, fault: Fault | None, phase: Phase, usual: str) -> None:
        if fault is None:
            self._go_on(phase, usual)
        elif fault.hang:
            self._fall_silent()
        elif fault.drop:
            self.drop()
        elif fault.delay:
            self._fall_silent()
            asyncio.get_running_loop().call_later(fault.delay, self._go_on, phase, fault.reply or usual)
        else:
            self._go_on(phase, fault.reply or usual)

    def _fall_silent(self) -> None:
        self._silent = True
        self._sink.silent += 1
        self._sink.seen.set()

    def _go_on(self, phase: Phase, reply: str) -> None:
        self._silent = False
        self._write(reply)
        self._accepted += phase in ("MAIL", "RCPT") and reply.startswith("2")
        if phase == "DATA" and reply.startswith("354"):
            self._in_body = True
        elif phase == "STARTTLS" and reply.startswith("220"):
            self._encrypt()
        elif reply.startswith("421"):
            self.drop()
        if self._buffer:
            self.data_received(b"")

    def _write(self, reply: str) -> None:
        if self._transport is not None:
            data, size = reply.encode("utf-8", "surrogateescape") + b"\r\n", self._sink.piece
            for first in range(0, len(data), size):
                self._transport.write(data[first : first + size])

    def _encrypt(self) -> None:
        transport, context, loop = self._transport, self._sink.tls, asyncio.get_running_loop()
        assert transport is not None
        assert context is not None
        # What is decrypted before this task goes on waits for the encrypted transport to be answered on.
        self._encrypted = self._silent = True
        transport.pause_reading()

        async def upgrade() -> None:
            try:
                upgraded = await loop.start_tls(transport, self, context, server_side=True)
            except (OSError, ssl.SSLError):
                return
            self._transport = upgraded if isinstance(upgraded, asyncio.Transport) else None
            self._silent = False
            self.data_received(b"")

        self._upgrade = loop.create_task(upgrade())


@asynccontextmanager
async def running(sink: Sink) -> AsyncIterator[Sink]:
    """A sink that listens."""
    await sink.start()
    try:
        yield sink
    finally:
        await sink.stop()
