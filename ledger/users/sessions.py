"""Sessions that are open, folded from the log: what ended, or is past its time, is forgotten."""

from dataclasses import dataclass, replace
from datetime import timedelta
from hmac import compare_digest

from ledger.queries import SessionDocument
from ledger.users.tokens import Token, moment_of
from schemas.events import SessionBeganEvent, SessionRenewedEvent, readable

IDLE = timedelta(hours=24)
"""A session that is not used for so long is over."""
LASTING = timedelta(days=14)
"""No session lasts longer; both are ours: a page of charts is left open for days, and shows nothing that pays."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session of the user of a stream; times are epoch milliseconds."""

    stream: str
    event: SessionBeganEvent
    began_at: int
    until: int

    @property
    def id(self) -> str:
        """What names it; no secret."""
        return self.event.session_id

    def wants_renewal(self, now: int, idle: timedelta) -> bool:
        """Whether half of the time that it may be unused has passed, and there is more to be had."""
        left, whole = self.until - now, idle / timedelta(milliseconds=1)
        return left < whole / 2 and self.until < self.event.expires_at


class OpenSessions:
    """The open sessions of all users."""

    def __init__(self) -> None:
        """None is open."""
        self._open: dict[str, OpenSession] = {}

    def find(self, drawn: Token, now: int) -> OpenSession | None:
        """The session that a text opens, unless its time is over."""
        found = self._open.get(drawn.id)
        if found is None or not compare_digest(drawn.hash, found.event.session_hash) or now >= found.until:
            return None
        return found

    def fold(self, stream: str, event: SessionBeganEvent | SessionRenewedEvent, recorded_at: int) -> None:
        """Take in that a session began, or goes on: not after its time, nor past its end."""
        known = self._open.get(event.session_id)
        if isinstance(event, SessionBeganEvent):
            self._forget(recorded_at)
            if known is None:
                until = min(event.until, event.expires_at)
                self._open[event.session_id] = OpenSession(stream, event, recorded_at, until)
        elif known is not None and known.stream == stream and recorded_at < known.until:
            until = min(max(event.until, known.until), known.event.expires_at)
            self._open[event.session_id] = replace(known, until=until)

    def end(self, stream: str, session_id: str | None) -> None:
        """Forget a session of a stream; all of them, if none is named."""
        ended = [each for each in self._open.values() if each.stream == stream and session_id in {None, each.id}]
        for session in ended:
            del self._open[session.id]

    def _forget(self, now: int) -> None:
        for session in [each for each in self._open.values() if each.event.expires_at <= now]:
            del self._open[session.id]

    def documents(self, stream: str, now: int) -> list[SessionDocument]:
        """The sessions of a stream that are open now."""
        return [
            {
                "session_id": each.id,
                "began_at": moment_of(each.began_at).isoformat(),
                "until": moment_of(each.until).isoformat(),
                "expires_at": moment_of(each.event.expires_at).isoformat(),
                "address": readable(each.event.address),
                "agent": readable(each.event.agent),
            }
            for each in list(self._open.values())
            if each.stream == stream and now < each.until
        ]
