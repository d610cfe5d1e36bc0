from pathlib import Path

import pytest

from alerts.channels.email.settings import (
    MailSettingsError,
    Sender,
    SmtpSettings,
    Timeouts,
    read_mail_settings,
)


@pytest.mark.parametrize(
    ("url", "host", "port", "encryption"),
    [
        ("smtp://mail.example.org", "mail.example.org", 587, "starttls"),
        ("smtp://mail.example.org:25?starttls=require", "mail.example.org", 25, "starttls"),
        ("smtp://mail.example.org?starttls=never", "mail.example.org", 25, "none"),
        ("smtp://localhost:1025", "localhost", 1025, "none"),
        ("smtp://127.0.0.1:1025/", "127.0.0.1", 1025, "none"),
        ("smtp://[::1]:1025", "::1", 1025, "none"),
        ("smtp://localhost?starttls=require", "localhost", 587, "starttls"),
        ("smtps://mail.example.org", "mail.example.org", 465, "tls"),
        ("smtps://mail.example.org:4650", "mail.example.org", 4650, "tls"),
    ],
)
def test_an_address_of_a_relay(url: str, host: str, port: int, encryption: str) -> None:
    settings = SmtpSettings.parse(url)
    assert (settings.host, settings.port, settings.encryption) == (host, port, encryption)
    assert (settings.user, settings.password) == (None, None)
    assert settings.connections == 8
    # RFC 5321, 4.5.3.2.1 to 4.5.3.2.6.
    timeouts = settings.timeouts
    assert (timeouts.connect, timeouts.command, timeouts.data, timeouts.final) == (300, 300, 120, 600)


def test_options_of_the_address() -> None:
    settings = SmtpSettings.parse(
        "smtps://u%40x@h?connections=3&helo=me.example.org&connect=5&command=6&final=7.5", "secret"
    )
    assert (settings.user, settings.password, settings.connections, settings.helo) == (
        "u@x",
        "secret",
        3,
        "me.example.org",
    )
    assert settings.timeouts == Timeouts(connect=5, command=6, final=7.5)
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "RUNLEDGER_SMTP_URL is not the address of a relay; write it as smtp://"),
        ("mail.example.org:25", "is not the address of a relay"),
        ("http://mail.example.org", "is not the address of a relay"),
        ("smtp://", "is not the address of a relay"),
        ("smtp://[", "is not the address of a relay"),
        ("smtp://h/path", "is not the address of a relay"),
        ("smtp://h:port", "has a port that is none"),
        ("smtp://u:secret@h", "holds a password; put it into a file"),
        ("smtp://h?starttls=maybe", "starttls=maybe; it may be require or never"),
        ("smtps://h?starttls=never", "leave out starttls"),
        ("smtp://h?nonsense=1", "unknown option 'nonsense'"),
        ("smtp://h?connections=0", "connections=0; it may be from 1 to 100"),
        ("smtp://h?final=soon", "final=soon; it may be from"),
        ("smtp://h?final=nan", "final=nan; it may be from"),
        ("smtp://h?helo=two%20words", "helo=two words"),
    ],
)
def test_an_address_that_is_refused_says_how_to_write_it(url: str, says: str) -> None:
    with pytest.raises(MailSettingsError) as caught:
        SmtpSettings.parse(url)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_user_needs_a_password() -> None:
    with pytest.raises(MailSettingsError, match="RUNLEDGER_SMTP_PASSWORD_FILE"):
        SmtpSettings.parse("smtps://ann@h")


def test_a_password_is_never_sent_in_the_open() -> None:
    with pytest.raises(MailSettingsError, match="unencrypted; leave out starttls=never"):
        SmtpSettings.parse("smtp://ann@mail.example.org?starttls=never", "secret")
    assert SmtpSettings.parse("smtp://ann@localhost", "secret").encryption == "none"


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("ledger@example.org", Sender("ledger@example.org")),
        ("Run ledger <ledger@example.org>", Sender("ledger@example.org", "Run ledger")),
        ("Dziennik żółty <ledger@example.org>", Sender("ledger@example.org", "Dziennik żółty")),
        ('"Ledger, the" <ledger@example.org>', Sender("ledger@example.org", "Ledger, the")),
    ],
)
def test_a_sender(text: str, sender: Sender) -> None:
    assert Sender.parse(text) == sender
    assert sender.domain == "example.org"


@pytest.mark.parametrize("text", ["", "ledger", "a@b@c", "łucja@example.org", "a b@c", "x@y\r\nBcc: z@y"])
def test_a_sender_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MailSettingsError, match="RUNLEDGER_MAIL_FROM"):
        Sender.parse(text)


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("open sesame\n", encoding="utf-8")
    read = read_mail_settings(
        {
            "RUNLEDGER_SMTP_URL": "smtp://ann@mail.example.org",
            "RUNLEDGER_SMTP_PASSWORD_FILE": str(file),
            "RUNLEDGER_MAIL_FROM": "ledger@example.org",
        }
    )
    assert read is not None
    assert (read[0].password, read[1].address) == ("open sesame", "ledger@example.org")


def test_without_a_relay_there_are_no_mails() -> None:
    assert read_mail_settings({"RUNLEDGER_MAIL_FROM": "ledger@example.org"}) is None


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_password_file_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    environment = {"RUNLEDGER_SMTP_URL": "smtps://ann@h", "RUNLEDGER_MAIL_FROM": "a@b"}
    with pytest.raises(MailSettingsError, match=r"RUNLEDGER_SMTP_PASSWORD_FILE .*password"):
        read_mail_settings(environment | {"RUNLEDGER_SMTP_PASSWORD_FILE": str(file)})


def test_a_relay_needs_a_sender() -> None:
    with pytest.raises(MailSettingsError, match="RUNLEDGER_MAIL_FROM is not set"):
        read_mail_settings({"RUNLEDGER_SMTP_URL": "smtps://h"})


def test_the_context_for_tls_checks_the_relay() -> None:
    context = SmtpSettings.parse("smtps://h").tls_context()
    assert context is not None
    assert context.check_hostname
    assert SmtpSettings.parse("smtp://localhost").tls_context() is None
