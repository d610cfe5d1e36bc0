"""What a mail that came back says, and whom it is believed."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.bounces.judging import BounceJudge
from alerts.bounces.report import Verdict, read_report
from alerts.bounces.returning import LONGEST_LOCAL, return_address, returned_in, why_no_bounce_address
from alerts.signing import Signer
from schemas.addresses import why_no_address
from tests.alerts.bounces.reports import USER_UNKNOWN, report, vacation
from tests.alerts.story import MARIA

SIGNER = Signer(str(UUID(int=7)), [b"k" * 32])
OTHER = Signer(str(UUID(int=7)), [b"x" * 32])
ID = "0123456789abcdef0123456789abcdef"
BACK = return_address(SIGNER, "bounces@example.org", ID)
REPORT = report(BACK)
JUDGE = BounceJudge(lambda: SIGNER, {ID: MARIA}.get)

ids = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(ids)
def test_a_return_address_names_its_notification_within_the_bounds_of_smtp(notification: str) -> None:
    address = return_address(SIGNER, "b" * LONGEST_LOCAL + "@example.org", notification)
    assert why_no_address(address) is None
    assert len(address.rpartition("@")[0]) <= 64
    for spelled in (address, address.upper(), f"Run ledger <{address}>", f"rfc822; {address}"):
        found = returned_in(SIGNER, spelled)
        assert found is not None
        assert (found.notification, found.genuine) == (notification, True)


@given(ids, ids)
def test_a_return_address_of_another_is_forged(notification: str, other: str) -> None:
    mine, theirs = (return_address(SIGNER, "b@x.org", each) for each in (notification, other))
    mixed = f"b+{mine[2:28]}{theirs[28:44]}@x.org"
    for forged in (return_address(OTHER, "b@x.org", notification), mixed):
        found = returned_in(SIGNER, forged)
        assert found is not None
        assert found.genuine == (forged == mine)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("bounces@example.org", None),
        ("b" * (LONGEST_LOCAL + 1) + "@example.org", "more than 21"),
        ("a+b@example.org", r"has a \+"),
        ("bounces", "no address"),
        ("żółw@example.org", "ASCII"),
    ],
)
def test_which_addresses_mails_can_come_back_to(address: str, fault: str | None) -> None:
    why = why_no_bounce_address(address)
    assert why is None if fault is None else why is not None


def test_a_mail_that_came_back_for_good_suppresses_its_recipient() -> None:
    content = report(BACK)
    document, command = JUDGE.judge(content)

    assert document == {
        "verdict": "permanent",
        "recipient": MARIA,
        "notification": ID,
        "status": "5.1.1",
        "diagnostic": USER_UNKNOWN.removeprefix("smtp; "),
        "why": None,
    }
    assert command is not None
    assert (command.recipient, command.notification, command.status) == (MARIA, ID, "5.1.1")
    assert JUDGE.judge(content) == (document, command)
    assert JUDGE.judge(report(BACK, diagnostic=None))[1] != command


@pytest.mark.parametrize(
    ("content", "verdict", "why"),
    [
        (report(BACK, action="delayed", status="4.4.1"), Verdict.TEMPORARY, "not given up"),
        (report(BACK, action="failed", status="4.4.7"), Verdict.TEMPORARY, "not given up"),
        (report(BACK, action="delivered", status="2.1.5"), Verdict.TEMPORARY, "not given up"),
        (vacation(BACK), Verdict.AUTOMATIC, "automatic reply"),
        (b"From: maria@example.org\r\nTo: x@example.org\r\n\r\n550 5.1.1 hello\r\n", Verdict.OTHER, "RFC 3464"),
        (b"", Verdict.OTHER, "RFC 3464"),
        (report("bounces@example.org"), Verdict.PERMANENT, "nobody can tell"),
        (report(return_address(OTHER, "bounces@example.org", ID)), Verdict.PERMANENT, "forged"),
        (report(return_address(SIGNER, "bounces@example.org", "f" * 32)), Verdict.PERMANENT, "no mail went out"),
    ],
)
def test_what_is_ignored_and_why(content: bytes, verdict: Verdict, why: str) -> None:
    document, command = JUDGE.judge(content)
    assert command is None
    assert document["verdict"] == verdict
    assert why in document["why"]


def test_the_return_address_is_found_wherever_it_is() -> None:
    original = f"Return-Path: <{BACK}>\nSubject: run failed\n".encode()
    assert JUDGE.judge(report("postmaster@example.org", original=original))[1] is not None
    assert JUDGE.judge(report("postmaster@example.org"), BACK)[1] is not None
    genuine_after_forged = f"{return_address(OTHER, 'b@example.org', ID)}, {BACK}"
    assert JUDGE.judge(report(genuine_after_forged))[1] is not None


def test_a_server_that_gives_no_status_is_understood_by_its_reply() -> None:
    assert read_report(report(BACK, status=None)).verdict is Verdict.PERMANENT
    assert read_report(report(BACK, status=None, diagnostic="smtp; 451 later")).verdict is Verdict.TEMPORARY
    assert read_report(report(BACK, status=None, diagnostic=None)).verdict is Verdict.TEMPORARY


@given(st.binary(max_size=400) | st.integers(0, 2_000).map(lambda end: REPORT[:end]))
def test_any_bytes_are_judged_without_an_error(content: bytes) -> None:
    document, command = JUDGE.judge(content)
    assert (command is None) == (document["why"] is not None)


@given(
    st.text(st.characters(exclude_categories=()), max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_words_of_the_other_side_can_be_kept(words: bytes) -> None:
    content = REPORT.replace(b"User unknown", words.replace(b"\n", b" ").replace(b"\r", b" "))
    _, command = JUDGE.judge(content)
    if command is not None and command.diagnostic is not None:
        assert command.diagnostic.encode()
        assert "\x00" not in command.diagnostic
        assert len(command.diagnostic) <= 500


def test_a_report_inside_a_forwarded_mail_is_none() -> None:
    forwarded = (
        b"From: maria@example.org\r\nTo: " + BACK.encode() + b"\r\nContent-Type: message/rfc822\r\n\r\n" + report(BACK)
    )
    assert JUDGE.judge(forwarded)[1] is None
