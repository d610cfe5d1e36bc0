"""A mail server on loopback that keeps what it gets, in memory and as .eml files."""

import email
import email.policy
import socket
import time
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Received:
    """A mail as it came: the envelope, the message, and the file that it lies in."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    file: Path

    def text(self) -> str:
        """The text part."""
        part = self.message.get_body(("plain",))
        return part.get_content() if part is not None else ""


class Mailbox:
    """Listens from `with` to the end of its block."""

    def __init__(self, folder: Path) -> None:
        """Keep mails in a folder."""
        self.received: list[Received] = []
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    @property
    def url(self) -> str:
        """What RUNLEDGER_SMTP_URL is set to."""
        return f"smtp://127.0.0.1:{self.port}"

    def wait(self, seconds: float) -> Received | None:
        """The first mail; None if none comes in time."""
        end = time.monotonic() + seconds
        while not self.received and time.monotonic() < end:
            time.sleep(0.01)
        return self.received[0] if self.received else None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail; the name is the library's."""
        content = bytes(envelope.original_content or b"")
        file = self._folder / f"{len(self.received) + 1}.eml"
        file.write_bytes(content)
        message = email.message_from_bytes(content, policy=email.policy.default)
        if isinstance(message, EmailMessage):
            sender = str(envelope.mail_from)
            self.received.append(Received(sender, list(map(str, envelope.rcpt_tos)), message, file))
        return f"250 kept as {file.name}"

    def __enter__(self) -> Self:
        """Listen."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        self._controller.stop()
