"""Commands to a user."""

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import AddUser, ChangeUser, DisableUser, IssueToken, RevokeToken, UserCommand
from ledger.domain.names import check_user_name
from ledger.domain.user import User
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
        case _:
            raise NotImplementedError(type(command).__name__)
