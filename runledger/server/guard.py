"""Who asks: told by a token, by the cookie of a session, or anybody on this machine as long as nobody ever had one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ledger.application.handling import Caller
from ledger.errors import UnauthenticatedError
from ledger.users.directory import User, Users
from ledger.users.rights import Right, check_right, rights_of
from ledger.users.sessions import OpenSession
from runledger.server.arrival import Arrival
from runledger.server.cookies import SESSION, Cookie
from runledger.server.csrf import csrf_of
from schemas.roles import Role

_SCHEME = "bearer"
_HOW = "`runledger login URL` stores one, RUNLEDGER_TOKEN or RUNLEDGER_TOKEN_FILE names one"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, in whose name events are written, and what for a role he has; `email` where it is known.

    Of a browser with a cookie, `session` is the id of the session and `csrf` what its forms must hold.
    """

    caller: Caller
    role: str
    email: str | None = None
    known: bool = True
    session: str | None = None
    csrf: str = ""

    def check(self, right: Right) -> None:
        """Raise ForbiddenError unless the visitor has the right."""
        check_right(self.caller.actor, self.role, right)


class Guard:
    """Tells visitors by their tokens and cookies."""

    def __init__(
        self,
        users: Users,
        caller: Caller,
        *,
        loopback: bool,
        in_use: Callable[[User, OpenSession], None] = lambda _, __: None,
    ) -> None:
        """Without any user, whoever asks on loopback acts as `caller`; elsewhere nobody does.

        `in_use` is told of each session that somebody comes with.
        """
        self._users = users
        self._caller = caller
        self._loopback = loopback
        self._in_use = in_use

    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self._loopback and self._users.is_open()

    def visitor(self, headers: Iterable[tuple[bytes, bytes]], arrival: Arrival) -> Visitor:
        """Who sends such headers, and from where; raises UnauthenticatedError."""
        found = self._told_by(headers, arrival)
        return replace(found, caller=replace(found.caller, address=arrival.address))

    def _told_by(self, headers: Iterable[tuple[bytes, bytes]], arrival: Arrival) -> Visitor:
        """Who sends a token is told by that alone."""
        given = list(headers)
        token = token_in(given)
        if token is not None:
            return self._of_token(token)
        found = self._of_cookie(given, arrival)
        if found is not None:
            return found
        if not self.is_open():
            raise UnauthenticatedError(f"this server asks for a token: {_HOW}")
        if arrival.proxied:
            raise UnauthenticatedError(
                "a proxy stands before this server, so anybody may be behind it, and there is no user yet: "
                "`runledger user add NAME --role admin` on the server's machine adds the first"
            )
        # Who may manage users is decided on the server's machine.
        return Visitor(self._caller, Role.CONTRIBUTOR, known=False)

    def _of_token(self, token: str) -> Visitor:
        user = self._users.who(token)
        if user is None:
            raise UnauthenticatedError(
                f"the token is unknown here, or was revoked, or has expired: ask an admin for another; {_HOW}"
            )
        return Visitor(self._caller_of(user), user.role, user.email)

    def _of_cookie(self, headers: Iterable[tuple[bytes, bytes]], arrival: Arrival) -> Visitor | None:
        text = Cookie(SESSION, arrival).value_in(cookies_in(headers))
        found = self._users.session(text) if text else None
        if text is None or found is None:
            return None
        user, session = found
        self._in_use(user, session)
        return Visitor(self._caller_of(user), user.role, user.email, session=session.id, csrf=csrf_of(text))

    def _caller_of(self, user: User) -> Caller:
        return Caller(user.name, self._caller.source, is_admin=Right.ADMIN in rights_of(user.role))


def token_in(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token; what a proxy before this server asked for, with another scheme, is none."""
    header = next((value.decode("latin-1") for name, value in headers if name == b"authorization"), "")
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else None


def cookies_in(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """All cookies; HTTP/2 may part them over several headers (RFC 9113 8.2.3)."""
    return "; ".join(value.decode("latin-1") for name, value in headers if name == b"cookie")
