"""What pages do about users, passwords, tokens and sessions: each call as its visitor may."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.application.handling import Caller
from ledger.commands import AddUser, DisableUser, SetPassword
from ledger.errors import ForbiddenError, InvalidNameError, NotReadyError, RefusedError
from ledger.users import passwords
from ledger.users.sessions import IDLE
from ledger.users.tokens import Token
from runledger.liveness import liveness_of
from runledger.server import logins as module
from runledger.server.accounts import Accounts
from runledger.server.arrival import Arrival
from runledger.server.cookies import SESSION, Cookie
from runledger.server.csrf import csrf_of
from runledger.server.desk import Desk
from runledger.server.guard import Guard, Visitor
from runledger.server.logins import LoginError, Logins
from runledger.server.metrics import Metrics
from runledger.wiring import Embedded, embedded_workspace, make_workspace
from schemas.errors import LedgerError
from schemas.events import LoginRefusedEvent, SessionRenewedEvent
from schemas.roles import Role
from tests.runledger.server.cheap import HASH, PASSWORD

NEW = "another horse battery"
HERE = Arrival("127.0.0.1", "http", "localhost:5470", proxied=False)
SERVER = Caller("server", "//here")


class House:
    """A workspace with an admin and a viewer, both with a password, and what serves them."""

    def __init__(self, parts: Embedded) -> None:
        self.parts = parts
        self.ahead = timedelta()
        self.seconds = 0.0
        self.lagging: LedgerError | None = None
        self.logins = Logins(
            parts.ledger, parts.users, SERVER, lambda: self.lagging, now=self.now, clock=lambda: self.seconds
        )
        self.guard = Guard(parts.users, SERVER, loopback=True, in_use=self.logins.in_use)
        metrics = Metrics(parts.feed.last_position, liveness_of(parts, {}))
        self.accounts = Accounts(Desk(parts, lambda: self.lagging, metrics))
        for name, role in (("ada", Role.ADMIN), ("vera", Role.VIEWER)):
            parts.client.execute(AddUser(user=name, role=role))
            parts.client.execute(SetPassword(user=name, password_hash=HASH))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def logged_in(self, name: str, password: str = PASSWORD) -> tuple[Token, Visitor]:
        token = asyncio.run(self.logins.log_in(name, password, HERE))
        return token, self.visitor(token)

    def visitor(self, token: Token) -> Visitor:
        cookie = f"{Cookie(SESSION, HERE).name}={token.text}".encode()
        return self.guard.visitor([(b"cookie", cookie)], HERE)

    def events(self, kind: type) -> list[Any]:
        return [found.event for found in self.parts.feed.after(0, 1_000) if isinstance(found.event, kind)]

    def write_once(self) -> None:
        stop = asyncio.Event()
        stop.set()
        asyncio.run(self.logins.run(stop))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    make_workspace(tmp_path, log=None)
    with embedded_workspace(str(tmp_path)) as parts:
        yield House(parts)


def test_an_admin_adds_changes_and_disables_users(house: House) -> None:
    _, ada = house.logged_in("ada")
    house.accounts.add_user(ada, "bob", Role.CONTRIBUTOR, email="bob@example.org", password=PASSWORD)
    _, bob = house.logged_in("bob")
    house.accounts.change_user(ada, "bob", role=Role.VIEWER)
    house.accounts.set_password(ada, "bob", NEW)
    listed = {each["user"]: each for each in house.accounts.users(ada)}
    house.logged_in("bob", NEW)
    house.accounts.disable_user(ada, "bob")

    assert (listed["bob"]["role"], listed["bob"]["password"], bob.role) == ("viewer", True, "contributor")
    assert "argon2" not in str(listed)
    with pytest.raises(LoginError):
        house.logged_in("bob", NEW)


def test_a_password_that_is_not_taken_adds_no_user(house: House) -> None:
    _, ada = house.logged_in("ada")
    with pytest.raises(InvalidNameError, match="characters"):
        house.accounts.add_user(ada, "bob", Role.VIEWER, password="short")

    assert [each["user"] for each in house.accounts.users(ada)] == ["ada", "vera"]


def test_the_last_admin_stays(house: House) -> None:
    _, ada = house.logged_in("ada")
    with pytest.raises(RefusedError, match="last admin"):
        house.accounts.disable_user(ada, "ADA")
    with pytest.raises(RefusedError, match="last admin"):
        house.accounts.change_user(ada, "ada", role=Role.VIEWER)
    house.accounts.change_user(ada, "vera", role=Role.ADMIN)
    house.accounts.disable_user(ada, "ada")

    assert {each["user"]: each["disabled"] for each in house.parts.users.users()} == {"ada": True, "vera": False}


def test_users_are_for_admins(house: House) -> None:
    _, vera = house.logged_in("vera")
    refused = (
        lambda: house.accounts.users(vera),
        lambda: house.accounts.tokens(vera),
        lambda: house.accounts.add_user(vera, "eve", Role.ADMIN),
        lambda: house.accounts.change_user(vera, "vera", role=Role.ADMIN),
        lambda: house.accounts.disable_user(vera, "ada"),
        lambda: house.accounts.set_password(vera, "ada", NEW),
        lambda: house.accounts.log_out_user(vera, "ada"),
        lambda: house.accounts.revoke_token(vera, "0123456789ab", owner="ada"),
    )
    for call in refused:
        with pytest.raises(ForbiddenError, match="admin"):
            call()


def test_everybody_makes_and_revokes_tokens_of_his_own_that_may_what_he_may(house: House) -> None:
    (_, vera), (_, ada) = house.logged_in("vera"), house.logged_in("ada")
    text = house.accounts.make_token(vera, label="laptop", lasting=timedelta(days=1))
    before = house.parts.users.who(text)
    house.accounts.change_user(ada, "vera", role=Role.CONTRIBUTOR)
    after = house.parts.users.who(text)
    [listed] = house.accounts.my_tokens(vera)
    house.accounts.revoke_token(vera, listed["token_id"])

    assert before is not None
    assert after is not None
    assert (before.role, after.role) == ("viewer", "contributor")
    assert (listed["label"], listed["issued_by"], listed["state"]) == ("laptop", "vera", "valid")
    assert text.rpartition("_")[2] not in str(listed)
    assert house.parts.users.who(text) is None
    assert house.accounts.my_tokens(ada) == []


def test_a_token_makes_no_tokens(house: House) -> None:
    """Who has stolen one is out when it is revoked."""
    _, vera = house.logged_in("vera")
    text = house.accounts.make_token(vera)
    by_token = house.guard.visitor([(b"authorization", f"Bearer {text}".encode())], HERE)

    for call in (house.accounts.make_token, house.accounts.my_tokens, house.accounts.end_session):
        with pytest.raises(ForbiddenError, match="log in with a password"):
            call(by_token)


def test_everybody_sees_and_ends_sessions_of_his_own(house: House) -> None:
    (_, here), (there_token, there) = house.logged_in("vera"), house.logged_in("vera")
    listed = house.accounts.my_sessions(here)
    house.accounts.end_session(here, there.session)

    assert [each["current"] for each in listed] == [True, False]
    assert house.parts.users.session(there_token.text) is None
    assert len(house.accounts.my_sessions(here)) == 1
    house.accounts.end_session(here)
    assert house.parts.users.sessions("vera") == []


def test_a_password_is_changed_by_who_knows_it_and_other_browsers_are_out(house: House) -> None:
    (token, vera), (other, _) = house.logged_in("vera"), house.logged_in("vera")
    with pytest.raises(LoginError):
        asyncio.run(house.logins.change_password(vera, "wrong horse battery", NEW, HERE))
    with pytest.raises(InvalidNameError):
        asyncio.run(house.logins.change_password(vera, PASSWORD, "short", HERE))
    again = asyncio.run(house.logins.change_password(vera, PASSWORD, NEW, HERE))

    assert [house.parts.users.session(each.text) is not None for each in (token, other, again)] == [False, False, True]
    house.logged_in("vera", NEW)


def test_who_is_not_there_is_told_the_same_and_costs_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a log-in is that of its check, which every one has, whoever is named."""
    house.parts.client.execute(DisableUser(user="vera"))
    checked: list[bool] = []

    def check(password: str, kept: str | None) -> bool:
        checked.append(kept is None)
        return passwords.is_password(password, kept)

    monkeypatch.setattr(module, "is_password", check)
    texts = set()
    for name in ("ada", "vera", "nobody", "", "\x00", "a" * 10_000):
        with pytest.raises(LoginError) as caught:
            house.logged_in(name, "wrong horse battery")
        texts.add(str(caught.value))

    assert checked == [False, True, True, True, True, True]
    assert texts == {"the name or the password is wrong"}


def test_a_pause_counts_for_the_right_password_too_and_ends(house: House) -> None:
    for _ in range(5):
        with pytest.raises(LoginError):
            house.logged_in("vera", "wrong horse battery")
    with pytest.raises(LoginError) as caught:
        house.logged_in("VERA")
    assert caught.value.wait_seconds == 1
    house.logged_in("ada")
    house.seconds += 1
    house.logged_in("vera")
    house.write_once()

    refused = house.events(LoginRefusedEvent)
    assert {(each.user_name, each.why): each.count for each in refused} == {
        ("vera", "password"): 5,
        ("vera", "throttled"): 1,
    }


def test_a_crowd_waits_at_the_door_and_not_in_the_house(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more checks run at once than on half of the cores, and who comes to a long queue is sent away."""
    lock, running, most = threading.Lock(), 0, 0

    def check(_: str, __: str | None) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        return False

    async def crowd() -> list[object]:
        asked = (house.logins.log_in(f"user{number}", PASSWORD, HERE) for number in range(100))
        return list(await asyncio.gather(*asked, return_exceptions=True))

    monkeypatch.setattr(module, "is_password", check)
    refused = [each for each in asyncio.run(crowd()) if isinstance(each, LoginError)]

    assert len(refused) == 100
    assert sum(each.wait_seconds > 0 for each in refused) == 70
    assert 1 <= most <= max(1, (os.cpu_count() or 1) // 2)


def test_a_session_that_is_used_goes_on_and_writes_little(house: House) -> None:
    token, _ = house.logged_in("vera")
    for _ in range(50):
        house.visitor(token)
    house.write_once()
    before = len(house.events(SessionRenewedEvent))
    house.ahead = IDLE * 0.6
    for _ in range(50):
        house.visitor(token)
    house.write_once()
    renewed = house.events(SessionRenewedEvent)

    assert (before, len(renewed)) == (0, 1)


def test_what_cannot_be_recorded_now_is_recorded_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoginError):
        house.logged_in("vera", "wrong horse battery")
    with monkeypatch.context() as patched:

        def unavailable(*_: object) -> None:
            raise NotReadyError("gone")

        patched.setattr(house.parts.ledger, "note_refused_logins", unavailable)
        house.write_once()
    assert house.events(LoginRefusedEvent) == []
    house.write_once()

    assert [each.count for each in house.events(LoginRefusedEvent)] == [1]


def test_a_server_that_lags_lets_nobody_in(house: House) -> None:
    house.lagging = NotReadyError("behind")
    with pytest.raises(NotReadyError):
        house.logged_in("vera")


def test_the_forms_token_belongs_to_the_session(house: House) -> None:
    (first, vera), (second, again) = house.logged_in("vera"), house.logged_in("vera")

    assert vera.csrf == csrf_of(first.text) != again.csrf == csrf_of(second.text)
    assert first.secret not in vera.csrf
