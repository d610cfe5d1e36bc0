"""Signed notes as C2SP describes them (c2sp.org/signed-note): a text, a blank line, and a line for each signature.

Keys are written as that specification and Go's `note` package write them, so that their tools read ours.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ledger.attesting.errors import AttestationError, KeyFormError

_ED25519 = b"\x01"
_KEY_BYTES = 32
_HINT_BYTES = 4
_LINE = "\N{EM DASH} "
_PRIVATE = "PRIVATE+KEY+"
_NEEDED = "signatures need the cryptography package: pip install 'runledger[attest]'"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name of whoever signs with it."""

    name: str
    key: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `NAME+HINT+KEY`.

        Raises:
            KeyFormError: it is none, or not of Ed25519.
        """
        name, hint, key = _parsed(text.strip())
        found = cls(name, key)
        if found.hint.hex() != hint:
            raise KeyFormError(f"the public key of {name} does not fit its hint {hint}: a part of it was changed")
        return found

    @property
    def hint(self) -> bytes:
        """Four bytes that tell which key signed."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:_HINT_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.hint.hex()}+{_base64(_ED25519 + self.key)}"

    def accepts(self, text: str, signature: bytes) -> bool:
        """Whether this key signed the text."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

        try:
            _ed25519().Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A private key and the name of whoever signs with it."""

    name: str
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "SignerKey":
        """Read `PRIVATE+KEY+NAME+HINT+KEY`; raises KeyFormError, which never repeats the text."""
        if not text.strip().startswith(_PRIVATE):
            raise KeyFormError("this is no private key: it does not begin with PRIVATE+KEY+")
        name, hint, secret = _parsed(text.strip().removeprefix(_PRIVATE))
        found = cls(name, secret)
        if found.verifier().hint.hex() != hint:
            raise KeyFormError(f"the private key of {name} does not fit its hint {hint}: a part of it was changed")
        return found

    @classmethod
    def new(cls, name: str) -> "SignerKey":
        """A key that nobody has; raises KeyFormError for a name that notes cannot hold."""
        if not name or "+" in name or any(part.isspace() for part in name):
            raise KeyFormError(f"{name!r} cannot name a key: give one without spaces and without +")
        return cls(name, _ed25519().Ed25519PrivateKey.generate().private_bytes_raw())

    def verifier(self) -> VerifierKey:
        """The public key that belongs to it."""
        public = _ed25519().Ed25519PrivateKey.from_private_bytes(self.secret).public_key()
        return VerifierKey(self.name, public.public_bytes_raw())

    def text(self) -> str:
        """As a file holds it."""
        return f"{_PRIVATE}{self.name}+{self.verifier().hint.hex()}+{_base64(_ED25519 + self.secret)}"

    def sign(self, text: str) -> str:
        """A note: the text, which ends in a newline, and our signature under it."""
        signature = _ed25519().Ed25519PrivateKey.from_private_bytes(self.secret).sign(text.encode())
        return f"{text}\n{_LINE}{self.name} {_base64(self.verifier().hint + signature)}\n"


def text_of(note: str) -> str:
    """The text of a note, whoever signed it; of a text without signatures the text itself.

    Raises:
        AttestationError: a line behind the blank line is no signature.
    """
    return _split(note)[0]


def signers_of(note: str, keys: Iterable[VerifierKey]) -> list[str]:
    """The names of those who signed a note, of the keys that are known; signatures of others are passed over.

    Raises:
        AttestationError: a signature of a key that is known does not fit the text.
    """
    text, lines = _split(note)
    found = []
    for key in keys:
        signature = lines.get((key.name, key.hint))
        if signature is None:
            continue
        if not key.accepts(text, signature):
            raise AttestationError(f"the signature of {key.name} does not fit the text: one of them was changed")
        found.append(key.name)
    return found


def _split(note: str) -> tuple[str, dict[tuple[str, bytes], bytes]]:
    text, blank, tail = note.rpartition("\n\n")
    if not blank:
        return note, {}
    lines: dict[tuple[str, bytes], bytes] = {}
    for line in tail.splitlines():
        name, _, signature = line.removeprefix(_LINE).partition(" ")
        raw = _decoded(signature)
        if not line.startswith(_LINE) or not name or len(raw) <= _HINT_BYTES:
            raise AttestationError(f"this line is no signature: {line[:80]!r}")
        lines.setdefault((name, raw[:_HINT_BYTES]), raw[_HINT_BYTES:])
    return text + "\n", lines


def _parsed(text: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, hint, key
        raise KeyFormError("this is no key of a signed note, which is NAME+HINT+KEY")
    raw = _decoded(parts[2])
    if raw[:1] != _ED25519 or len(raw) != _KEY_BYTES + 1:
        raise KeyFormError(f"the key of {parts[0]} is not one of Ed25519")
    return parts[0], parts[1], raw[1:]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise KeyFormError(_NEEDED) from error
    return ed25519
