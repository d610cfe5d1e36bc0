"""The link that takes a recipient off a rule (RFC 8058): it holds what it is about, and our signature."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from alerts.signing import Signer

PATH = "/unsubscribe/"
"""Where the links lead, behind the public URL."""

_PURPOSE = "unsubscribe"
_SIGNATURE = 16
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a recipient is told what a rule notices."""

    recipient: str
    rule: str


def link(signer: Signer, public_url: str, subscription: Subscription) -> str:
    """The address of the page that ends a subscription."""
    return f"{public_url.rstrip('/')}{PATH}{token_of(signer, subscription)}"


def token_of(signer: Signer, subscription: Subscription) -> str:
    """The subscription and its signature, in characters that no mail program breaks."""
    content = f"{subscription.rule}\n{subscription.recipient}".encode("utf-8", "replace")
    return f"{_written(content)}.{_written(signer.sign(_PURPOSE, content, _SIGNATURE))}"


def subscription_of(signer: Signer, token: str) -> Subscription | None:
    """What a token is about; None if we did not make it."""
    content, _, signature = (_read(part) for part in token.partition("."))
    if len(token) > _LONGEST or not signer.accepts(_PURPOSE, content, signature, _SIGNATURE):
        return None
    rule, _, recipient = content.decode().partition("\n")
    return Subscription(recipient, rule)


def _written(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _read(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        return b""
