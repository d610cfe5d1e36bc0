"""Passwords: which are taken, and what is kept of them."""

import pytest

from ledger.errors import InvalidNameError
from ledger.users.passwords import check_password, check_password_hash, hash_of, is_password


def test_a_password_is_known_by_its_hash_however_its_letters_are_composed() -> None:
    kept = hash_of("zażółć gęślą jaźń")
    check_password_hash(kept)

    assert kept.startswith("$argon2id$")
    assert is_password("zaz\u0307o\u0301łc\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301", kept)
    assert not is_password("zazolc gesla jazn", kept)
    assert hash_of("zażółć gęślą jaźń") != kept


def test_nobodys_password_is_never_right() -> None:
    assert not is_password("", None)
    assert not is_password("anything at all", None)


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 12, "abababababab", "y" * 129, "ada.lovelace@x", "nul\x00" * 4]
)
def test_what_is_easily_guessed_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        check_password(password, "Ada.Lovelace@x")
    assert not password or password not in str(caught.value)


def test_a_long_password_of_any_kind_is_taken() -> None:
    check_password("correct horse battery staple", "ada")
    check_password("пароль из двенадцати", "ada")
