"""Commands to a user."""

from datetime import datetime

from ledger.commands.base import Command, command_class
from schemas.roles import Role


@command_class
class UserCommand(Command):
    """A command to one user of a server, who is named in any case of letters."""

    user: str


@command_class
class AddUser(UserCommand):
    """Let somebody use the server; one who was disabled may be added again."""

    role: Role
    email: str | None = None


@command_class
class ChangeUser(UserCommand):
    """Set role and address; None leaves them as they are, an empty address is none."""

    role: Role | None = None
    email: str | None = None


class DisableUser(UserCommand):
    """Let somebody in no more; all tokens and sessions are void for good."""


@command_class
class SetPassword(UserCommand):
    """Let a user log in with a password; whoever chose it sends its Argon2id hash alone. It ends all sessions."""

    password_hash: str


@command_class
class IssueToken(UserCommand):
    """Give a user a token; whoever drew it sends its id and its SHA-256 alone."""

    token_id: str
    token_hash: str
    label: str | None = None
    expires_at: datetime | None = None


@command_class
class RevokeToken(UserCommand):
    """Void a token."""

    token_id: str


@command_class
class BeginSession(UserCommand):
    """Note that a user logged in with the password that has this hash; the session ends at `until` unless renewed."""

    session_id: str
    session_hash: str
    password_hash: str
    until: datetime
    expires_at: datetime
    address: str | None = None
    agent: str | None = None


@command_class
class RenewSession(UserCommand):
    """Let a session that is in use go on until then."""

    session_id: str
    until: datetime


@command_class
class EndSessions(UserCommand):
    """Log a user out of one session; of all, if none is named."""

    session_id: str | None = None
