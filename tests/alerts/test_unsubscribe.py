"""Links that end a subscription: they say what we put into them, and nobody else can make one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.email.headers import usable_url
from alerts.signing import Signer
from alerts.unsubscribe import Subscription, link, subscription_of, token_of

SIGNER = Signer("log-1", [b"k" * 32])
MARIA = Subscription("maria@example.org", "0b6f2f0e-6f0c-4d9e-9c53-1f8a3b6c2d10")

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=60)


@given(_text, _text)
def test_a_token_says_what_it_was_made_of(recipient: str, rule: str) -> None:
    subscription = Subscription(recipient, rule)
    assert subscription_of(SIGNER, token_of(SIGNER, subscription)) == subscription


def test_a_link_fits_into_a_header_whole_even_for_the_longest_address() -> None:
    longest = Subscription("ł" * 32 + "@" + ".".join(["d" * 60] * 3), MARIA.rule)
    for public_url in ("https://runs.example.org", "https://example.org/ledger/"):
        assert usable_url(link(SIGNER, public_url, longest))
    assert link(SIGNER, "https://x.org/", MARIA) == link(SIGNER, "https://x.org", MARIA)


def test_only_our_key_for_our_log_makes_a_token() -> None:
    token = token_of(SIGNER, MARIA)
    assert subscription_of(Signer("log-2", SIGNER.keys), token) is None
    assert subscription_of(Signer("log-1", [b"x" * 32]), token) is None
    assert subscription_of(Signer("log-1", [b"x" * 32, *SIGNER.keys]), token) == MARIA
    assert "kkk" not in repr(SIGNER)


def test_a_changed_token_is_none() -> None:
    token, chance = token_of(SIGNER, MARIA), random.Random(7)
    other = token_of(SIGNER, Subscription("eve@example.org", MARIA.rule))
    assert subscription_of(SIGNER, f"{other.partition('.')[0]}.{token.partition('.')[2]}") is None
    for _ in range(300):
        place = chance.randrange(len(token) - 1)  # the last character holds bits that count for nothing
        changed = token[:place] + chance.choice("abcXYZ019-_.") + token[place + 1 :]
        assert changed == token or subscription_of(SIGNER, changed) is None


@pytest.mark.parametrize(
    "token", ["", ".", "a", "a.b", "a" * 3_000, "ł.ł", "%00.x", "=.=", token_of(SIGNER, MARIA)[:-3]]
)
def test_what_is_no_token_is_none(token: str) -> None:
    assert subscription_of(SIGNER, token) is None


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(token: str) -> None:
    assert subscription_of(SIGNER, token) is None
