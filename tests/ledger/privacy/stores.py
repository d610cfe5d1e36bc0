"""A key store in memory, as somebody else might write one: the same contract, and quick."""

import itertools
import os
from collections.abc import Iterator

from ledger.privacy.cipher import KeyCipher
from ledger.privacy.keys import Key, KeyStoreError

LOG_ID = "00000000-0000-0000-0000-000000000001"


class MemoryKeys:
    def __init__(self) -> None:
        self.id = "memory"
        self.reachable = True
        self._keys: dict[str, Key] = {}
        self._numbers = itertools.count()
        self._destroyed = 0

    def prepare(self) -> None:
        pass

    def make(self, subject: str) -> Key:
        self._check()
        return self._keys.setdefault(subject, Key(f"k{next(self._numbers)}", os.urandom(32)))

    def of(self, subject: str) -> Key | None:
        self._check()
        return self._keys.get(subject)

    def get(self, key_id: str) -> Key | None:
        self._check()
        return next((key for key in self._keys.values() if key.id == key_id), None)

    def destroy(self, subject: str) -> None:
        self._check()
        self._keys.pop(subject, None)
        self._destroyed += 1

    def subjects(self) -> Iterator[str]:
        self._check()
        return iter([*self._keys])

    def changed(self) -> object:
        self._check()
        return self._destroyed

    def _check(self) -> None:
        if not self.reachable:
            raise KeyStoreError("away")


def cipher_with(keys: MemoryKeys) -> KeyCipher:
    """A cipher whose log says that text is encrypted."""
    cipher = KeyCipher(keys)
    cipher.serve(LOG_ID, lambda: keys.id)
    return cipher
