"""Users of a server, how they prove who they are, and who could not."""

from typing import ClassVar

from schemas.events.base import Count, Event, Maybe, Milliseconds, Personal, Secret, Sha256, Text


class UserAddedEvent(Event):
    """A user may use the server."""

    name: ClassVar[str] = "user.added"

    user_name: Personal
    role: Text
    email: Maybe[Personal] = None


class UserChangedEvent(Event):
    """A user has this name, role and address from here on."""

    name: ClassVar[str] = "user.changed"

    user_name: Personal
    role: Text
    email: Maybe[Personal] = None


class UserDisabledEvent(Event):
    """A user may not use the server any more."""

    name: ClassVar[str] = "user.disabled"


class UserPasswordSetEvent(Event):
    """A user logs in with another password from here on; what earlier ones opened is over.

    `password_hash` is Argon2id in the PHC string format; the password itself is kept nowhere.
    """

    name: ClassVar[str] = "user.password-set"

    password_hash: Secret


class TokenIssuedEvent(Event):
    """A token was given to a user; only its SHA-256 is kept. Without `expires_at` it does not end."""

    name: ClassVar[str] = "token.issued"

    token_id: Text
    token_hash: Sha256
    label: Maybe[Personal] = None
    expires_at: Maybe[Milliseconds] = None


class TokenRevokedEvent(Event):
    """A token is void."""

    name: ClassVar[str] = "token.revoked"

    token_id: Text


class SessionBeganEvent(Event):
    """A user logged in with the password. It ends at `until`, unless it is renewed, and at `expires_at` for good."""

    name: ClassVar[str] = "session.began"

    session_id: Text
    session_hash: Sha256
    until: Milliseconds
    expires_at: Milliseconds
    address: Maybe[Personal] = None
    agent: Maybe[Personal] = None


class SessionRenewedEvent(Event):
    """A session is in use, and goes on until then."""

    name: ClassVar[str] = "session.renewed"

    session_id: Text
    until: Milliseconds


class SessionEndedEvent(Event):
    """A user logged out; everywhere, if no session is named."""

    name: ClassVar[str] = "session.ended"

    session_id: Maybe[Text] = None


class LoginRefusedEvent(Event):
    """Somebody could not prove to be a user; `count` is how often, since the last such record."""

    name: ClassVar[str] = "login.refused"

    user_name: Personal
    address: Personal
    why: Text
    count: Count = 1
