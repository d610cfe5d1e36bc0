"""Who waits for what: appends for their records, readers for a place."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import LostRaceError, UnavailableError, UnknownOutcomeError
from ledger.logs.kafka.client import Spot
from ledger.logs.log import Link


@dataclass(slots=True)
class AppendWaiter:
    """An append that was `sent`, or is `held_up` by something; one at a time for each stream."""

    links: Sequence[Link]
    answer: "asyncio.Future[list[int]]"
    deadline: asyncio.TimerHandle
    sent: bool = False
    held_up: str = "the log is overloaded"

    @property
    def stream(self) -> str:
        """The stream it writes to."""
        return self.links[0].envelope.stream


class Waiters:
    """Answers waiters when the tail has stored what it read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody waits yet."""
        self._loop = loop
        self._appends: dict[str, AppendWaiter] = {}
        self._readers: list[tuple[Mapping[Spot, int], asyncio.Future[None]]] = []

    def waiting_for(self, stream: str) -> AppendWaiter | None:
        """The append to a stream that has no answer yet."""
        return self._appends.get(stream)

    def appends(self) -> list[AppendWaiter]:
        """The appends that have no answer yet."""
        return list(self._appends.values())

    def add(self, links: Sequence[Link], seconds: float) -> AppendWaiter:
        """Wait for the records of an append, for so long."""
        answer: asyncio.Future[list[int]] = self._loop.create_future()
        stream = links[0].envelope.stream
        waiter = AppendWaiter(links, answer, self._loop.call_later(seconds, self._expire, stream, seconds))
        self._appends[stream] = waiter
        return waiter

    def saw(self, stream: str, seq: int, record_hash: bytes, place: int) -> None:
        """Tell that an event was accepted; who waits for it, or for its place, has an answer."""
        waiter = self._appends.get(stream)
        if waiter is None:
            return
        first, last = waiter.links[0], waiter.links[-1]
        if record_hash == last.hash:
            self._done(waiter)
            if not waiter.answer.done():
                # An append is one batch, so its records lie side by side.
                waiter.answer.set_result(list(range(place - len(waiter.links) + 1, place + 1)))
        elif seq == first.envelope.seq and record_hash != first.hash:
            self.fail(waiter, LostRaceError(stream, seq))

    def fail(self, waiter: AppendWaiter, error: Exception) -> None:
        """Answer an append with an error."""
        self._done(waiter)
        if not waiter.answer.done():
            waiter.answer.set_exception(error)

    def fail_all(self, error: Exception) -> None:
        """Answer everybody with an error."""
        for waiter in list(self._appends.values()):
            self.fail(waiter, error)
        self.fail_readers(error)

    def fail_readers(self, error: Exception) -> None:
        """Answer those with an error who wait for a place."""
        for _, future in self._readers:
            if not future.done():
                future.set_exception(error)
        self._readers.clear()

    def until(self, ends: Mapping[Spot, int], progress: Mapping[Spot, int]) -> "asyncio.Future[None]":
        """Done when every partition was read up to its end."""
        future: asyncio.Future[None] = self._loop.create_future()
        if _reached(ends, progress):
            future.set_result(None)
        else:
            self._readers.append((ends, future))
        return future

    def progressed(self, progress: Mapping[Spot, int]) -> None:
        """Answer the readers whose places were passed."""
        if not self._readers:
            return
        waiting = []
        for ends, future in self._readers:
            if future.done():
                continue
            if _reached(ends, progress):
                future.set_result(None)
            else:
                waiting.append((ends, future))
        self._readers = waiting

    def _expire(self, stream: str, seconds: float) -> None:
        waiter = self._appends.get(stream)
        if waiter is not None:
            self.fail(waiter, _in_doubt(stream, seconds) if waiter.sent else _not_sent(waiter, seconds))

    def _done(self, waiter: AppendWaiter) -> None:
        waiter.deadline.cancel()
        if self._appends.get(waiter.stream) is waiter:
            del self._appends[waiter.stream]


def _in_doubt(stream: str, seconds: float) -> UnknownOutcomeError:
    return UnknownOutcomeError(
        f"no answer from the log about {stream} within {seconds:.0f} s: it may be stored or not. "
        "Send the same command again, with the same command id, to find out."
    )


def _not_sent(waiter: AppendWaiter, seconds: float) -> UnavailableError:
    return UnavailableError(
        f"what was to be appended to {waiter.stream} could not be sent within {seconds:.0f} s, so nothing was stored: "
        f"{waiter.held_up}. Try again."
    )


def _reached(ends: Mapping[Spot, int], progress: Mapping[Spot, int]) -> bool:
    return all(progress.get(spot, 0) >= end for spot, end in ends.items())
