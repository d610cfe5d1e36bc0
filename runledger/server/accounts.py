"""What the pages do about users: an admin with all of them, and everybody with what is his own.

Each call runs in the thread that it is made in, and raises ForbiddenError for who may not. `command` is the id of the
command that a form stands for: sent twice, it is done once.
"""

from collections.abc import Sequence
from datetime import timedelta

from ledger.commands import (
    AddUser,
    ChangeUser,
    Command,
    DisableUser,
    EndSessions,
    IssueToken,
    RevokeToken,
    SetPassword,
    new_command_id,
)
from ledger.errors import ForbiddenError, RefusedError
from ledger.queries import SessionDocument, TokenDocument, UserDocument
from ledger.users.passwords import check_password, hash_of
from ledger.users.rights import Right
from ledger.users.tokens import draw_token
from runledger.server.desk import Desk
from runledger.server.guard import Visitor
from runledger.server.logins import CLIENT
from runledger.wiring import now
from schemas.roles import Role


class Accounts:
    """Users, their passwords, tokens and sessions, by the same commands as everywhere."""

    def __init__(self, desk: Desk) -> None:
        """Ask and command at a desk."""
        self._desk = desk
        self._users = desk.parts.users

    def users(self, visitor: Visitor) -> Sequence[UserDocument]:
        """Every user by name, disabled ones too; for an admin."""
        visitor.check(Right.ADMIN)
        return self._users.users()

    def add_user(
        self,
        visitor: Visitor,
        name: str,
        role: Role,
        *,
        email: str | None = None,
        password: str | None = None,
        command: str | None = None,
    ) -> None:
        """Add a user, or one who was disabled again, who logs in with a password if one is given; for an admin."""
        command = command or new_command_id()
        add = AddUser(command=command, user=name, role=role, email=email or None, client=CLIENT)
        self._desk.admit(visitor, Right.ADMIN, add)
        chosen = None if password is None else _hashed(name, password)
        self._do(add, visitor)
        if chosen is not None:
            # Hashed anew each time, it would be another command under the same id.
            self._do(SetPassword(user=name, password_hash=chosen, client=CLIENT), visitor)

    def change_user(
        self,
        visitor: Visitor,
        name: str,
        *,
        role: Role | None = None,
        email: str | None = None,
        command: str | None = None,
    ) -> None:
        """Set role and address, None leaves them as they are; for an admin. The last admin stays one."""
        change = ChangeUser(command=command or new_command_id(), user=name, role=role, email=email, client=CLIENT)
        self._desk.admit(visitor, Right.ADMIN, change)
        if role not in {None, Role.ADMIN}:
            self._check_another_admin(name)
        self._do(change, visitor)

    def disable_user(self, visitor: Visitor, name: str, command: str | None = None) -> None:
        """Let a user in no more; for an admin. The last admin stays."""
        disable = DisableUser(command=command or new_command_id(), user=name, client=CLIENT)
        self._desk.admit(visitor, Right.ADMIN, disable)
        self._check_another_admin(name)
        self._do(disable, visitor)

    def set_password(self, visitor: Visitor, name: str, password: str) -> None:
        """Set anybody's password, which ends all sessions of that user; for an admin."""
        # Nothing is hashed for who may not, and the log never holds what was typed.
        self._desk.admit(visitor, Right.ADMIN, SetPassword(user=name, password_hash="", client=CLIENT))
        self._do(SetPassword(user=name, password_hash=_hashed(name, password), client=CLIENT), visitor)

    def tokens(self, visitor: Visitor) -> Sequence[TokenDocument]:
        """Every token of everybody; for an admin."""
        visitor.check(Right.ADMIN)
        return self._users.tokens()

    def my_tokens(self, visitor: Visitor) -> Sequence[TokenDocument]:
        """The visitor's tokens in the order of issue."""
        name = _own(visitor)
        return [each for each in self._users.tokens() if (each["user"] or "").casefold() == name.casefold()]

    def make_token(
        self,
        visitor: Visitor,
        *,
        label: str | None = None,
        lasting: timedelta | None = None,
        command: str | None = None,
    ) -> str:
        """A new token of the visitor, which nobody can be shown again; it may what the visitor may at any time."""
        token = draw_token()
        issue = IssueToken(
            command=command or new_command_id(),
            user=_own(visitor),
            token_id=token.id,
            token_hash=token.hash,
            label=label or None,
            expires_at=None if lasting is None else now() + lasting,
            client=CLIENT,
        )
        self._do_for_oneself(issue, visitor)
        return token.text

    def revoke_token(self, visitor: Visitor, token_id: str, *, owner: str | None = None) -> None:
        """Void a token of the visitor; of another `owner`, for an admin."""
        user = owner or _own(visitor)
        revoke = RevokeToken(user=user, token_id=token_id, client=CLIENT)
        if visitor.session is not None and user.casefold() == visitor.caller.actor.casefold():
            self._do_for_oneself(revoke, visitor)
        else:
            self._do(revoke, visitor)

    def my_sessions(self, visitor: Visitor) -> Sequence[SessionDocument]:
        """Where the visitor is logged in; `current` is this browser."""
        found = self._users.sessions(_own(visitor))
        return [each | {"current": each["session_id"] == visitor.session} for each in found]

    def end_session(self, visitor: Visitor, session_id: str | None = None) -> None:
        """Log the visitor out of a session, or of all."""
        self._do_for_oneself(EndSessions(user=_own(visitor), session_id=session_id, client=CLIENT), visitor)

    def log_out_user(self, visitor: Visitor, name: str) -> None:
        """Log anybody out everywhere; for an admin."""
        self._do(EndSessions(user=name, client=CLIENT), visitor)

    def _check_another_admin(self, name: str) -> None:
        admins = [each for each in self._users.users() if each["role"] == Role.ADMIN and not each["disabled"]]
        if [each["user"].casefold() for each in admins] == [name.casefold()]:
            raise RefusedError(f"{name} is the last admin: make somebody else one first")

    def _do(self, command: Command, visitor: Visitor) -> None:
        self._desk.carry_out(command, visitor)

    def _do_for_oneself(self, command: Command, visitor: Visitor) -> None:
        self._desk.carry_out(command, visitor, Right.READ)


def _own(visitor: Visitor) -> str:
    """Whose things these are: only of who has logged in, since a token that got lost must not make others."""
    if visitor.session is None:
        raise ForbiddenError("log in with a password for this: a token manages no tokens and sessions", Right.ADMIN)
    return visitor.caller.actor


def _hashed(name: str, password: str) -> str:
    check_password(password, name)
    return hash_of(password)
