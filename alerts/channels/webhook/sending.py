"""Posts events to one receiver, and says what became of each."""

import asyncio
import ssl
import time
from collections.abc import Callable

from alerts.channels.channel import Ambiguous, Broken, Mail, Outcome, Rejected, Retry, Sent
from alerts.channels.webhook.event import CONTENT_TYPE
from alerts.channels.webhook.posting import NoAnswerError, NotHandedOverError, Reply, post
from alerts.channels.webhook.settings import WebhookSettings
from alerts.channels.webhook.signing import signed_headers

_OK = range(200, 300)
_REFUSED = range(400, 500)
# Too slow, in conflict, too early, too often: another time it may be taken.
_ANOTHER_TIME = frozenset({408, 409, 425, 429})
_AGENT = "runledger"


class WebhookChannel:
    """The channel to one URL. The operator named it, so it may be any host that this machine reaches."""

    def __init__(
        self,
        settings: WebhookSettings,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """To this receiver; `tls` takes the place of the system's list of authorities."""
        self._settings = settings
        self._tls = tls if tls is not None else settings.tls_context()
        self._clock = clock
        self._slots = asyncio.Semaphore(settings.connections)

    @property
    def connections(self) -> int:
        """How many events may be under way at once."""
        return self._settings.connections

    async def send(self, mail: Mail) -> Outcome:
        """Try once; what goes wrong is an outcome and never an exception."""
        secrets, seconds = self._settings.secrets, int(self._clock())
        headers = {"Content-Type": CONTENT_TYPE, "User-Agent": _AGENT}
        headers |= signed_headers(secrets, mail.notification, seconds, mail.content)
        async with self._slots:
            try:
                reply = await post(self._settings, self._tls, headers, mail.content)
            except NotHandedOverError as error:
                return Broken(str(error))
            except NoAnswerError as error:
                return Ambiguous(str(error))
        return outcome_of(reply, mail.recipient)

    async def close(self) -> None:
        """Nothing is held between two events."""


def outcome_of(reply: Reply, recipient: str) -> Outcome:
    """What an answer makes of the event."""
    said = f"{reply.status} {reply.words}".strip()
    if reply.status in _OK:
        return Sent(reply.status, reply.words)
    if reply.status in _REFUSED and reply.status not in _ANOTHER_TIME:
        return Rejected(recipient, reply.status, said)
    return Retry(f"the receiver answered {said}", reply.status, reply.retry_after_seconds)
