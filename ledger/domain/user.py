"""The User aggregate: who may use a server, and with which tokens."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.names import check_length, check_user_name
from ledger.errors import InvalidNameError, RefusedError, TokenNotFoundError, UserNotFoundError
from ledger.users.passwords import check_password_hash
from ledger.users.tokens import milliseconds
from schemas.addresses import why_no_address
from schemas.events import (
    Event,
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
from schemas.events.base import ERASED
from schemas.limits import UNSTORABLE
from schemas.roles import Role, role_named

_TOKEN_ID = re.compile(r"[a-z0-9]{8,64}")
_HASH = re.compile(r"[0-9a-f]{64}")
_LABEL_LENGTH = 200
_SEEN_LENGTH = 200


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token by its hash, and whether it was revoked."""

    hash: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class OfferedSession:
    """A session that somebody drew: its id and SHA-256, until when (epoch ms), and from where."""

    id: str
    hash: str
    until: int
    expires_at: int
    address: str | None = None
    agent: str | None = None


class User(LedgerAggregate):
    """One user, found by name in any case of letters. Disabling voids every token and session for good."""

    kind = "user"

    name: str
    role: str
    email: str | None
    disabled: bool
    tokens: dict[str, IssuedToken]
    password_hash: str | None
    sessions: set[str]

    def begin_state(self) -> None:
        """Nobody yet."""
        self.name = self.role = ""
        self.email = None
        self.disabled = False
        self.tokens = {}
        self.password_hash = None
        self.sessions = set()

    def add(self, name: str, role: Role, email: str | None) -> None:
        """Add the user, or one who was disabled again; the same user again is nothing to do."""
        check_user_name(name)
        _check_email(email)
        if self.name and not self.disabled:
            if self.role != role or (email is not None and email != self.email):
                raise RefusedError(
                    f"there is a user {self.name} already, with the role {self.role} and the address "
                    f"{self.email or '(none)'}. Leave out role and address for another token of this user; "
                    f"`runledger user change {self.name}` changes them."
                )
            return
        self.decide(UserAddedEvent, user_name=name if self.name in {"", ERASED} else self.name, role=role, email=email)

    def change(self, name: str, role: Role | None, email: str | None) -> None:
        """Set role and address; None leaves them as they are, an empty address is none."""
        self._required(name)
        _check_email(email or None)
        new_role = role or self.role
        new_email = self.email if email is None else email or None
        if (new_role, new_email) != (self.role, self.email):
            self.decide(UserChangedEvent, user_name=self.name, role=new_role, email=new_email)

    def disable(self, name: str) -> None:
        """Let the user in no more; again is nothing to do."""
        if not (self.name and self.disabled):
            self._required(name)
            self.decide(UserDisabledEvent)

    def issue(self, name: str, token_id: str, token_hash: str, label: str | None, expires_at: datetime | None) -> None:
        """Give the user a token, of which only the hash is known here."""
        self._required(name)
        _check_token(token_id, token_hash, label)
        earlier = self.tokens.get(token_id)
        if earlier is not None and earlier.hash == token_hash:
            return
        if earlier is not None:
            raise RefusedError(f"{self.name} has a token {token_id} already; draw another one")
        self.decide(
            TokenIssuedEvent,
            token_id=token_id,
            token_hash=token_hash,
            label=label,
            expires_at=None if expires_at is None else max(milliseconds(expires_at), 0),
        )

    def revoke(self, name: str, token_id: str) -> None:
        """Void a token; again is nothing to do. Tokens of a disabled user may be revoked too."""
        if not self.name:
            raise UserNotFoundError(name)
        token = self.tokens.get(token_id)
        if token is None:
            raise TokenNotFoundError(token_id)
        if not token.revoked:
            self.decide(TokenRevokedEvent, token_id=token_id)

    def set_password(self, name: str, password_hash: str) -> None:
        """Let the user log in with the password of which this is the hash; sessions of an earlier one are over."""
        self._required(name)
        check_password_hash(password_hash)
        if password_hash != self.password_hash:
            self.decide(UserPasswordSetEvent, password_hash=password_hash)

    def begin_session(self, offered: OfferedSession, password_hash: str) -> None:
        """Let in who proved to know the password; refused if it is another by now."""
        if not self.name or self.disabled or self.password_hash != password_hash:
            raise RefusedError("the user was disabled or the password changed meanwhile; log in again")
        _check_token(offered.id, offered.hash, None)
        self.decide(
            SessionBeganEvent,
            session_id=offered.id,
            session_hash=offered.hash,
            until=min(offered.until, offered.expires_at),
            expires_at=offered.expires_at,
            address=_seen(offered.address),
            agent=_seen(offered.agent),
        )

    def renew_session(self, session_id: str, until: int) -> None:
        """Let a session go on; one that is over stays so."""
        if session_id in self.sessions:
            self.decide(SessionRenewedEvent, session_id=session_id, until=until)

    def end_sessions(self, name: str, session_id: str | None) -> None:
        """End a session, or all; one that is over already is nothing to do."""
        if not self.name:
            raise UserNotFoundError(name)
        if self.sessions and (session_id is None or session_id in self.sessions):
            self.decide(SessionEndedEvent, session_id=session_id)

    def apply(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case UserAddedEvent() | UserChangedEvent():
                self.name, self.role = readable(event.user_name) or "", role_named(event.role)
                self.email = readable(event.email)
                self.disabled = self.disabled and not isinstance(event, UserAddedEvent)
            case UserDisabledEvent():
                self.disabled, self.password_hash = True, None
                self.sessions.clear()
                self.tokens = {each: replace(token, revoked=True) for each, token in self.tokens.items()}
            case UserPasswordSetEvent():
                self.password_hash = event.password_hash
                self.sessions.clear()
            case SessionBeganEvent():
                self.sessions.add(event.session_id)
            case SessionEndedEvent():
                self.sessions -= {event.session_id} if event.session_id is not None else set(self.sessions)
            case TokenIssuedEvent():
                self.tokens.setdefault(event.token_id, IssuedToken(event.token_hash))
            case TokenRevokedEvent():
                if event.token_id in self.tokens:
                    self.tokens[event.token_id] = replace(self.tokens[event.token_id], revoked=True)
            case _:
                pass

    def _required(self, name: str) -> None:
        if not self.name:
            raise UserNotFoundError(name)
        if self.disabled:
            raise RefusedError(
                f"user {self.name} was disabled; `runledger user add {self.name} --role ...` adds the user again"
            )


def _check_email(email: str | None) -> None:
    why = None if email is None else why_no_address(email)
    if why:
        raise InvalidNameError(f"{email!r} is no address that mail can be sent to: {why}")


def _check_token(token_id: str, token_hash: str, label: str | None) -> None:
    if not _TOKEN_ID.fullmatch(token_id):
        raise InvalidNameError(f"token id {token_id!r} is not allowed: 8 to 64 lower-case letters and digits")
    if not _HASH.fullmatch(token_hash):
        raise InvalidNameError("the hash of a token is a SHA-256 in lower-case hex; the token itself is never sent")
    if label is not None and not label.isprintable():
        raise InvalidNameError(f"token label {label!r} holds a control character")
    check_length("token label", label, _LABEL_LENGTH)


def _seen(text: str | None) -> str | None:
    """What a browser says of itself, as far as it can be kept."""
    return None if text is None else UNSTORABLE.sub("\ufffd", text)[:_SEEN_LENGTH]
