"""The token that a page of ours has and a page of another site has not: derived from the session, never stored."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qsl

from starlette.types import Message, Receive

from runledger.server.replies import BodyTooLargeError

FIELD, HEADER = "csrf_token", b"x-csrf-token"
FORM_BYTES = 1_000_000
FORM_TYPE = "application/x-www-form-urlencoded"
_FIELDS = 2_000
_CONTEXT = b"runledger csrf 1"


def csrf_of(secret: str) -> str:
    """The token that belongs to the secret of a cookie."""
    return hmac.new(secret.encode(errors="surrogatepass"), _CONTEXT, sha256).hexdigest()


def is_csrf(given: str | None, expected: str) -> bool:
    """Whether a token is the one that is expected; an empty one never is."""
    return bool(given and expected) and hmac.compare_digest(str(given).encode("utf-8", "replace"), expected.encode())


async def body_of(receive: Receive, most: int = FORM_BYTES) -> bytes:
    """The body of a request.

    Raises:
        BodyTooLargeError: it is larger than `most` bytes.
    """
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise BodyTooLargeError(f"the form is larger than {most:,} bytes; send less at once")
    return bytes(body)


def again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read once more, and then what follows it."""
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay


def fields_in(body: bytes) -> Mapping[str, str]:
    """The fields of a form, of each the last; none, if they are too many."""
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError:
        return {}
