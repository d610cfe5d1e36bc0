import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.email.identity import MailIds

_texts = st.text(st.characters(exclude_categories=()))


def test_ids_have_their_form() -> None:
    ids = MailIds.of("n-1", "run-1", "example.org")
    assert re.fullmatch(r"<n\.[0-9a-f]{32}@example\.org>", ids.message)
    assert re.fullmatch(r"<run\.[0-9a-f]{32}@example\.org>", ids.thread)
    assert ids.notification == "n-1"


@given(_texts, _texts, _texts)
def test_ids_are_short_ascii_tokens_whatever_they_are_made_of(notification: str, thread: str, domain: str) -> None:
    ids = MailIds.of(notification, thread, domain)
    for made in (ids.message, ids.thread):
        assert len(made) <= 70
        assert made.isascii()
        assert made.count("@") == 1
        assert not set(made[1:-1]) & set(' <>"\r\n\x00')
    assert ids == MailIds.of(notification, thread, domain)


@given(st.lists(_texts, min_size=2, max_size=2, unique=True))
def test_two_notifications_have_two_ids_and_one_thread(notifications: list[str]) -> None:
    first, second = (MailIds.of(name, "run-1", "example.org") for name in notifications)
    assert first.message != second.message
    assert first.thread == second.thread


@pytest.mark.parametrize(
    ("domain", "kept"),
    [
        ("Example.ORG", "example.org"),
        ("mail.eu-central.machines.department.example.org", "machines.department.example.org"),
        ("x" * 60, "runledger.invalid"),
        ("a b", "runledger.invalid"),
        ("żółw.pl", "runledger.invalid"),
        ("", "runledger.invalid"),
        ("..", "runledger.invalid"),
    ],
)
def test_the_domain_is_cut_at_its_front(domain: str, kept: str) -> None:
    assert MailIds.of("n", "t", domain).message.endswith(f"@{kept}>")
