"""What keeps the keys of personal text: outside the log, and outside its backups."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ledger.errors import UnavailableError


class KeyStoreError(UnavailableError):
    """The key store cannot be asked, so nobody knows whether a text is erased or merely out of reach."""


class Key(NamedTuple):
    """A key of 32 bytes; its `id`, `[A-Za-z0-9_.-]{1,64}`, never belongs to another one."""

    id: str
    secret: bytes


class KeyStore(Protocol):
    """A key for each subject, such as `run:<id>`; several processes and machines may use one store.

    Every method raises KeyStoreError where the store cannot be reached: that a key is not there is said
    only by a store that was asked.
    """

    @property
    def id(self) -> str:
        """The id of the store, the same as long as it is this one."""

    def prepare(self) -> None:
        """Make the store if there is none; one that is there stays as it is."""

    def make(self, subject: str) -> Key:
        """The key of a subject; made if it has none, and kept for good before this comes back."""

    def of(self, subject: str) -> Key | None:
        """The key of a subject; None if it has none."""

    def get(self, key_id: str) -> Key | None:
        """The key of an id; None if it was destroyed."""

    def destroy(self, subject: str) -> None:
        """Destroy the key of a subject for good; one that is not there is nothing to do. The next one is another."""

    def subjects(self) -> Iterator[str]:
        """Every subject that has a key, in no order."""

    def changed(self) -> object:
        """A value that is another as soon as any key was destroyed, by whomever; cheap, for it is asked often."""
