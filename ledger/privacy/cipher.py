"""From events to bytes and back: the one place where personal text is encrypted, and the one where it is decrypted.

AES-256-GCM with a random nonce of 96 bits (NIST SP 800-38D), bound to stream, number and place of the text: a
ciphertext that is moved elsewhere is no text any more. What is hashed and chained are the bytes as they are stored.
"""

import os
import re
import time
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import from_json, to_json

from ledger.errors import UnavailableError
from ledger.privacy.keys import Key, KeyStore, KeyStoreError
from ledger.privacy.subjects import whose
from schemas.events import Event, RunLoggedEvent
from schemas.events.base import ERASED
from schemas.personal import MARK, Path, changed, personal_in, restored

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ENCRYPTED = "$enc"
_NONCE_BYTES = 12
_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_REMEMBERED = 10_000
_LACKING = "to encrypt personal text needs the library cryptography: pip install 'runledger[privacy]'"
_ASK_SECONDS = 1.0
_NOBODY: Mapping[str, str] = {}


class Cipher(Protocol):
    """How personal text is written and read."""

    def value_of(self, stream: str, seq: int, event: Event, told: Mapping[str, str] = _NOBODY) -> bytes:
        """The value to append; `told` as in `ledger.privacy.subjects`."""

    def readable(self, stream: str, seq: int, value: bytes) -> bytes:
        """A stored value with its texts in the clear, or erased."""

    def forget(self, key_ids: Iterable[str]) -> None:
        """Take these keys as destroyed, whatever is remembered of them."""

    def changed(self) -> object:
        """A value that is another as soon as any text was erased."""


class Plain:
    """No keys: text is written as it is, and what others encrypted stays so."""

    def value_of(self, stream: str, seq: int, event: Event, told: Mapping[str, str] = _NOBODY) -> bytes:  # noqa: ARG002
        """The event's own JSON."""
        return event.to_value()

    def readable(self, stream: str, seq: int, value: bytes) -> bytes:  # noqa: ARG002
        """The value as it is."""
        return value

    def forget(self, key_ids: Iterable[str]) -> None:
        """Nothing is known."""

    def changed(self) -> object:
        """Always the same: nothing can be erased."""
        return None


PLAIN = Plain()


class KeyCipher:
    """Encrypts once the log says so, and decrypts whatever it has a key for."""

    def __init__(self, keys: KeyStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Use the keys of a store, which need not be there before there is something to encrypt."""
        self.keys = keys
        self._clock = clock
        self._log_id = ""
        self._named: Callable[[], str | None] = lambda: None
        self._store: str | None = None
        self._asked = float("-inf")
        self._changed: object = None
        self._known: dict[str, AESGCM] = {}
        self._of_subject: dict[str, str] = {}
        self._forgotten: set[str] = set()

    def serve(self, log_id: str, named: Callable[[], str | None]) -> None:
        """Encrypt for this log, as soon as `named` tells the id of the key store that the log names."""
        self._log_id, self._named = log_id, named

    def value_of(self, stream: str, seq: int, event: Event, told: Mapping[str, str] = _NOBODY) -> bytes:
        """The value to append: with its texts encrypted where the log says so.

        Raises:
            KeyStoreError: the key store cannot be asked, or is not the one that the log names.
        """
        plan = personal_in(type(event))
        if plan is None or not self.is_on() or (isinstance(event, RunLoggedEvent) and not _has_texts(event)):
            return event.to_value()
        tree = from_json(event.to_value())
        subject = whose(self._log_id, stream, tree, told)
        place = _place(stream, seq)
        self._forget_if_changed()
        return to_json(changed(plan, tree, lambda path, text: self._encrypted(subject(path), place, path, text)))

    def readable(self, stream: str, seq: int, value: bytes) -> bytes:
        """A stored value with its texts in the clear, or erased; it raises KeyStoreError and nothing else.

        What a key does not fit stays as it is.
        """
        if MARK not in value:
            return value
        try:
            tree = from_json(value)
        except ValueError:
            return value
        return to_json(restored(tree, partial(self._decrypted, _place(stream, seq), {})))

    def forget(self, key_ids: Iterable[str]) -> None:
        """Take these keys as destroyed: a store on a network may show them for a while yet."""
        self._forgotten.update(key_ids)
        for key_id in key_ids:
            self._known.pop(key_id, None)

    def changed(self) -> object:
        """What the key store says, and how much was forgotten here; raises KeyStoreError."""
        return (self.keys.changed(), len(self._forgotten)) if self.is_on() else None

    def is_on(self, *, at_once: bool = False) -> bool:
        """Whether the log says that personal text is encrypted; raises KeyStoreError if this is another key store.

        Where it did not say so yet, it is asked again after a second, or `at_once`.
        """
        if self._store is None and (at_once or self._clock() - self._asked >= _ASK_SECONDS):
            named = self._named()
            self._asked = self._clock()
            if named is not None:
                self._check_store(named)
                self._store = named
        return self._store is not None

    def _check_store(self, named: str) -> None:
        if self.keys.id != named:
            raise KeyStoreError(
                f"this workspace encrypts personal text with keys of the store {named}, and {self.keys.id} is another. "
                "Name the right folder in RUNLEDGER_KEYS: all processes and servers of a workspace share one."
            )

    def _forget_if_changed(self) -> None:
        now = self.keys.changed()
        if now != self._changed or len(self._known) > _REMEMBERED:
            self._known, self._of_subject, self._changed = {}, {}, now

    def _encrypted(self, subject: str, place: str, path: Path, text: str) -> dict[str, list[str]]:
        key_id = self._of_subject.get(subject, "")
        cipher = self._known.get(key_id)
        if cipher is None:
            key = self.keys.make(subject)
            key_id = self._of_subject[subject] = key.id
            cipher = self._remember(key)
        nonce = os.urandom(_NONCE_BYTES)
        found = cipher.encrypt(nonce, text.encode(), _bound_to(place, path))
        return {_ENCRYPTED: [key_id, b64encode(nonce).decode(), b64encode(found).decode()]}

    def _decrypted(self, place: str, seen: "dict[str, AESGCM | None]", path: Path, parts: list[str]) -> Any:
        """A text; `seen` are the keys that were asked for since the event began, so that each is asked for once."""
        key_id, nonce, text = parts
        if key_id not in seen:
            try:
                seen[key_id] = self._cipher_of(key_id) if _KEY_ID.fullmatch(key_id) else None
            except KeyStoreError:
                if self._named() is not None:
                    raise
                return {_ENCRYPTED: parts}  # nobody here ever encrypted anything: it is what somebody wrote
        cipher = seen[key_id]
        if cipher is None:
            return ERASED if self.is_on(at_once=True) else {_ENCRYPTED: parts}
        try:
            return cipher.decrypt(a2b_base64(nonce), a2b_base64(text), _bound_to(place, path)).decode()
        except Exception:  # noqa: BLE001 - no accepted event may stop a reader
            return {_ENCRYPTED: parts}

    def _cipher_of(self, key_id: str) -> "AESGCM | None":
        self._forget_if_changed()
        known = self._known.get(key_id)
        if known is not None or key_id in self._forgotten:
            return known
        key = self.keys.get(key_id)
        return None if key is None else self._remember(key)

    def _remember(self, key: Key) -> "AESGCM":
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only for who encrypts
        except ImportError as error:
            raise UnavailableError(_LACKING) from error
        known = self._known[key.id] = AESGCM(key.secret)
        return known


def check_library() -> None:
    """Raise UnavailableError where nothing can be encrypted, for want of the library."""
    if find_spec("cryptography") is None:
        raise UnavailableError(_LACKING)


def _place(stream: str, seq: int) -> str:
    return f"runledger/personal/1\0{stream}\0{seq}"


def _bound_to(place: str, path: Path) -> bytes:
    return "\0".join((place, *path)).encode()


def _has_texts(event: RunLoggedEvent) -> bool:
    # Numbers are most of what is logged, and a look at their types costs little.
    if any(text is not None for text in (event.digest, event.reason, event.on_behalf_of, event.address)):
        return True
    columns = (column for each in event.series for column in (each.values, *(each.columns or {}).values()))
    return any(str in set(map(type, column or ())) for column in columns)
