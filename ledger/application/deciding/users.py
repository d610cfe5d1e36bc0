"""Commands to a user."""

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import (
    AddUser,
    BeginSession,
    ChangeUser,
    DisableUser,
    EndSessions,
    IssueToken,
    RenewSession,
    RevokeToken,
    SetPassword,
    UserCommand,
)
from ledger.domain.names import check_user_name
from ledger.domain.user import OfferedSession, User
from ledger.users.tokens import milliseconds
from schemas.streams import user_stream


def decision(command: UserCommand, given: Given) -> Decision[User]:
    """What it means to the user of that name."""
    check_user_name(command.user)
    return Decision(user_stream(given.log_id, command.user), User, lambda user: _decide(command, user))


def _decide(command: UserCommand, user: User) -> None:
    match command:
        case AddUser():
            user.add(command.user, command.role, command.email)
        case ChangeUser():
            user.change(command.user, command.role, command.email)
        case DisableUser():
            user.disable(command.user)
        case IssueToken():
            user.issue(command.user, command.token_id, command.token_hash, command.label, command.expires_at)
        case RevokeToken():
            user.revoke(command.user, command.token_id)
        case SetPassword():
            user.set_password(command.user, command.password_hash)
        case BeginSession():
            user.begin_session(_offered(command), command.password_hash)
        case RenewSession():
            user.renew_session(command.session_id, milliseconds(command.until))
        case EndSessions():
            user.end_sessions(command.user, command.session_id)
        case _:
            raise NotImplementedError(type(command).__name__)


def _offered(command: BeginSession) -> OfferedSession:
    return OfferedSession(
        command.session_id,
        command.session_hash,
        until=milliseconds(command.until),
        expires_at=milliseconds(command.expires_at),
        address=command.address,
        agent=command.agent,
    )
