"""Where a webhook goes, and what it is signed with."""

import binascii
import re
import ssl
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from alerts.channels.channel import ChannelSettingsError

_URL = re.compile(r"https?://[\x21-\x3b\x3d\x3f-\x7e]{1,2000}")
_PREFIX = "whsec_"
_SHORTEST_SECRET = 24  # bytes, as Standard Webhooks asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """One receiver; each attempt has `seconds` in all, and without secrets nothing is signed."""

    host: str
    port: int
    tls: bool
    target: str
    named: str
    secrets: Sequence[bytes] = field(default=(), repr=False)
    connections: int = 4
    seconds: float = 15.0

    @classmethod
    def parse(
        cls, name: str, url: object, secret_file: Path | None = None, *, connections: int = 4, seconds: float = 15.0
    ) -> Self:
        """From an `https://` URL, or one of `http://` on this machine, and a file with a secret a line.

        Raises:
            ChannelSettingsError: it cannot be used.
        """
        if not isinstance(url, str) or not _URL.fullmatch(url):
            raise ChannelSettingsError(f'channel {name}: write url = "https://...", and it is {url!r}')
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise ChannelSettingsError(f"channel {name}: {url} is no address: {error}") from error
        if not host or parts.username is not None:
            raise ChannelSettingsError(f"channel {name}: the url names no host, or a user; sign with a secret_file")
        if parts.scheme == "http" and not _is_here(host):
            raise ChannelSettingsError(f"channel {name}: {url} is not encrypted; write https://")
        return cls(
            host=host,
            port=port,
            tls=parts.scheme == "https",
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            named=parts.netloc,
            secrets=_secrets(name, secret_file),
            connections=connections,
            seconds=seconds,
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """What checks the receiver's certificate; made once."""
        return ssl.create_default_context() if self.tls else None


def _secrets(name: str, file: Path | None) -> tuple[bytes, ...]:
    if file is None:
        return ()
    try:
        lines = file.read_text(encoding="utf-8").split()
        found = tuple(b64decode(line.removeprefix(_PREFIX), validate=True) for line in lines)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise ChannelSettingsError(f"channel {name}: secret_file {file} cannot be read: {error}") from error
    if not found or min(map(len, found)) < _SHORTEST_SECRET:
        raise ChannelSettingsError(
            f"channel {name}: secret_file {file} holds no secret of {_SHORTEST_SECRET} bytes in base64, "
            f"such as {_PREFIX} and what `openssl rand -base64 32` writes"
        )
    return found


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
