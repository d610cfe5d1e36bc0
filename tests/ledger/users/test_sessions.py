"""Whom a session lets in, and when it is over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from ledger.application.handling import Ledger
from ledger.commands import AddUser, BeginSession, Command, DisableUser, EndSessions, RenewSession, SetPassword
from ledger.errors import RefusedError
from ledger.feed import Feed
from ledger.users.directory import Users
from ledger.users.sessions import IDLE, LASTING, OpenSession
from ledger.users.tokens import Token, draw_session, milliseconds
from schemas.events import SessionBeganEvent
from schemas.roles import Role
from tests.ledger.conftest import CALLER, Open, Parts

HASH, OTHER_HASH = (f"$argon2id$v=19$m=65536,t=3,p=4${each * 22}${each * 43}" for each in "ab")


@dataclass
class Clock:
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def users(parts: Parts, clock: Clock | None = None) -> Users:
    return Users(Feed(parts.control.id, parts.database), now=clock or Clock())


def logged_in(ledger: Ledger, name: str = "ada") -> Token:
    """A user with an open session."""
    drawn, now = draw_session(), datetime.now(UTC)
    ledger.handle(AddUser(user=name, role=Role.VIEWER), CALLER)
    ledger.handle(SetPassword(user=name, password_hash=HASH), CALLER)
    ledger.handle(
        BeginSession(
            user=name,
            session_id=drawn.id,
            session_hash=drawn.hash,
            password_hash=HASH,
            until=now + IDLE,
            expires_at=now + LASTING,
            address="127.0.0.1",
        ),
        CALLER,
    )
    return drawn


def test_a_session_names_its_user_and_is_no_token(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    drawn, known = logged_in(parts.ledger()), users(parts)
    found = known.session(drawn.text)

    assert found is not None
    assert (found[0].name, found[0].role, found[1].id) == ("ada", "viewer", drawn.id)
    assert known.who(drawn.text) is None
    assert known.session(f"rl_{drawn.id}_{drawn.secret}") is None
    assert known.session(f"rs_{drawn.id}_guess") is None


@pytest.mark.parametrize(
    "ending",
    [
        lambda _: DisableUser(user="ada"),
        lambda _: SetPassword(user="ada", password_hash=OTHER_HASH),
        lambda _: EndSessions(user="ADA"),
        lambda drawn: EndSessions(user="ada", session_id=drawn.id),
    ],
    ids=["disabled", "another-password", "everywhere", "logged-out"],
)
def test_a_session_is_over_for_good_as_soon_as_the_log_says_so(
    sqlite_parts: Open, ending: Callable[[Token], Command]
) -> None:
    parts = sqlite_parts()
    ledger, known = parts.ledger(), users(parts)
    drawn, other = logged_in(ledger), logged_in(ledger, "bob")
    assert known.session(drawn.text) is not None
    ledger.handle(ending(drawn), CALLER)
    ledger.handle(RenewSession(user="ada", session_id=drawn.id, until=datetime.now(UTC) + LASTING), CALLER)

    assert known.session(drawn.text) is None
    assert users(parts).session(drawn.text) is None
    assert known.session(other.text) is not None
    assert known.sessions("ada") == []


def test_who_is_added_again_has_neither_password_nor_session(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger, known = parts.ledger(), users(parts)
    drawn = logged_in(ledger)
    ledger.handle(DisableUser(user="ada"), CALLER)
    ledger.handle(AddUser(user="ada", role=Role.VIEWER), CALLER)
    ada = known.named("Ada")

    assert ada is not None
    assert (ada.disabled, ada.password_hash) == (False, None)
    assert known.session(drawn.text) is None


def test_a_session_that_is_not_used_is_over_and_one_that_is_goes_on_to_its_end(sqlite_parts: Open) -> None:
    parts, clock = sqlite_parts(), Clock()
    ledger, known = parts.ledger(), users(parts, clock)
    idle, used = logged_in(ledger), logged_in(ledger, "bob")
    late = datetime.now(UTC) + 2 * LASTING
    ledger.handle(RenewSession(user="bob", session_id=used.id, until=late), CALLER)
    clock.ahead = IDLE
    after_a_day = [known.session(each.text) is not None for each in (idle, used)]
    ledger.handle(RenewSession(user="bob", session_id=used.id, until=late), CALLER)
    clock.ahead = LASTING

    assert after_a_day == [False, True]
    assert known.session(used.text) is None


def test_lists_show_where_from_and_never_the_session(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    drawn, known = logged_in(parts.ledger()), users(parts)
    [listed] = known.sessions("ADA")

    assert (listed["session_id"], listed["address"], listed["agent"]) == (drawn.id, "127.0.0.1", None)
    assert drawn.secret not in str(listed)
    assert drawn.hash not in str(listed)
    assert "argon2" not in repr(known.named("ada"))


def test_a_password_that_changed_meanwhile_opens_nothing(sqlite_parts: Open) -> None:
    ledger = sqlite_parts().ledger()
    logged_in(ledger)
    ledger.handle(SetPassword(user="ada", password_hash=OTHER_HASH), CALLER)
    now, drawn = datetime.now(UTC), draw_session()
    begin = BeginSession(
        user="ada", session_id=drawn.id, session_hash=drawn.hash, password_hash=HASH, until=now, expires_at=now
    )

    with pytest.raises(RefusedError, match="log in again"):
        ledger.handle(begin, CALLER)


def test_a_session_is_renewed_at_half_of_its_idle_time_and_no_more_near_its_end() -> None:
    idle, now = timedelta(seconds=10), milliseconds(datetime.now(UTC))
    event = SessionBeganEvent(session_id="a" * 12, session_hash="a" * 64, until=now, expires_at=now + 60_000)
    session = OpenSession("user:u", event, now, now + 10_000)
    last = OpenSession("user:u", event, now, now + 60_000)

    assert [session.wants_renewal(now + past, idle) for past in (0, 4_999, 5_001)] == [False, False, True]
    assert not last.wants_renewal(now + 59_000, idle)
