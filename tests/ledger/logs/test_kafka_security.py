"""How a client is let in by Kafka: what settings mean, what they may not be, and that no password is shown."""

from pathlib import Path

import pytest

from ledger.errors import WorkspaceError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.security import read_security

PASSWORD = "a word that nobody else has"


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return str(file)


def test_without_settings_everybody_is_let_in() -> None:
    security = read_security({})

    assert (security.protocol, security.principal) == ("PLAINTEXT", "User:ANONYMOUS")
    assert security.options == {"security_protocol": "PLAINTEXT"}


def test_a_user_means_scram_over_tls(password_file: str) -> None:
    security = read_security({"username": "ledger", "password file": password_file})
    options = dict(security.options)

    assert options.pop("ssl_context").check_hostname
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ledger",
        "sasl_plain_password": PASSWORD,
    }


def test_names_are_taken_in_small_letters(password_file: str) -> None:
    settings = {"username": "u", "password file": password_file, "protocol": "sasl_ssl", "mechanism": "scram-sha-256"}

    assert read_security(settings).mechanism == "SCRAM-SHA-256"


def test_what_shows_it_shows_no_password(password_file: str) -> None:
    address = parse_address("kafka://h:1/team", read_security({"username": "u", "password file": password_file}))
    _ = address.security.options

    assert PASSWORD not in f"{address} {address!r} {address.security!r}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"protocol": "TLS"}, "PLAINTEXT, SSL"),
        ({"mechanism": "GSSAPI"}, "SCRAM-SHA-512"),
        ({"protocol": "SASL_SSL"}, "USERNAME"),
        ({"username": "u"}, "PASSWORD_FILE"),
        ({"username": "u", "protocol": "SSL"}, "knows no users"),
        ({"username": "u", "password file": "/nowhere/p", "protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN"}, "unenc"),
        ({"username": "u", "password file": "/nowhere/p"}, "No such file"),
        ({"ca file": "/nowhere/ca.pem", "protocol": "PLAINTEXT"}, "uses no certificate"),
        ({"key file": "/nowhere/key.pem", "protocol": "SSL"}, "CERTIFICATE_FILE"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, str | None], said: str) -> None:
    with pytest.raises(WorkspaceError, match=said):
        read_security(settings)


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("\n")

    with pytest.raises(WorkspaceError, match="is empty"):
        read_security({"username": "u", "password file": str(file)})


def test_a_password_that_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"secret\xff")

    with pytest.raises(WorkspaceError) as caught:
        read_security({"username": "u", "password file": str(file)})

    assert "secret" not in f"{caught.value} {caught.value.__cause__}"


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")

    with pytest.raises(WorkspaceError, match=r"ca\.pem.*RUNLEDGER_KAFKA_CA_FILE"):
        _ = read_security({"ca file": str(file)}).options


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(WorkspaceError, match="names no user") as caught:
        parse_address(f"kafka://u:{PASSWORD}@h:9092/team")

    assert PASSWORD not in str(caught.value)
