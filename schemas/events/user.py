"""Users of a server, and their tokens."""

from typing import ClassVar

from schemas.events.base import Event, Maybe, Milliseconds, Personal, Sha256, Text


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
