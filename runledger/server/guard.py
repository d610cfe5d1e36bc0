"""Who asks: told by a token, or anybody on this machine as long as nobody ever had one."""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.application.handling import Caller
from ledger.errors import UnauthenticatedError
from ledger.users.directory import Users
from ledger.users.rights import Right, check_right, rights_of
from schemas.roles import Role

_SCHEME = "bearer"
_HOW = "`runledger login URL` stores one, RUNLEDGER_TOKEN or RUNLEDGER_TOKEN_FILE names one"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, in whose name events are written, and what for a role he has; `email` where it is known."""

    caller: Caller
    role: str
    email: str | None = None
    known: bool = True

    def check(self, right: Right) -> None:
        """Raise ForbiddenError unless the visitor has the right."""
        check_right(self.caller.actor, self.role, right)


class Guard:
    """Tells visitors by their tokens."""

    def __init__(self, users: Users, caller: Caller, *, loopback: bool) -> None:
        """Without any user, whoever asks on loopback acts as `caller`; elsewhere nobody does."""
        self._users = users
        self._caller = caller
        self._loopback = loopback

    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self._loopback and self._users.is_open()

    def visitor(self, authorization: str | None) -> Visitor:
        """Who sends such a header; raises UnauthenticatedError."""
        token = _token_in(authorization or "")
        if token is None:
            if self.is_open():
                # Who may manage users is decided on the server's machine.
                return Visitor(self._caller, Role.WRITER, known=False)
            raise UnauthenticatedError(f"this server asks for a token: {_HOW}")
        user = self._users.who(token)
        if user is None:
            raise UnauthenticatedError(
                f"the token is unknown here, or was revoked, or has expired: ask an admin for another; {_HOW}"
            )
        return Visitor(
            Caller(user.name, self._caller.source, is_admin=Right.ADMIN in rights_of(user.role)), user.role, user.email
        )


def _token_in(authorization: str) -> str | None:
    """The token; what a proxy before this server asked for, with another scheme, is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else None


def authorization_in(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The header that says who asks; None without one."""
    return next((value.decode("latin-1") for name, value in headers if name == b"authorization"), None)
