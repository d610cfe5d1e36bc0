"""How a client shows a Kafka broker who it is, and knows that it speaks to the right one."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ledger.errors import WorkspaceError

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")


@dataclass(frozen=True)
class Security:
    """What `read_security` made of the settings; nothing that shows it shows the password."""

    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read along."""
        return self.protocol.endswith("SSL")

    @property
    def principal(self) -> str:
        """Whom the broker sees, as far as it is known here."""
        if self.user is not None:
            return f"User:{self.user}"
        return "the user of the client certificate" if self.certificate_file is not None else "User:ANONYMOUS"

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """Arguments for aiokafka.

        Raises:
            WorkspaceError: a file is missing, or is not what it should be.
        """
        found: dict[str, Any] = {"security_protocol": self.protocol}
        if self.encrypted:
            found["ssl_context"] = self._context()
        if self.user is not None:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return found

    def _context(self) -> ssl.SSLContext:
        files = ", ".join(str(each) for each in (self.ca_file, self.certificate_file, self.key_file) if each)
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate_file is not None:
                # A key that is encrypted would ask for its password on the terminal.
                context.load_cert_chain(self.certificate_file, self.key_file, password="")
        except (OSError, ValueError) as error:
            raise WorkspaceError(
                f"the certificates for Kafka cannot be used ({files}): {error}. They are PEM files, the key without a "
                "password: RUNLEDGER_KAFKA_CA_FILE, RUNLEDGER_KAFKA_CERTIFICATE_FILE, RUNLEDGER_KAFKA_KEY_FILE"
            ) from error
        return context


def read_security(settings: Mapping[str, str | None]) -> Security:
    """The security that settings ask for.

    Their names are `protocol`, `mechanism`, `username`, `password file`, `ca file`, `certificate file` and
    `key file`, which the environment calls RUNLEDGER_KAFKA_PROTOCOL and so on. Without a protocol it is SASL_SSL
    where there is a user, SSL where there is a certificate of either side, and PLAINTEXT else.

    Raises:
        WorkspaceError: they contradict each other, or a password cannot be read.
    """
    user = settings.get("username") or None
    files = {name: _path(settings.get(name)) for name in ("password file", "ca file", "certificate file", "key file")}
    protocol = (settings.get("protocol") or _protocol_for(user, files)).upper()
    mechanism = (settings.get("mechanism") or MECHANISMS[0]).upper()
    _check("RUNLEDGER_KAFKA_PROTOCOL", protocol, PROTOCOLS)
    _check("RUNLEDGER_KAFKA_MECHANISM", mechanism, MECHANISMS)
    _check_user(user, protocol, mechanism, files["password file"])
    if not protocol.endswith("SSL") and any(files[name] for name in ("ca file", "certificate file", "key file")):
        raise WorkspaceError(f"RUNLEDGER_KAFKA_PROTOCOL is {protocol}, which uses no certificate; SSL and SASL_SSL do")
    if files["key file"] and not files["certificate file"]:
        raise WorkspaceError(
            "RUNLEDGER_KAFKA_KEY_FILE is the key of RUNLEDGER_KAFKA_CERTIFICATE_FILE, which is missing"
        )
    return Security(
        protocol,
        mechanism if user else None,
        user,
        _password(files["password file"]) if user else None,
        files["ca file"],
        files["certificate file"],
        files["key file"],
    )


def _protocol_for(user: str | None, files: Mapping[str, Path | None]) -> str:
    if user is not None:
        return "SASL_SSL"
    return "SSL" if files["ca file"] or files["certificate file"] else "PLAINTEXT"


def _check(variable: str, text: str, allowed: tuple[str, ...]) -> None:
    if text not in allowed:
        raise WorkspaceError(f"{variable} is {text!r}; it may be {', '.join(allowed)}")


def _check_user(user: str | None, protocol: str, mechanism: str, password_file: Path | None) -> None:
    with_sasl = protocol.startswith("SASL")
    if with_sasl and user is None:
        raise WorkspaceError(f"RUNLEDGER_KAFKA_PROTOCOL is {protocol}; name the user in RUNLEDGER_KAFKA_USERNAME")
    if user is not None and not with_sasl:
        raise WorkspaceError(
            f"RUNLEDGER_KAFKA_USERNAME is set and RUNLEDGER_KAFKA_PROTOCOL is {protocol}, which knows no users; "
            "SASL_SSL does"
        )
    if user is not None and password_file is None:
        raise WorkspaceError(
            f"RUNLEDGER_KAFKA_USERNAME names {user}; put the password into a file that only you can read, and name "
            "the file in RUNLEDGER_KAFKA_PASSWORD_FILE"
        )
    if protocol == "SASL_PLAINTEXT" and mechanism == "PLAIN":
        raise WorkspaceError(
            "RUNLEDGER_KAFKA_MECHANISM PLAIN over SASL_PLAINTEXT would send the password unencrypted; use SASL_SSL"
        )


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        # A decoding error would quote what it could not read.
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise WorkspaceError(f"RUNLEDGER_KAFKA_PASSWORD_FILE {file} cannot be read: {why}") from None
    if not password:
        raise WorkspaceError(f"RUNLEDGER_KAFKA_PASSWORD_FILE {file} is empty; put the password into its first line")
    return password
