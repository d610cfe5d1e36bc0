"""Who uses this ledger's servers, folded from the feed: a revocation counts as soon as it was read."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from hmac import compare_digest

from ledger.feed import Feed, FeedEvent
from ledger.following import Following
from ledger.queries import SessionDocument, TokenDocument, UserDocument
from ledger.users.sessions import OpenSession, OpenSessions
from ledger.users.tokens import milliseconds, moment_of, session_from, token_from
from schemas.events import (
    SessionBeganEvent,
    SessionEndedEvent,
    SessionRenewedEvent,
    TokenIssuedEvent,
    TokenRevokedEvent,
    UserAddedEvent,
    UserChangedEvent,
    UserDisabledEvent,
    UserPasswordSetEvent,
    readable,
)
from schemas.roles import Role, role_named
from schemas.streams import user_stream

_KINDS = (
    UserAddedEvent,
    UserChangedEvent,
    UserDisabledEvent,
    UserPasswordSetEvent,
    TokenIssuedEvent,
    TokenRevokedEvent,
    SessionBeganEvent,
    SessionRenewedEvent,
    SessionEndedEvent,
)


@dataclass(frozen=True, slots=True)
class User:
    """A user as the log has him now; `role` may be one that this program does not know."""

    name: str
    role: str
    email: str | None
    disabled: bool = False
    password_hash: str | None = field(default=None, repr=False, compare=False)


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
        self._users: dict[str, User] = {}
        self._tokens: dict[str, _Token] = {}
        self._sessions = OpenSessions()
        self._following = Following(feed, _KINDS, self._fold)

    def who(self, text: str) -> User | None:
        """The user whose token a text is; None if it is not valid (any more)."""
        self._following.read_on()
        token = token_from(text)
        known = self._tokens.get(token.id) if token is not None else None
        if token is None or known is None or not compare_digest(token.hash, known.event.token_hash):
            return None
        user = self._users.get(known.stream)
        return user if user is not None and self._state(known) == "valid" else None

    def session(self, text: str) -> tuple[User, OpenSession] | None:
        """The user who opened a session, and the session; None if it is over, or never was."""
        self._following.read_on()
        drawn = session_from(text)
        found = self._sessions.find(drawn, milliseconds(self._now())) if drawn is not None else None
        user = self._users.get(found.stream) if found is not None else None
        return (user, found) if user is not None and found is not None and not user.disabled else None

    def named(self, name: str) -> User | None:
        """The user of a name in any case of letters, disabled or not."""
        self._following.read_on()
        return self._users.get(user_stream(self._feed.log_id, name))

    def owner(self, token_id: str) -> str | None:
        """Whose a token is or was."""
        self._following.read_on()
        token = self._tokens.get(token_id)
        user = self._users.get(token.stream) if token is not None else None
        return user.name if user is not None else None

    def is_open(self) -> bool:
        """Whether there was never a user or a token, so that nobody can say who he is."""
        if not self._users and not self._tokens:
            self._following.read_on()
        return not self._users and not self._tokens

    def can_be_told(self) -> bool:
        """Whether somebody can say who he is: a token was ever issued, or a user has a password."""
        self._following.read_on()
        return bool(self._tokens) or any(user.password_hash for user in list(self._users.values()))

    def has_admin(self) -> bool:
        """Whether somebody may manage users."""
        self._following.read_on()
        return any(user.role == Role.ADMIN and not user.disabled for user in list(self._users.values()))

    def users(self) -> list[UserDocument]:
        """Every user by name, disabled ones too."""
        self._following.read_on()
        found = [
            {
                "user": user.name,
                "role": user.role,
                "email": user.email,
                "disabled": user.disabled,
                "password": user.password_hash is not None,
            }
            for user in list(self._users.values())
        ]
        return sorted(found, key=lambda document: str(document["user"]))

    def tokens(self) -> list[TokenDocument]:
        """Every token in the order of issue, and what it is worth; never the token itself."""
        self._following.read_on()
        return [self._document(token) for token in list(self._tokens.values())]

    def sessions(self, name: str) -> list[SessionDocument]:
        """The open sessions of a user in the order of log-in."""
        self._following.read_on()
        stream = user_stream(self._feed.log_id, name)
        return self._sessions.documents(stream, milliseconds(self._now()))

    def _fold(self, found: FeedEvent) -> None:
        stream = found.envelope.stream
        match found.event:
            case UserAddedEvent() | UserChangedEvent() as event:
                self._users[stream] = self._folded(stream, event)
            case UserDisabledEvent():
                self._disable(stream)
            case UserPasswordSetEvent() as event:
                if stream in self._users:
                    self._users[stream] = replace(self._users[stream], password_hash=event.password_hash)
                self._sessions.end(stream, None)
            case SessionBeganEvent() | SessionRenewedEvent() as event:
                self._sessions.fold(stream, event, found.recorded_at)
            case SessionEndedEvent() as event:
                self._sessions.end(stream, event.session_id)
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

    def _folded(self, stream: str, event: UserAddedEvent | UserChangedEvent) -> User:
        before = self._users.get(stream)
        return User(
            readable(event.user_name) or "",
            role_named(event.role),
            readable(event.email),
            disabled=before is not None and before.disabled and not isinstance(event, UserAddedEvent),
            password_hash=before.password_hash if before is not None else None,
        )

    def _disable(self, stream: str) -> None:
        if stream in self._users:
            self._users[stream] = replace(self._users[stream], disabled=True, password_hash=None)
        self._sessions.end(stream, None)
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
