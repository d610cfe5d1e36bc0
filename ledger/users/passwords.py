"""Passwords: which are taken, and their hashes (Argon2id, RFC 9106), which are all that is kept of them."""

import re
from functools import cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from ledger.errors import InvalidNameError, UnavailableError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 128
"""Characters of a password (OWASP ASVS 4.0.3, 2.1.1 and 2.1.2)."""

# RFC 9106 section 4, the second recommended option: 64 MiB, three passes, four lanes.
_MEMORY_KIB, _PASSES, _LANES, _HASH_BYTES, _SALT_BYTES = 65_536, 3, 4, 32, 16
# What a hash may ask of the server that checks it, whoever sent it.
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 262_144, 10, 16
_LEAST_MEMORY_KIB = 19_456
_PHC = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]?),p=([1-9][0-9]?)\$[A-Za-z0-9+/]{22,64}\$[A-Za-z0-9+/]{43,86}"
)
_FEWEST_CHARACTERS = 4


def check_password(password: str, user: str) -> None:
    """Raise InvalidNameError, which never repeats the password, unless a user may have it."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidNameError(f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}")
    if len(set(password)) < _FEWEST_CHARACTERS:
        raise InvalidNameError(f"a password has at least {_FEWEST_CHARACTERS} different characters")
    if password.casefold() in {user.casefold(), user.casefold() * 2} or "\x00" in password:
        raise InvalidNameError("a password is not the name of its user, and holds no NUL")


def check_password_hash(text: str) -> None:
    """Raise InvalidNameError unless a text is an Argon2id hash that is neither too weak nor too costly to check."""
    found = _PHC.fullmatch(text)
    if found is None:
        raise InvalidNameError("a password is sent as its Argon2id hash in the PHC string format, and never itself")
    memory, passes, lanes = map(int, found.groups())
    if not (_LEAST_MEMORY_KIB <= memory <= _MOST_MEMORY_KIB and passes <= _MOST_PASSES and lanes <= _MOST_LANES):
        raise InvalidNameError(
            f"the Argon2id hash asks for m={memory} KiB, t={passes}, p={lanes}; allowed are m from "
            f"{_LEAST_MEMORY_KIB} to {_MOST_MEMORY_KIB}, t up to {_MOST_PASSES} and p up to {_MOST_LANES}"
        )


def hash_of(password: str) -> str:
    """The hash to keep; each time another one. It takes about 0.1 s and 64 MiB."""
    return _hasher().hash(_bytes(password))


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether a hash is of this password; without one it takes as long and is none."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - of the extra [server]

    try:
        _hasher().verify(password_hash or _nobodys(), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _hasher() -> "PasswordHasher":
    try:
        from argon2 import PasswordHasher  # noqa: PLC0415
    except ImportError as error:
        cure = f"passwords need packages of the server: pip install 'runledger[server]' ({error})"
        raise UnavailableError(cure) from error
    return PasswordHasher(_PASSES, _MEMORY_KIB, _LANES, _HASH_BYTES, _SALT_BYTES)


@cache
def _nobodys() -> str:
    """The hash of a password that nobody has."""
    return _hasher().hash(b"")


def _bytes(password: str) -> bytes:
    # Keyboards and browsers spell one letter in several ways.
    return normalize("NFKC", password).encode(errors="surrogatepass")
