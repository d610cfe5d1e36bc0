"""Logging in to the pages and out of them: slow for who guesses, bounded in what it takes from everybody else."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from anyio import CapacityLimiter, to_thread

from ledger.application.handling import Caller, Ledger
from ledger.commands import BeginSession, Command, EndSessions, RenewSession, SetPassword
from ledger.errors import RefusedError, UnauthenticatedError
from ledger.users.directory import User, Users
from ledger.users.passwords import LONGEST, check_password, hash_of, is_password
from ledger.users.sessions import IDLE, LASTING, OpenSession
from ledger.users.tokens import Token, draw_session, milliseconds, token_from
from runledger.server.arrival import Arrival
from runledger.server.guard import Visitor
from runledger.server.refused_logins import EVERY_SECONDS, RefusedLogins, as_recorded
from runledger.server.roles import is_set_within
from runledger.server.throttling import OF_PLACE, OF_USER, Throttle, longest
from schemas.errors import LedgerError

CLIENT = "studio"
_NAME_LENGTH = 100
_WAITING = 30
_BUSY_SECONDS = 5
_LOOKS_EVERY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class LoginError(UnauthenticatedError):
    """Nobody was let in; nothing may be tried again for `wait_seconds`."""

    def __init__(self, wait_seconds: int = 0) -> None:
        super().__init__(f"try again in {wait_seconds} s" if wait_seconds else "the name or the password is wrong")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long a session may be unused, and how long it lasts at most."""

    idle: timedelta = IDLE
    lasting: timedelta = LASTING


class Logins:
    """Who logs in, stays and leaves; what follows from it is written in a thread."""

    def __init__(
        self,
        ledger: Ledger,
        users: Users,
        caller: Caller,
        lagging: Callable[[], LedgerError | None],
        *,
        now: Callable[[], datetime],
        times: SessionTimes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write on `ledger`, from where `caller` is, unless `lagging` says why nothing is written now."""
        self._ledger, self._users, self._caller, self._lagging = ledger, users, caller, lagging
        self._now, self._clock = now, clock
        self.times = times or SessionTimes()
        self._of_user, self._of_place = Throttle(OF_USER), Throttle(OF_PLACE)
        # Each check takes 64 MiB and a tenth of a second of every core: others are to be answered meanwhile.
        self._checks = CapacityLimiter(max(1, (os.cpu_count() or 1) // 2))
        self._waiting = 0
        self._refused = RefusedLogins()
        self._in_use: dict[str, tuple[User, OpenSession]] = {}

    async def log_in(self, name: str, password: str, arrival: Arrival, agent: str | None = None) -> Token:
        """The session of who knows the password of a user.

        Raises:
            LoginError: he does not, or too much was tried; for who is not there it is the same, and takes as long.
            UnavailableError: the session cannot be written.
        """
        user, password_hash = await self._prove(name, password, arrival)
        return await to_thread.run_sync(self._begin, user, password_hash, arrival, agent)

    async def change_password(self, visitor: Visitor, current: str, new: str, arrival: Arrival) -> Token:
        """Set the visitor's password, which ends all sessions; the new session of this browser.

        Raises:
            LoginError: the current password is wrong, or was guessed too often.
            InvalidNameError: the new one is not taken.
        """
        name = visitor.caller.actor
        check_password(new, name)
        user, _ = await self._prove(name, current, arrival)
        chosen = await to_thread.run_sync(hash_of, new, limiter=self._checks)
        set_it = SetPassword(user=user.name, password_hash=chosen, client=CLIENT)
        await to_thread.run_sync(self._carry_out, set_it, visitor.caller)
        return await to_thread.run_sync(self._begin, user, chosen, arrival, None)

    async def leave(self, visitor: Visitor, *, everywhere: bool = False) -> None:
        """End the session of a visitor, or all of the user's."""
        if visitor.session is not None:
            session_id = None if everywhere else visitor.session
            end = EndSessions(user=visitor.caller.actor, session_id=session_id, client=CLIENT)
            await to_thread.run_sync(self._carry_out, end, visitor.caller)

    def in_use(self, user: User, session: OpenSession) -> None:
        """Take note that somebody came with a session, so that it goes on."""
        if session.wants_renewal(milliseconds(self._now()), self.times.idle):
            self._in_use[session.id] = (user, session)

    def refuse_token(self, text: str, arrival: Arrival) -> None:
        """Take note of a token that lets nobody in; of its text, only the id is kept, which is no secret."""
        token = token_from(text)
        owner = self._users.owner(token.id) if token is not None else None
        self._refused.add(owner or "(token)", arrival.address, "token")

    async def run(self, stop: asyncio.Event) -> None:
        """Write what there is to be written, until `stop` is set; the rest then."""
        told = -EVERY_SECONDS
        while not await is_set_within(stop, _LOOKS_EVERY_SECONDS):
            due = self._clock() - told >= EVERY_SECONDS
            if await to_thread.run_sync(self._write, due) and due:
                told = self._clock()
        await to_thread.run_sync(self._write, True)

    async def _prove(self, name: str, password: str, arrival: Arrival) -> tuple[User, str]:
        """The user who has the name and this password, and its hash; raises as `log_in` does."""
        lagging = self._lagging()
        if lagging is not None:
            raise lagging
        if self._waiting >= _WAITING:
            raise LoginError(_BUSY_SECONDS)
        user = self._users.named(name[:_NAME_LENGTH])
        keys = name[:_NAME_LENGTH].casefold(), arrival.neighbours
        self._check_pauses(user, name, keys, arrival)
        password_hash = None if user is None or user.disabled else user.password_hash
        if not await self._is_password(password, password_hash) or user is None or password_hash is None:
            self._refuse(user, name, arrival, "password")
            raise LoginError
        self._of_user.forget(keys[0])
        self._of_place.refund(keys[1])
        return user, password_hash

    def _check_pauses(self, user: User | None, name: str, keys: tuple[str, str], arrival: Arrival) -> None:
        now = self._clock()
        wait = longest((self._of_user.pause(keys[0], now), self._of_place.pause(keys[1], now)))
        if wait:
            self._refuse(user, name, arrival, "throttled")
            raise LoginError(wait)
        self._of_user.charge(keys[0], now)
        self._of_place.charge(keys[1], now)

    def _refuse(self, user: User | None, name: str, arrival: Arrival, why: str) -> None:
        shown = user.name if user is not None else as_recorded(name, known=False)
        self._refused.add(shown, arrival.address, why)

    async def _is_password(self, password: str, password_hash: str | None) -> bool:
        self._waiting += 1
        try:
            # What is longer is nobody's, and is not to be worked through.
            return await to_thread.run_sync(is_password, password[: LONGEST + 1], password_hash, limiter=self._checks)
        finally:
            self._waiting -= 1

    def _begin(self, user: User, password_hash: str, arrival: Arrival, agent: str | None) -> Token:
        drawn, now = draw_session(), self._now()
        begin = BeginSession(
            user=user.name,
            session_id=drawn.id,
            session_hash=drawn.hash,
            password_hash=password_hash,
            until=now + self.times.idle,
            expires_at=now + self.times.lasting,
            address=arrival.address,
            agent=agent,
            client=CLIENT,
        )
        try:
            self._carry_out(begin, Caller(user.name, self._caller.source))
        except RefusedError as error:
            raise LoginError from error
        return drawn

    def _write(self, due: bool) -> bool:
        """Renew sessions and, when due, record refusals; whether there were any."""
        for user, session in [self._in_use.pop(key) for key in list(self._in_use)]:
            self._try(partial(self._renew, user, session))
        refused = self._refused.take() if due else []
        if refused and not self._try(lambda: self._ledger.note_refused_logins(refused, self._caller)):
            self._refused.give_back(refused)
        return bool(refused)

    def _renew(self, user: User, session: OpenSession) -> None:
        until = self._now() + self.times.idle
        renew = RenewSession(user=user.name, session_id=session.id, until=until, client=CLIENT)
        self._carry_out(renew, Caller(user.name, self._caller.source))

    def _try(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except LedgerError as error:
            _log.warning("what happened at a log-in cannot be recorded now: %s", error)
            return False
        return True

    def _carry_out(self, command: Command, caller: Caller) -> None:
        self._ledger.handle(command, caller)
