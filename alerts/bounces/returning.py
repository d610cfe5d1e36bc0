"""Return addresses (VERP): each mail goes out with one of its own, so that what comes back says what it is about."""

import re
from base64 import b32decode, b32encode
from dataclasses import dataclass

from alerts.signing import Signer
from schemas.addresses import why_no_address

LONGEST_LOCAL = 21
"""Octets before the @ of the address that bounces go to: with 43 of ours they are the 64 of RFC 5321 4.5.3.1.1."""

_PURPOSE = "bounce"
_ID, _SIGNATURE = 16, 10
_ID_LETTERS, _SIGNATURE_LETTERS = 26, 16
_OURS = re.compile(r"\+([a-z2-7]{26})([a-z2-7]{16})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Returned:
    """The notification that a return address names, and whether we signed that."""

    notification: str
    genuine: bool


def why_no_bounce_address(address: str) -> str | None:
    """Why return addresses cannot be made of an address; None if they can."""
    local = address.rpartition("@")[0]
    if why_no_address(address) is not None or not address.isascii():
        return "it is no address in ASCII"
    if len(local) > LONGEST_LOCAL or "+" in local:
        return f"what is before the @ has a + or more than {LONGEST_LOCAL} characters, and ours are put behind it"
    return None


def return_address(signer: Signer, address: str, notification: str) -> str:
    """`bounces+...@example.org` for one notification, whose id is 32 hex digits."""
    content = bytes.fromhex(notification)
    local, _, domain = address.rpartition("@")
    return f"{local}+{_written(content)}{_written(signer.sign(_PURPOSE, content, _SIGNATURE))}@{domain}"


def returned_in(signer: Signer, text: str) -> Returned | None:
    """The return address in a text, ours or forged; a genuine one counts before others."""
    found = [_checked(signer, *match.groups()) for match in _OURS.finditer(text)]
    return next((each for each in found if each.genuine), found[0] if found else None)


def _checked(signer: Signer, written_id: str, written_signature: str) -> Returned:
    content = _read(written_id)[:_ID]
    genuine = signer.accepts(_PURPOSE, content, _read(written_signature), _SIGNATURE)
    return Returned(content.hex(), genuine)


def _written(content: bytes) -> str:
    return b32encode(content).decode().rstrip("=").lower()


def _read(text: str) -> bytes:
    return b32decode(text.upper() + "=" * (-len(text) % 8))
