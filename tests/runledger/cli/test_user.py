"""`runledger user add` and `runledger user password`."""

import io
import sys
from pathlib import Path

import pytest

from ledger.users.passwords import is_password
from runledger.wiring import embedded_workspace
from tests.runledger.cli.calling import Called, call

GOOD = "correct horse battery"


def with_password(monkeypatch: pytest.MonkeyPatch, typed: str, *words: object) -> Called:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return call("user", *words, "--password-stdin")


def kept(folder: Path, name: str) -> str | None:
    with embedded_workspace(str(folder)) as parts:
        found = parts.users.named(name)
        assert found is not None
        return found.password_hash


def test_a_user_is_added_with_a_password_that_nobody_is_shown(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = with_password(monkeypatch, f"{GOOD}\n", "add", "ada", "--role", "viewer", "-w", empty)
    tail = call("events", "tail", "-w", empty).out
    table = call("events", "tail", "-w", empty, "-o", "table").out

    assert (added.code, added.json) == (
        0,
        {"user": "ada", "role": "viewer", "email": None, "disabled": False, "password": True},
    )
    assert is_password(GOOD, kept(empty, "ada"))
    assert "user.password-set" in tail
    for shown in (added.out, added.err, tail, table, call("user", "list", "-w", empty).out):
        assert GOOD not in shown
        assert "argon2" not in shown


@pytest.mark.parametrize("typed", ["short\n", "\n", "", f"{'a' * 20}\n"])
def test_a_bad_password_leaves_no_half_of_a_user(empty: Path, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    done = with_password(monkeypatch, typed, "add", "ada", "-w", empty)

    assert done.code == 4
    assert "password" in done.err
    assert call("user", "list", "-w", empty).json == []


def test_without_a_terminal_a_user_is_added_without_a_password_and_told_how_to_get_one(empty: Path) -> None:
    done = call("user", "add", "ada", "-w", empty)

    assert (done.code, done.json["role"], done.json["password"]) == (0, "contributor", False)
    assert "runledger user password ada" in done.err
    assert kept(empty, "ada") is None


def test_a_password_is_set_anew(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("user", "add", "ada", "-w", empty)
    without = call("user", "password", "ada", "-w", empty)
    done = with_password(monkeypatch, GOOD, "password", "ADA", "-w", empty)
    nobody = with_password(monkeypatch, GOOD, "password", "bob", "-w", empty)

    assert (without.code, "--password-stdin" in without.err) == (2, True)
    assert (done.code, done.json["password"]) == (0, True)
    assert is_password(GOOD, kept(empty, "ada"))
    assert nobody.code == 3
    assert "runledger user add bob" in nobody.err


def test_a_role_goes_by_its_name_of_before_in_no_new_command(empty: Path) -> None:
    assert call("user", "add", "ada", "--role", "owner", "-w", empty).code == 2
    assert call("user", "add", "ada", "--role", "writer", "-w", empty).code == 2


def test_a_user_is_logged_out_everywhere(empty: Path) -> None:
    call("user", "add", "ada", "-w", empty)

    assert call("user", "logout", "ada", "-w", empty).code == 0
    assert call("user", "logout", "bob", "-w", empty).code == 3
