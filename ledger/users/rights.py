"""Which right each thing needs, and which rights a role has."""

from collections.abc import Mapping
from enum import StrEnum

from ledger.commands import Command, UserCommand
from ledger.errors import ForbiddenError
from schemas.roles import Role


class Right(StrEnum):
    """What may be allowed."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


_RIGHTS: Mapping[str, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.CONTRIBUTOR: frozenset({Right.READ, Right.WRITE}),
    Role.VIEWER: frozenset({Right.READ}),
}
_IN_WORDS = {
    Right.READ: "asking questions",
    Right.WRITE: "commands and logged values",
    Right.ADMIN: "users, tokens and sessions",
}


def rights_of(role: str) -> frozenset[Right]:
    """The rights of a role; one that is not known has none."""
    return _RIGHTS.get(role, frozenset())


def right_for(command: Command) -> Right:
    """The right that a command needs."""
    return Right.ADMIN if isinstance(command, UserCommand) else Right.WRITE


def check_right(user: str, role: str, right: Right) -> None:
    """Raise ForbiddenError, which names the right, unless the role has it."""
    if right in rights_of(role):
        return
    able = " or ".join(each for each in Role if right in rights_of(each))
    raise ForbiddenError(
        f"{user} has the role {role!r} and lacks the right {right.value!r} ({_IN_WORDS[right]}): "
        f"use the token of a user with the role {able}",
        right,
    )
