"""A mail relay beside a test: a real socket on loopback, in a thread with a loop of its own."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from time import monotonic, sleep

from tests.alerts.sinks import Fault, Sink

SECONDS = 30


class Relay:
    """What scripts and servers are told of it, and what it took."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a process that sends through it."""
        url = f"smtp://{self.sink.host}:{self.sink.port}"
        return {"RUNLEDGER_SMTP_URL": url, "RUNLEDGER_MAIL_FROM": "Run ledger <ledger@example.org>"}

    @property
    def recipients(self) -> list[str]:
        return [mail.recipient for mail in self.sink.mails]

    def messages(self) -> list[EmailMessage]:
        """What it took, read by the standard library."""
        found = [email.message_from_bytes(mail.content, policy=email.policy.default) for mail in self.sink.mails]
        return [message for message in found if isinstance(message, EmailMessage)]

    def wait(self, count: int, seconds: float = SECONDS) -> None:
        """Until so many mails are there."""
        self.until(lambda: len(self.sink.mails) >= count, f"{count} mails", seconds)

    def until(self, holds: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        deadline = monotonic() + seconds
        while not holds():
            assert monotonic() < deadline, f"no {what}: {self.recipients}"
            sleep(0.01)


@contextmanager
def relaying(faults: Sequence[Fault] = (), reached: Callable[[str], None] = lambda _: None) -> Iterator[Relay]:
    """A relay that listens until the end of the block; `reached` is told each phase of a mail."""
    sink = Sink(faults=list(faults), reached=reached)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(sink.start(), loop).result(SECONDS)
    try:
        yield Relay(sink)
    finally:
        asyncio.run_coroutine_threadsafe(sink.stop(), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()
