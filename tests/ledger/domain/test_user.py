"""The User aggregate: who may use a server, with which tokens, and what is refused."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from ledger.application.handling import Caller
from ledger.commands import AddUser, ChangeUser, DisableUser, IssueToken, RevokeToken
from ledger.domain.user import OfferedSession, User
from ledger.errors import InvalidNameError, LimitExceededError, RefusedError, TokenNotFoundError, UserNotFoundError
from ledger.users.tokens import draw_token, token_from
from schemas.events import (
    Encrypted,
    Event,
    SessionBeganEvent,
    SessionEndedEvent,
    SessionRenewedEvent,
    TokenIssuedEvent,
    TokenRevokedEvent,
    UserAddedEvent,
    UserChangedEvent,
    UserDisabledEvent,
    UserPasswordSetEvent,
)
from schemas.roles import Role
from schemas.streams import user_stream
from tests.ledger.conftest import Parts
from tests.ledger.domain import specification
from tests.ledger.domain.specification import then_refused, when

STREAM = user_stream("6d3c1a4e-8a0b-4f0c-9a54-0b9b3c1e7a11", "maria")
ADDED = UserAddedEvent(user_name="maria", role="contributor", email="maria@example.org")
HASH, OTHER_HASH = "a" * 64, "b" * 64
ID = "0123456789ab"
ISSUED = TokenIssuedEvent(token_id=ID, token_hash=HASH)


def user(*events: Event) -> User:
    return cast("User", specification.given(STREAM, *events))


def issue(it: User, **fields: Any) -> None:
    asked = {"token_id": ID, "token_hash": HASH, "label": None, "expires_at": None} | fields
    it.issue("maria", **asked)


def test_a_user_is_added_once() -> None:
    assert when(user(), lambda it: it.add("maria", Role.CONTRIBUTOR, "maria@example.org")) == [ADDED]
    assert when(user(ADDED), lambda it: it.add("maria", Role.CONTRIBUTOR, None)) == []
    then_refused(user(ADDED), lambda it: it.add("maria", Role.ADMIN, None), RefusedError, "maria", "contributor")
    then_refused(user(ADDED), lambda it: it.add("maria", Role.CONTRIBUTOR, "m@example.org"), RefusedError, "maria@")


def test_role_and_address_change_by_themselves() -> None:
    changed = [UserChangedEvent(user_name="maria", role="admin", email="maria@example.org")]
    cleared = [UserChangedEvent(user_name="maria", role="contributor")]

    assert when(user(ADDED), lambda it: it.change("maria", Role.ADMIN, None)) == changed
    assert when(user(ADDED), lambda it: it.change("maria", None, "")) == cleared
    assert when(user(ADDED), lambda it: it.change("maria", Role.CONTRIBUTOR, "maria@example.org")) == []


def test_disabling_voids_every_token_for_good() -> None:
    disabled = user(ADDED, ISSUED, UserDisabledEvent())

    assert when(user(ADDED), lambda it: it.disable("maria")) == [UserDisabledEvent()]
    assert when(disabled, lambda it: it.disable("maria")) == []
    then_refused(disabled, issue, RefusedError, "disabled")
    then_refused(disabled, lambda it: it.change("maria", Role.ADMIN, None), RefusedError, "disabled")
    assert user(ADDED, ISSUED, UserDisabledEvent(), ADDED).tokens[ID].revoked


def test_who_was_disabled_may_be_added_again_in_another_role() -> None:
    again = when(user(ADDED, UserDisabledEvent()), lambda it: it.add("MARIA", Role.VIEWER, None))

    assert again == [UserAddedEvent(user_name="maria", role="viewer")]
    assert not user(ADDED, UserDisabledEvent(), *again).disabled


def test_a_token_is_issued_once_and_revoked_once() -> None:
    assert when(user(ADDED), issue) == [ISSUED]
    assert when(user(ADDED, ISSUED), issue) == []
    then_refused(user(ADDED, ISSUED), lambda it: issue(it, token_hash=OTHER_HASH), RefusedError, "already")
    revoked = [TokenRevokedEvent(token_id=ID)]
    assert when(user(ADDED, ISSUED), lambda it: it.revoke("maria", ID)) == revoked
    assert when(user(ADDED, ISSUED, *revoked), lambda it: it.revoke("maria", ID)) == []


def test_a_token_may_end_and_have_a_label() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    [event] = when(user(ADDED), lambda it: issue(it, label="laptop", expires_at=moment))

    assert isinstance(event, TokenIssuedEvent)
    assert (event.label, event.expires_at) == ("laptop", 1_893_456_000_000)


def test_nobody_and_nothing_are_not_found() -> None:
    then_refused(user(), issue, UserNotFoundError, "maria", "user add")
    then_refused(user(), lambda it: it.disable("maria"), UserNotFoundError, "maria")
    then_refused(user(), lambda it: it.change("maria", Role.ADMIN, None), UserNotFoundError, "maria")
    then_refused(user(), lambda it: it.revoke("maria", ID), UserNotFoundError, "maria")
    then_refused(user(ADDED), lambda it: it.revoke("maria", "ffffffffffff"), TokenNotFoundError, "ffffffffffff")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"token_id": "short"}, InvalidNameError),
        ({"token_id": "With_mark0"}, InvalidNameError),
        ({"token_hash": "A" * 64}, InvalidNameError),
        ({"token_hash": "rl_0123456789ab_secret"}, InvalidNameError),
        ({"label": "a\x1b[2J"}, InvalidNameError),
        ({"label": "x" * 201}, LimitExceededError),
    ],
)
def test_what_is_no_token_is_refused(fields: dict[str, Any], error: type[Exception]) -> None:
    then_refused(user(ADDED), lambda it: issue(it, **fields), error)


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", ".", "a\n", "a:b", "ada\x00", "x" * 101])
def test_a_name_that_cannot_be_an_actor_is_refused(name: str) -> None:
    then_refused(user(), lambda it: it.add(name, Role.CONTRIBUTOR, None), InvalidNameError, "user name")


def test_an_address_that_cannot_be_mailed_is_refused() -> None:
    then_refused(user(), lambda it: it.add("maria", Role.CONTRIBUTOR, "maria"), InvalidNameError, "name@host")
    then_refused(user(ADDED), lambda it: it.change("maria", None, "a b@c"), InvalidNameError)


PASSWORD, OTHER_PASSWORD = (f"$argon2id$v=19$m=65536,t=3,p=4${each * 22}${each * 43}" for each in "ab")
PASSWORD_SET = UserPasswordSetEvent(password_hash=PASSWORD)
BEGAN = SessionBeganEvent(session_id=ID, session_hash=HASH, until=5, expires_at=9)
OFFERED = OfferedSession(ID, HASH, until=5, expires_at=9)


def test_a_password_is_set_as_its_hash_alone() -> None:
    assert when(user(ADDED), lambda it: it.set_password("maria", PASSWORD)) == [PASSWORD_SET]
    assert when(user(ADDED, PASSWORD_SET), lambda it: it.set_password("maria", PASSWORD)) == []
    then_refused(user(), lambda it: it.set_password("maria", PASSWORD), UserNotFoundError)
    then_refused(user(ADDED, UserDisabledEvent()), lambda it: it.set_password("maria", PASSWORD), RefusedError)


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery",
        PASSWORD.replace("argon2id", "argon2i"),
        PASSWORD.replace("m=65536", "m=1024"),
        PASSWORD.replace("m=65536", "m=4000000"),
        PASSWORD.replace("t=3", "t=99"),
        PASSWORD.replace("p=4", "p=99"),
        PASSWORD + "\n",
        "",
    ],
)
def test_what_is_no_hash_or_a_costly_one_is_refused(text: str) -> None:
    then_refused(user(ADDED), lambda it: it.set_password("maria", text), InvalidNameError, "Argon2id")


def test_a_session_begins_with_the_password_of_now_alone() -> None:
    able = user(ADDED, PASSWORD_SET)

    assert when(able, lambda it: it.begin_session(OFFERED, PASSWORD)) == [BEGAN]
    for refused in (
        user(ADDED),
        user(ADDED, PASSWORD_SET, UserPasswordSetEvent(password_hash=OTHER_PASSWORD)),
        user(ADDED, PASSWORD_SET, UserDisabledEvent()),
        user(ADDED, PASSWORD_SET, UserDisabledEvent(), ADDED),
    ):
        then_refused(refused, lambda it: it.begin_session(OFFERED, PASSWORD), RefusedError, "log in again")


@pytest.mark.parametrize(
    "ending",
    [
        UserDisabledEvent(),
        UserPasswordSetEvent(password_hash=OTHER_PASSWORD),
        SessionEndedEvent(),
        SessionEndedEvent(session_id=ID),
    ],
)
def test_a_session_that_is_over_is_not_renewed(ending: Event) -> None:
    renewed = [SessionRenewedEvent(session_id=ID, until=7)]

    assert when(user(ADDED, PASSWORD_SET, BEGAN), lambda it: it.renew_session(ID, 7)) == renewed
    assert when(user(ADDED, PASSWORD_SET, BEGAN, ending), lambda it: it.renew_session(ID, 7)) == []


def test_a_user_logs_out_of_one_session_or_of_all() -> None:
    inside = (ADDED, PASSWORD_SET, BEGAN)

    assert when(user(*inside), lambda it: it.end_sessions("maria", ID)) == [SessionEndedEvent(session_id=ID)]
    assert when(user(*inside), lambda it: it.end_sessions("maria", None)) == [SessionEndedEvent()]
    assert when(user(*inside), lambda it: it.end_sessions("maria", "another")) == []
    assert when(user(ADDED), lambda it: it.end_sessions("maria", None)) == []
    then_refused(user(), lambda it: it.end_sessions("maria", None), UserNotFoundError)


def test_what_a_browser_says_of_itself_is_cut_to_a_bearable_length() -> None:
    offered = OfferedSession(ID, HASH, until=99, expires_at=9, address="::1", agent="Mozilla\x00" + "x" * 300)
    [began] = when(user(ADDED, PASSWORD_SET), lambda it: it.begin_session(offered, PASSWORD))

    assert isinstance(began, SessionBeganEvent)
    assert (began.until, began.address) == (9, "::1")
    assert began.agent == "Mozilla\ufffd" + "x" * 192


def test_roles_of_before_are_read_as_those_of_today() -> None:
    assert user(UserAddedEvent(user_name="maria", role="writer")).role == Role("writer") == Role.CONTRIBUTOR
    assert user(UserAddedEvent(user_name="maria", role="reader")).role == Role("reader") == Role.VIEWER


def test_events_of_strangers_in_any_order_fold() -> None:
    name = Encrypted.of("k", "n", "c")
    strange = user(TokenRevokedEvent(token_id=ID), UserDisabledEvent(), ISSUED, UserAddedEvent(user_name=name, role=""))

    assert (strange.name, strange.role, strange.disabled) == ("(encrypted)", "", False)


def test_users_are_commanded_like_runs_in_any_case_of_letters(parts: Parts) -> None:
    ledger, caller, token = parts.ledger(), Caller("root", "//test"), draw_token()
    add = AddUser(user="Ada.Lovelace@example.org", role=Role.VIEWER)
    first = ledger.handle(add, caller)

    assert ledger.handle(add, caller).position == first.position
    assert not ledger.handle(AddUser(user="ADA.LOVELACE@EXAMPLE.ORG", role=Role.VIEWER), caller).changed
    issued = IssueToken(user="ada.lovelace@example.org", token_id=token.id, token_hash=token.hash)
    assert ledger.handle(issued, caller).changed
    assert ledger.handle(ChangeUser(user="Ada.Lovelace@example.org", role=Role.ADMIN), caller).changed
    assert ledger.handle(RevokeToken(user="Ada.Lovelace@example.org", token_id=token.id), caller).changed
    assert ledger.handle(DisableUser(user="Ada.Lovelace@example.org"), caller).changed
    with pytest.raises(InvalidNameError, match="user name"):
        ledger.handle(DisableUser(user="a b"), caller)
    stored = b"".join(event.envelope.value for event in parts.database.events_after(0, limit=100))
    assert token.secret.encode() not in stored


def test_tokens_are_long_and_never_alike() -> None:
    drawn = [draw_token() for _ in range(100)]

    assert len({token.id for token in drawn}) == len({token.secret for token in drawn}) == 100
    assert all(len(token.secret) >= 43 for token in drawn)
    assert all(token_from(token.text) == token for token in drawn)
    assert token_from("rl_") is token_from("rl__x") is token_from("xx_a_b") is token_from("rl_a_") is None
