"""Who a token belongs to, as soon as the log says so, and no longer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ledger.application.handling import Ledger
from ledger.commands import AddUser, ChangeUser, CreateExperiment, DisableUser, IssueToken, RevokeToken
from ledger.errors import ForbiddenError
from ledger.feed import Feed
from ledger.logs.genesis import rfc3339
from ledger.logs.log import chain
from ledger.users.directory import User, Users
from ledger.users.rights import Right, check_right, right_for
from ledger.users.tokens import Token, draw_token
from schemas.events import Event, TokenIssuedEvent, TokenRevokedEvent
from schemas.records import Envelope
from schemas.roles import Role
from tests.ledger.conftest import CALLER, Open, Parts

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass
class Clock:
    moment: datetime = NOW

    def __call__(self) -> datetime:
        return self.moment


def users(parts: Parts, clock: Clock | None = None) -> Users:
    return Users(Feed(parts.control.id, parts.database), now=clock or Clock())


def added(ledger: Ledger, name: str, role: Role = Role.CONTRIBUTOR, expires_at: datetime | None = None) -> Token:
    """A user with a token."""
    token = draw_token()
    ledger.handle(AddUser(user=name, role=role, email=f"{name}@example.org"), CALLER)
    ledger.handle(
        IssueToken(user=name, token_id=token.id, token_hash=token.hash, expires_at=expires_at, label="laptop"), CALLER
    )
    return token


def test_a_token_names_its_user_until_it_is_revoked(parts: Parts) -> None:
    ledger, known = parts.ledger(), users(parts)
    assert known.is_open()
    ada, bob = added(ledger, "ada", Role.ADMIN), added(ledger, "bob")

    assert known.who(ada.text) == User("ada", "admin", "ada@example.org")
    assert known.who(bob.text) == User("bob", "contributor", "bob@example.org")
    ledger.handle(RevokeToken(user="bob", token_id=bob.id), CALLER)
    assert known.who(bob.text) is None
    assert known.who(ada.text) is not None
    assert not known.is_open()


def test_another_server_knows_a_revocation_once_it_has_read_it(open_parts: Open) -> None:
    here, there = open_parts(), open_parts()
    ledger, known = here.ledger(), users(there)
    token = added(ledger, "ada")
    there.control.catch_up()
    before = known.who(token.text)
    ledger.handle(RevokeToken(user="ada", token_id=token.id), CALLER)
    there.control.catch_up()

    assert before is not None
    assert known.who(token.text) is None


@pytest.mark.parametrize(
    "wrong", ["", "rl_", "x", "rl_ffffffffffff_secret", "{id}", "rl_{id}_", "rl_{id}_x{secret}", "rl_{id}_ü"]
)
def test_what_is_no_token_names_nobody(sqlite_parts: Open, wrong: str) -> None:
    parts = sqlite_parts()
    token = added(parts.ledger(), "ada")

    assert users(parts).who(wrong.format(id=token.id, secret=token.secret)) is None


def test_a_token_ends_when_it_says(sqlite_parts: Open) -> None:
    parts, clock = sqlite_parts(), Clock()
    token = added(parts.ledger(), "ada", expires_at=NOW + timedelta(days=30))
    known = users(parts, clock)
    before = known.who(token.text)
    clock.moment += timedelta(days=30)

    assert before is not None
    assert known.who(token.text) is None
    assert [each["state"] for each in known.tokens()] == ["expired"]


def test_a_disabled_user_gets_in_again_with_a_new_token_alone(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger, known = parts.ledger(), users(parts)
    old = added(ledger, "ada", Role.ADMIN)
    ledger.handle(DisableUser(user="ada"), CALLER)
    between = (known.who(old.text), known.has_admin())
    new = added(ledger, "ada", Role.VIEWER)

    assert between == (None, False)
    assert (known.who(old.text), known.who(new.text)) == (None, User("ada", "viewer", "ada@example.org"))


def test_a_change_of_role_counts_at_once(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    known, token = users(parts), added(parts.ledger(), "ada")
    assert known.who(token.text) is not None
    parts.ledger().handle(ChangeUser(user="ada", role=Role.VIEWER), CALLER)

    assert known.who(token.text) == User("ada", "viewer", "ada@example.org")


def test_lists_name_everything_but_the_tokens(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    token = added(parts.ledger(), "ada")
    known = users(parts)
    [listed] = known.tokens()

    assert (listed["token_id"], listed["user"], listed["role"], listed["label"]) == (
        token.id,
        "ada",
        "contributor",
        "laptop",
    )
    assert (listed["state"], listed["issued_by"], listed["expires_at"]) == ("valid", "tester", None)
    assert known.users() == [
        {"user": "ada", "role": "contributor", "email": "ada@example.org", "disabled": False, "password": False}
    ]
    assert token.secret not in str(listed)
    assert token.hash not in str(listed)


def test_a_new_reader_knows_what_an_old_one_learned_step_by_step(sqlite_parts: Open) -> None:
    parts = sqlite_parts()
    ledger, old = parts.ledger(), users(parts)
    tokens = []
    for number in range(12):
        tokens.append(added(ledger, f"u{number}", list(Role)[number % 3]))
        ledger.handle(CreateExperiment(name=f"e{number}"), CALLER)
        if number % 4 == 1:
            ledger.handle(RevokeToken(user=f"u{number}", token_id=tokens[-1].id), CALLER)
        if number % 4 == 2:
            ledger.handle(DisableUser(user=f"u{number - 1}"), CALLER)
        old.who("rl_a_b")
    new = users(parts)

    assert new.users() == old.users()
    assert new.tokens() == old.tokens()
    assert [new.who(each.text) for each in tokens] == [old.who(each.text) for each in tokens]


def test_nothing_is_read_when_nothing_is_new(sqlite_parts: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = sqlite_parts()
    token, known = added(parts.ledger(), "ada"), users(parts)
    assert known.who(token.text) is not None
    monkeypatch.setattr(Feed, "of_types", None)

    assert known.who(token.text) is not None


def test_a_token_under_an_id_that_is_taken_does_not_replace_it(sqlite_parts: Open) -> None:
    """Ids of two users' tokens may be alike only if somebody made them so."""
    parts = sqlite_parts()
    ledger, known = parts.ledger(), users(parts)
    ada, bob = added(ledger, "ada"), added(ledger, "bob")
    rival = Token(ada.id, "guess")
    ledger.handle(IssueToken(user="bob", token_id=ada.id, token_hash=rival.hash), CALLER)
    ledger.handle(RevokeToken(user="bob", token_id=ada.id), CALLER)

    assert known.who(rival.text) is None
    assert [known.who(each.text) is not None for each in (ada, bob)] == [True, True]


def test_a_token_of_nobody_lets_nobody_in(sqlite_parts: Open) -> None:
    parts, token = sqlite_parts(), draw_token()
    stream = f"user:{uuid4()}"
    append(
        parts, stream, TokenRevokedEvent(token_id=token.id), TokenIssuedEvent(token_id=token.id, token_hash=token.hash)
    )
    known = users(parts)

    assert known.who(token.text) is None
    assert not known.is_open()
    assert [each["user"] for each in known.tokens()] == [None]


def append(parts: Parts, stream: str, *events: Event) -> None:
    envelopes = [
        Envelope(stream, seq, "", str(uuid4()), "//test", event.type_name(), rfc3339(NOW), "stranger", event.to_value())
        for seq, event in enumerate(events, 1)
    ]
    parts.control.append(chain(parts.control.id, envelopes))


def test_each_role_has_its_rights_and_a_refusal_names_what_lacks() -> None:
    add = AddUser(user="ada", role=Role.VIEWER)

    assert (right_for(add), right_for(CreateExperiment(name="e"))) == (Right.ADMIN, Right.WRITE)
    for role, right in [
        ("admin", Right.ADMIN),
        ("contributor", Right.WRITE),
        ("contributor", Right.READ),
        ("viewer", Right.READ),
    ]:
        check_right("ada", role, right)
    for role, right in [("contributor", Right.ADMIN), ("viewer", Right.WRITE), ("owner", Right.READ), ("", Right.READ)]:
        with pytest.raises(ForbiddenError, match=right) as caught:
            check_right("ada", role, right)
        assert caught.value.right == right
