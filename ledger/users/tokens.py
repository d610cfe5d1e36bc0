"""Tokens: drawn here, shown once, kept nowhere but with who uses them."""

import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

_MARK, _SESSION_MARK = "rl", "rs"
_ID_BYTES, _SECRET_BYTES = 6, 32


class Token(NamedTuple):
    """A token as its owner has it; `id` is no secret and names it in lists."""

    id: str
    secret: str
    mark: str = _MARK

    @property
    def text(self) -> str:
        """What is sent: `rl_<id>_<secret>`; `rs_` before what a browser keeps of a session."""
        return f"{self.mark}_{self.id}_{self.secret}"

    @property
    def hash(self) -> str:
        """What the ledger keeps: the SHA-256 of the whole text in hex."""
        return sha256(self.text.encode(errors="surrogatepass")).hexdigest()


def draw_token() -> Token:
    """A token that nobody has, and nobody guesses."""
    return _draw(_MARK)


def draw_session() -> Token:
    """As `draw_token`, for a session: neither is taken for the other."""
    return _draw(_SESSION_MARK)


def token_from(text: str) -> Token | None:
    """The token that a text is; None for a text that is none."""
    return _read(text, _MARK)


def session_from(text: str) -> Token | None:
    """The session that a text opens; None for a text that opens none."""
    return _read(text, _SESSION_MARK)


def _draw(mark: str) -> Token:
    return Token(secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES), mark)


def _read(text: str, expected: str) -> Token | None:
    mark, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    return Token(token_id, secret, mark) if mark == expected and token_id and secret else None


def milliseconds(moment: datetime) -> int:
    """A moment as events have it."""
    return int(moment.timestamp() * 1000)


def moment_of(time: int) -> datetime:
    """A moment of an event."""
    return datetime.fromtimestamp(time / 1000, UTC)
