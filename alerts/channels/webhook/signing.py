"""Signatures as Standard Webhooks has them, so that receivers find a library for them."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hmac import digest


def signed_headers(secrets: Sequence[bytes], message_id: str, seconds: int, content: bytes) -> Mapping[str, str]:
    """The three headers; a signature for each secret, so that a receiver can change from one to the next."""
    signed = b"%b.%d.%b" % (message_id.encode(), seconds, content)
    signatures = " ".join(f"v1,{b64encode(digest(secret, signed, 'sha256')).decode()}" for secret in secrets)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(seconds)}
    return headers | ({"webhook-signature": signatures} if signatures else {})
