"""Who uses this ledger's servers, folded from the feed: a revocation counts as soon as it was read."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest

from ledger.feed import Feed, FeedEvent
from ledger.queries import TokenDocument, UserDocument
from ledger.users.tokens import milliseconds, moment_of, token_from
from schemas.events import (
    TokenIssuedEvent,
    TokenRevokedEvent,
    UserAddedEvent,
    UserChangedEvent,
    UserDisabledEvent,
    readable,
)
from schemas.roles import Role

_KINDS = (UserAddedEvent, UserChangedEvent, UserDisabledEvent, TokenIssuedEvent, TokenRevokedEvent)
_TYPES = tuple(kind.type_name() for kind in _KINDS)
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class User:
    """A user as the log has him now; `role` may be one that this program does not know."""

    name: str
    role: str
    email: str | None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    stream: str
    event: TokenIssuedEvent
    issued_at: int
    issued_by: str
    revoked: bool = False


class Users:
    """Asks the feed what is new before every answer; threads may share it."""

    def __init__(self, feed: Feed, *, now: Callable[[], datetime]) -> None:
        """Nothing is read before the first question; `now` decides what has expired."""
        self._feed = feed
        self._now = now
        self._position = 0
        self._users: dict[str, User] = {}
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def who(self, text: str) -> User | None:
        """The user whose token a text is; None if it is not valid (any more)."""
        self._read_on()
        token = token_from(text)
        known = self._tokens.get(token.id) if token is not None else None
        if token is None or known is None or not compare_digest(token.hash, known.event.token_hash):
            return None
        user = self._users.get(known.stream)
        return user if user is not None and self._state(known) == "valid" else None

    def is_open(self) -> bool:
        """Whether there was never a user or a token, so that nobody can say who he is."""
        if not self._users and not self._tokens:
            self._read_on()
        return not self._users and not self._tokens

    def has_tokens(self) -> bool:
        """Whether a token was ever issued."""
        self._read_on()
        return bool(self._tokens)

    def has_admin(self) -> bool:
        """Whether somebody may manage users."""
        self._read_on()
        return any(user.role == Role.ADMIN and not user.disabled for user in list(self._users.values()))

    def users(self) -> list[UserDocument]:
        """Every user by name, disabled ones too."""
        self._read_on()
        found = [
            {"user": user.name, "role": user.role, "email": user.email, "disabled": user.disabled}
            for user in list(self._users.values())
        ]
        return sorted(found, key=lambda document: str(document["user"]))

    def tokens(self) -> list[TokenDocument]:
        """Every token in the order of issue, and what it is worth; never the token itself."""
        self._read_on()
        return [self._document(token) for token in list(self._tokens.values())]

    def _read_on(self) -> None:
        end = self._feed.last_position()
        if end <= self._position:
            return
        with self._lock:
            # Moved when all is folded: who sees it moved, and does not wait for the lock, misses nothing.
            position = self._position
            while found := self._feed.of_types(_TYPES, position, _BATCH):
                for event in found:
                    self._fold(event)
                position = found[-1].position
            self._position = max(position, end)

    def _fold(self, found: FeedEvent) -> None:
        stream = found.envelope.stream
        match found.event:
            case UserAddedEvent() | UserChangedEvent() as event:
                before = self._users.get(stream)
                disabled = before is not None and before.disabled and not isinstance(event, UserAddedEvent)
                self._users[stream] = User(
                    readable(event.user_name) or "", event.role, readable(event.email), disabled=disabled
                )
            case UserDisabledEvent():
                self._disable(stream)
            case TokenIssuedEvent() as event:
                # Of two with one id the first counts: nobody can put another in its place.
                token = _Token(stream, event, found.recorded_at, found.envelope.actor)
                self._tokens.setdefault(event.token_id, token)
            case TokenRevokedEvent() as event:
                known = self._tokens.get(event.token_id)
                if known is not None and known.stream == stream:
                    self._tokens[event.token_id] = replace(known, revoked=True)
            case _:
                pass

    def _disable(self, stream: str) -> None:
        if stream in self._users:
            self._users[stream] = replace(self._users[stream], disabled=True)
        for token_id, token in self._tokens.items():
            if token.stream == stream:
                self._tokens[token_id] = replace(token, revoked=True)

    def _state(self, token: _Token) -> str:
        if token.revoked:
            return "revoked"
        expires_at = token.event.expires_at
        return "expired" if expires_at is not None and expires_at <= milliseconds(self._now()) else "valid"

    def _document(self, token: _Token) -> TokenDocument:
        event, user = token.event, self._users.get(token.stream)
        return {
            "token_id": event.token_id,
            "user": user.name if user else None,
            "role": user.role if user else None,
            "label": readable(event.label),
            "state": self._state(token),
            "issued_at": moment_of(token.issued_at).isoformat(),
            "issued_by": token.issued_by,
            "expires_at": None if event.expires_at is None else moment_of(event.expires_at).isoformat(),
        }
