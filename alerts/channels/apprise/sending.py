"""Hands messages to Apprise, which says no more than whether they went out."""

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.channels.channel import Ambiguous, ChannelSettingsError, Mail, Outcome, Retry, Sent
from alerts.templates.rendered import Rendered
from alerts.templates.words import plain

if TYPE_CHECKING:
    from apprise import Apprise

_log = logging.getLogger(__name__)


def compose(rendered: Rendered, notification: str, recipient: str) -> Mail:
    """The title and the text of a message."""
    content = {"title": rendered.subject, "body": plain(rendered.text)}
    return Mail(notification, recipient, "", json.dumps(content).encode())


class AppriseChannel:
    """The channel to one Apprise URL, which is a secret. It blocks, so it has threads of its own."""

    def __init__(self, name: str, url_file: Path | None, connections: int = 1) -> None:
        """Raises ChannelSettingsError where the URL cannot be used, or the library is not there."""
        self._name = name
        self._connections = connections
        self._service = _service(name, url_file)
        self._threads = ThreadPoolExecutor(connections, f"apprise-{name}")

    @property
    def connections(self) -> int:
        """How many messages may be under way at once."""
        return self._connections

    async def send(self, mail: Mail) -> Outcome:
        """Try once; what goes wrong is an outcome and never an exception."""
        message = json.loads(mail.content)
        try:
            loop = asyncio.get_running_loop()
            taken = await loop.run_in_executor(self._threads, self._notify, message["title"], message["body"])
        except Exception as error:  # noqa: BLE001 - a plug-in can raise anything, also after it had sent
            _log.warning("channel %s: Apprise failed", self._name, exc_info=True)
            return Ambiguous(f"Apprise failed: {type(error).__name__}: {error}")
        return Sent(None, "Apprise: delivered") if taken else Retry("Apprise could not deliver it; its log says why")

    async def close(self) -> None:
        """Let what is under way end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _notify(self, title: str, body: str) -> bool:
        return bool(self._service.notify(body=body, title=title, body_format="text"))


def _service(name: str, url_file: Path | None) -> "Apprise":
    try:
        from apprise import Apprise  # noqa: PLC0415 - an extra, and it takes long to load
    except ImportError as error:
        raise ChannelSettingsError(f"channel {name} needs Apprise: pip install 'runledger[apprise]'") from error
    if not url_file:
        raise ChannelSettingsError(f"channel {name}: name the file that holds its Apprise URL as url_file")
    try:
        urls = url_file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelSettingsError(f"channel {name}: url_file {url_file} cannot be read: {error}") from error
    service = Apprise()
    # With several, one that fails would have the others told again and again.
    if len(urls) != 1 or not service.add(urls[0]):
        raise ChannelSettingsError(f"channel {name}: url_file {url_file} holds not one URL that Apprise understands")
    return service
