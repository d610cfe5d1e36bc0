"""A relay that takes every mail and counts: a process of its own, so that it costs the sender nothing.

`python -m benchmarks.counting_sink [MILLISECONDS] [subjects]` prints its port, and then `mesg=N` whenever it has taken
more, at most a hundred times a second. It answers so many milliseconds after it was asked, as a relay far away does:
what came together is answered together. With `subjects` it prints before that, for each mail, when it was taken by the
monotonic clock, and its subject.
"""

import asyncio
import sys
from collections.abc import Callable
from time import perf_counter
from typing import cast

import uvloop

_LINE, _SUBJECT = b"\r\n", b"\r\nSubject: "
_END = b"\r\n.\r\n"
_LOOK_SECONDS = 0.01
_OFFERS = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 35882577\r\n250 8BITMIME\r\n"
_ANSWERS = {b"EHLO": _OFFERS, b"DATA": b"354 go ahead\r\n", b"QUIT": b"221 bye\r\n"}


class Counter:
    """How many mails were taken."""

    taken = 0

    def __init__(self) -> None:
        """Nothing was taken."""
        self.noted: list[str] = []


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, counter: Counter, delay: float, *, notes: bool) -> None:
        """Answer so many seconds late; note the subjects or not."""
        self._notes = notes
        self._counter = counter
        self._delay = delay
        self._buffer = bytearray()
        self._in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)
        self._later(self._transport.write, b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Hear, and answer when it is time."""
        self._later(self._heard, data)

    def _later(self, do: Callable[[bytes], None], data: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, do, data)
        else:
            do(data)

    def _heard(self, data: bytes) -> None:
        self._buffer += data
        answers = b"".join(iter(self._next, None))
        if answers:
            self._transport.write(answers)
        if answers.endswith(_ANSWERS[b"QUIT"]):
            self._transport.close()

    def _next(self) -> bytes | None:
        """The answer to the next thing that is complete."""
        end = self._buffer.find(_END if self._in_body else b"\r\n")
        if end < 0:
            return None
        verb = bytes(self._buffer[:4]).upper()
        body = bytes(self._buffer[:end]) if self._notes and self._in_body else b""
        del self._buffer[: end + (len(_END) if self._in_body else 2)]
        if self._in_body:
            self._in_body = False
            self._counter.taken += 1
            if self._notes:
                self._counter.noted.append(
                    f"at={perf_counter()} {body[body.find(_SUBJECT) :].split(_LINE)[1].decode()}"
                )
            return b"250 queued\r\n"
        self._in_body = verb == b"DATA"
        return _ANSWERS.get(verb, b"250 ok\r\n")


async def _serve(delay: float, *, notes: bool) -> None:
    counter = Counter()
    server = await asyncio.get_running_loop().create_server(
        lambda: Session(counter, delay, notes=notes), "127.0.0.1", 0, backlog=4_096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    told = 0
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if counter.taken != told:
            told = counter.taken
            noted, counter.noted = counter.noted, []
            for line in noted:
                print(line)
            print(f"mesg={told}", flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        milliseconds, *rest = sys.argv[1:] or ["0"]
        runner.run(_serve(float(milliseconds) / 1_000, notes="subjects" in rest))
