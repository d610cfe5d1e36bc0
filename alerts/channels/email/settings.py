"""Where mails go out, as whom, and how long each answer is waited for."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from schemas.addresses import why_no_address
from schemas.errors import LedgerError

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\Z")
Encryption = Literal["tls", "starttls", "none"]
_EXAMPLE = "smtp://user@mail.example.org:587?starttls=require"


class MailSettingsError(LedgerError):
    """Settings for mail that cannot be used; the text says which, and how they are written."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the mails are from."""

    address: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `name@example.org` or `Run ledger <name@example.org>`."""
        name, address = parseaddr(text)
        if why_no_address(address) is not None or not address.isascii() or not text.isprintable():
            raise MailSettingsError(
                f"RUNLEDGER_MAIL_FROM is {text!r}; write name@example.org, or NAME <name@example.org>"
            )
        return cls(address, name)

    @property
    def domain(self) -> str:
        """The domain of the address, under which ids of mails are made."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait for each answer: those of RFC 5321, 4.5.3.2. `connect` includes the greeting.

    Whoever gives up too early after the end of a mail sends it twice. A connection that was idle for
    `idle_check` is asked first whether it is still there, with less patience: nothing depends on it.
    """

    connect: float = 300.0
    command: float = 300.0
    data: float = 120.0
    final: float = 600.0
    idle_check: float = 5.0
    probe: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """A relay: its address, how the way there is encrypted, and who we are to it."""

    host: str
    port: int
    encryption: Encryption
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 8
    helo: str | None = None
    timeouts: Timeouts = Timeouts()

    @classmethod
    def parse(cls, url: str, password: str | None = None) -> Self:
        """From `smtp://user@host:587?starttls=require` or `smtps://user@host`.

        With smtp:// TLS is required unless the relay is on this machine; `starttls=never` turns it
        off. Also: `connections`, `helo`, and the seconds `connect`, `command` and `final`.
        """
        parts = _split(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        encryption = _encryption(parts.scheme, parts.hostname or "", options.pop("starttls", None))
        user = unquote(parts.username) if parts.username else None
        if user is not None and password is None:
            raise MailSettingsError(f"RUNLEDGER_SMTP_URL names the user {user}; put the password into a file and name "
                                    "the file in RUNLEDGER_SMTP_PASSWORD_FILE")  # fmt: skip
        if user is not None and encryption == "none" and not _is_here(parts.hostname or ""):
            raise MailSettingsError("RUNLEDGER_SMTP_URL would send the password unencrypted; leave out starttls=never")
        settings = cls(
            host=parts.hostname or "",
            port=_port(parts) or {"tls": 465, "starttls": 587, "none": 25}[encryption],
            encryption=encryption,
            user=user,
            password=password if user is not None else None,
        )
        return settings._with(options)

    def tls_context(self) -> ssl.SSLContext | None:
        """What checks the relay's certificate; made once, since making it takes 20 ms."""
        return None if self.encryption == "none" else ssl.create_default_context()

    def _with(self, options: Mapping[str, str]) -> Self:
        changed, timeouts = self, self.timeouts
        for name, text in options.items():
            match name:
                case "helo" if is_host_name(text):
                    changed = replace(changed, helo=text)
                case "connections":
                    changed = replace(changed, connections=int(_number(name, text, 1, 100)))
                case "connect" | "command" | "final":
                    timeouts = replace(timeouts, **{name: _number(name, text, 0.01, 3_600)})
                case "helo":
                    raise MailSettingsError(f"RUNLEDGER_SMTP_URL has helo={text}; it may be the name of a host")
                case _:
                    raise MailSettingsError(
                        f"RUNLEDGER_SMTP_URL has an unknown option {name!r}; there are starttls, connections, helo, "
                        "connect, command, final"
                    )
        return replace(changed, timeouts=timeouts)


def is_host_name(text: str) -> bool:
    """Whether a relay can be greeted with it."""
    return _HOST_NAME.match(text) is not None


def read_mail_settings(environment: Mapping[str, str]) -> tuple[SmtpSettings, Sender] | None:
    """The relay and the sender, or None if no relay is named; raises MailSettingsError."""
    url = environment.get("RUNLEDGER_SMTP_URL")
    if not url:
        return None
    sender = environment.get("RUNLEDGER_MAIL_FROM")
    if not sender:
        raise MailSettingsError("RUNLEDGER_MAIL_FROM is not set; name the address that the mails are from")
    return SmtpSettings.parse(url, _password(environment.get("RUNLEDGER_SMTP_PASSWORD_FILE"))), Sender.parse(sender)


def _password(file: str | None) -> str | None:
    if not file:
        return None
    try:
        password = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MailSettingsError(f"RUNLEDGER_SMTP_PASSWORD_FILE {file} cannot be read: {error}") from error
    if not password:
        raise MailSettingsError(f"RUNLEDGER_SMTP_PASSWORD_FILE {file} is empty; put the password into its first line")
    return password


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and not parts.path.strip("/")
    except ValueError:
        usable = False
    # The address is not repeated: a password may stand in it.
    if not usable:
        raise MailSettingsError(f"RUNLEDGER_SMTP_URL is not the address of a relay; write it as {_EXAMPLE}")
    if parts.password is not None:
        raise MailSettingsError(
            "RUNLEDGER_SMTP_URL holds a password; put it into a file and name the file in RUNLEDGER_SMTP_PASSWORD_FILE"
        )
    return parts


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise MailSettingsError(
            f"RUNLEDGER_SMTP_URL has a port that is none ({error}); write it as {_EXAMPLE}"
        ) from error


def _encryption(scheme: str, host: str, starttls: str | None) -> Encryption:
    if scheme == "smtps":
        if starttls is not None:
            raise MailSettingsError("RUNLEDGER_SMTP_URL: smtps:// is encrypted from the start; leave out starttls")
        return "tls"
    match starttls:
        case "require":
            return "starttls"
        case "never":
            return "none"
        case None:
            return "none" if _is_here(host) else "starttls"
        case _:
            raise MailSettingsError(f"RUNLEDGER_SMTP_URL has starttls={starttls}; it may be require or never")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _number(name: str, text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise MailSettingsError(f"RUNLEDGER_SMTP_URL has {name}={text}; it may be from {least} to {most}")
    return number
