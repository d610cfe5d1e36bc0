"""Every mail is read back with the standard library, and says what was meant."""

import email
import random
import re
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.channel import Mail
from alerts.channels.email.identity import MailIds
from alerts.channels.email.message import compose
from alerts.channels.email.settings import Sender
from alerts.facts import Facts
from alerts.templates.rendered import Rendered
from alerts.templates.words import one_line, plain
from tests.alerts.channels.email.mails import SENDER, a_mail
from tests.alerts.facts import FAILURE, HOSTILE, any_facts

IDS = MailIds.of("n-1", "vision/run-1", "runs.example.org")
BY_THE_FACTS = frozenset({"Importance", "X-Priority", "X-Test", "Precedence"})
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Content-Type",
]
_any_text = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()), max_size=300))


def parsed(mail: Mail) -> EmailMessage:
    message = email.message_from_bytes(mail.content, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def parts(mail: Mail) -> tuple[str, str]:
    text, html = parsed(mail).iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return tuple(part.get_content() for part in (text, html))


def without_way_out(mail: Mail) -> tuple[str, str]:
    """Both parts as they were rendered: without the link behind them, which each has once."""
    text, html = (part.replace("\r\n", "\n") for part in parts(mail))
    text, end, _ = text.rpartition("\n\n-- \n")
    before, start, rest = html.rpartition('<p style="max-width:600px;margin:24px auto 0')
    assert end
    assert start
    return text, before + rest.partition("</p>\n")[2]


def written(subject: str = "subject", text: str = "text\n", html: str = "<p>html</p>\n") -> Mail:
    return a_mail(rendered=Rendered(subject, text, html))


def check_wire(mail: Mail) -> None:
    """What every relay asks for: seven bits in the head and the parts, CRLF, lines within bounds."""
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", mail.content) is None
    assert mail.content.isascii()
    assert b"\x00" not in mail.content
    lines = mail.content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    head = lines[: lines.index(b"")]
    long = [line for line in head if len(line) > 78 and not line.startswith(b"List-Unsubscribe:")]
    assert not long
    names = [line.split(b":")[0].decode() for line in head if not line.startswith(b" ")]
    assert [name for name in names if name not in BY_THE_FACTS] == HEADERS


def test_an_example_for_a_person_to_open(tmp_path: Path) -> None:
    """The default mail about a failure, as a file."""
    file = tmp_path / "failure.eml"
    file.write_bytes(a_mail().content)
    message = email.message_from_bytes(file.read_bytes(), policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    assert message["From"] == "Run ledger <ledger@runs.example.org>"
    assert message["To"] == "ann@example.org"
    assert message["Subject"] == "[digits] run résumé of żółw: Running -> Failed"
    assert message["Date"] == "Thu, 28 May 2026 20:26:40 +0000"
    assert message["In-Reply-To"] == message["References"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["List-Unsubscribe"] == "<https://runs.example.org/unsubscribe/token>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content_type() == "multipart/alternative"
    text, html = parts(a_mail())
    assert "résumé of żółw failed." in text
    assert "<h1" in html
    body = message.get_body(("html", "plain"))
    assert body is not None
    assert body.get_content() == html
    link = "https://runs.example.org/unsubscribe/token"
    assert text.endswith(f"\r\n-- \r\nNo more mails of this rule? {link}\r\n")
    assert html.index(f'<a href="{link}">Unsubscribe</a>') < html.index("</body>")


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert a_mail() == a_mail()


WORDS = [
    "zażółć",
    "gęślą",
    "jaźń",
    "przebieg",
    "uczenie",
    "a",
    "błąd",
    "[cyfry]",
    "->",
    "Łódź",
    "x" * 30,
    "ćma",
    "i",
]
NAMES = [
    "Łucja",
    "Świętosława",
    "Żaneta",
    "Zoë",
    "J.",
    "O'Brien",
    "Wiśniewska-Łękawska",
    "Ćwik",
    "(śr.)",
    "Anna",
    "von",
]


def test_two_thousand_polish_subjects_arrive_unchanged() -> None:
    chance = random.Random(7)
    for _ in range(2_000):
        subject = " ".join(chance.choices(WORDS, k=chance.randint(1, 25)))
        mail = written(subject=subject)
        assert parsed(mail)["Subject"] == subject
        assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?.*?\?=", mail.content))


def test_two_thousand_polish_names_arrive_unchanged() -> None:
    chance = random.Random(7)
    rendered = Rendered("s", "t", "h")
    for _ in range(2_000):
        name = " ".join(chance.choices(NAMES, k=chance.randint(1, 2)))
        message = parsed(a_mail(sender=Sender("ledger@runs.example.org", name), rendered=rendered))
        (address,) = message["From"].addresses
        assert (address.display_name, address.addr_spec) == (name, "ledger@runs.example.org")


def test_two_hundred_polish_runs_are_named_unchanged_in_subject_and_text() -> None:
    chance = random.Random(7)
    for _ in range(200):
        name = " ".join(chance.choices(NAMES + WORDS, k=chance.randint(1, 5)))[:100].strip()
        mail = a_mail(facts=replace(FAILURE, display_name=name))
        assert parsed(mail)["Subject"] == f"[digits] run {name}: Running -> Failed"
        assert f"{name} failed." in parts(mail)[0]


_address = st.one_of(
    _any_text,
    st.builds(lambda text: f"{text}@example.org", _any_text),
    st.builds(lambda text: f"ann@{text}", _any_text),
)
SEPARATORS = "\x00\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@given(any_facts(), _address, _address, _any_text, _address)
def test_no_name_tag_or_address_can_add_a_header(
    facts: Facts, recipient: str, sender: str, name: str, unsubscribe: str
) -> None:
    ids = MailIds.of(facts.run_id, facts.workspace, sender)
    rendered = Rendered(f"{facts.run_id} {facts.tags}", "text", "html")
    mail = compose(rendered, facts, recipient, Sender(sender, name), ids, unsubscribe=unsubscribe)
    head = mail.content.partition(b"\r\n\r\n")[0].decode()
    lines = [line for line in head.split("\r\n") if not line.startswith(" ")]
    assert {line.partition(":")[0] for line in lines} <= {*HEADERS, *BY_THE_FACTS}
    assert len(lines) == len({line.partition(":")[0] for line in lines})
    assert not set(SEPARATORS) & set(head.replace("\r\n", ""))
    assert all(len(each) <= 70 for each in (ids.message, ids.thread))
    assert len(list(parsed(mail).iter_parts())) == 2


@given(_any_text)
def test_any_subject_arrives_in_one_line_without_what_cannot_be_shown(subject: str) -> None:
    mail = written(subject=subject)
    check_wire(mail)
    assert parsed(mail)["Subject"] == one_line(subject, 400)


@given(_any_text, _any_text)
def test_any_text_arrives(text: str, html: str) -> None:
    mail = written(text=text, html=html)
    check_wire(mail)
    for meant, came in zip((text, html), without_way_out(mail), strict=True):
        assert came.rstrip() == plain(meant).rstrip()


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "ż" * 50_000,
        "a line\n" * 20_000,
        ".\n..\n",
        "From here\n>From\n",
        "trailing \t \n \n",
        "=3D =\n",
        "--=_\n",
        "",
    ],
)
def test_odd_texts_arrive(text: str) -> None:
    mail = written(text=text, html=text)
    check_wire(mail)
    assert without_way_out(mail)[0] == text.rstrip()


@given(_any_text)
def test_any_display_name_of_the_sender_arrives(name: str) -> None:
    mail = a_mail(sender=Sender("ledger@runs.example.org", name), rendered=Rendered("s", "t", "h"))
    check_wire(mail)
    (address,) = parsed(mail)["From"].addresses
    assert address.addr_spec == "ledger@runs.example.org"
    assert one_line(name).startswith(address.display_name)
    assert address.display_name == one_line(name) or len(address.display_name.encode()) > 38


@given(any_facts())
def test_the_default_mail_about_anything_is_well_formed(facts: Facts) -> None:
    mail = a_mail(facts=facts)
    check_wire(mail)
    assert not parsed(mail).defects
    text, html = parts(mail)
    assert text
    assert html


@pytest.mark.parametrize(
    "name",
    [
        field
        for field, value in ((field, getattr(FAILURE, field)) for field in FAILURE.__slots__)
        if value is None or isinstance(value, str)
    ],
)
def test_no_field_can_add_a_header(name: str) -> None:
    evil = "x\r\nBcc: eve@example.org\r\n\r\nbody\x00"
    mail = a_mail(facts=replace(FAILURE, **{name: evil}))  # type: ignore[arg-type]
    check_wire(mail)
    assert "Bcc" not in parsed(mail)


@pytest.mark.parametrize(
    ("recipient", "unsubscribe", "ids", "sender"),
    [
        ("a@b\r\nBcc: eve@example.org", None, IDS, SENDER),
        ("a@b, eve@example.org", None, IDS, SENDER),
        ("ann@example.org", "https://x/\r\nBcc: eve@example.org", IDS, SENDER),
        ("ann@example.org", "https://x/>, <mailto:eve@example.org", IDS, SENDER),
        ("ann@example.org", "javascript:alert(1)", IDS, SENDER),
        ("ann@example.org", "https://x/" + "y" * 1_000, IDS, SENDER),
        ("ann@example.org", None, MailIds("n", "<a\r\nBcc: eve@example.org>", "<b\r\nBcc: eve@example.org>"), SENDER),
        ("ann@example.org", None, IDS, Sender("a@b\r\nBcc: eve@example.org", "x\r\nBcc: eve@example.org")),
    ],
)
def test_no_argument_can_add_a_header(recipient: str, unsubscribe: str | None, ids: MailIds, sender: Sender) -> None:
    rendered = Rendered("subject", "text", "html")
    mail = compose(rendered, FAILURE, recipient, sender, ids, unsubscribe=unsubscribe)
    message = parsed(mail)
    assert set(message.keys()) <= {*HEADERS, *BY_THE_FACTS}
    assert "Bcc" not in message
    assert "eve" not in str(message["To"]) + str(message["From"].addresses) + str(message.get("List-Unsubscribe", ""))
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998


def test_there_is_no_way_to_unsubscribe_without_an_address_for_it() -> None:
    assert "List-Unsubscribe" not in parsed(a_mail(unsubscribe=None))
    assert "List-Unsubscribe-Post" not in parsed(a_mail(unsubscribe=None))
    assert not any("nsubscribe" in part for part in parts(a_mail(unsubscribe=None)))


def test_one_click_is_offered_over_https_alone() -> None:
    message = parsed(a_mail(unsubscribe="http://runs.example.org/u"))
    assert message["List-Unsubscribe"] == "<http://runs.example.org/u>"
    assert "List-Unsubscribe-Post" not in message


def test_a_long_address_for_unsubscribing_stays_whole() -> None:
    url = "https://runs.example.org/unsubscribe/" + "t" * 400
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in a_mail(unsubscribe=url).content


@pytest.mark.parametrize("moment", [0, 253_402_300_799_999, 2**62, -1])
def test_a_date_is_always_one(moment: int) -> None:
    message = parsed(a_mail(facts=replace(FAILURE, recorded_at=moment)))
    assert message["Date"].datetime is not None


def test_mostly_ascii_is_readable_as_it_is_sent_and_the_rest_is_small() -> None:
    assert b"Content-Transfer-Encoding: quoted-printable" in written(text="a naïve line\n").content
    polish = written(text="żółć gęślą jaźń\n" * 50)
    assert b"Content-Transfer-Encoding: base64" in polish.content
