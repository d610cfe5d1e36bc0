"""Whether the personal text of a workspace is encrypted, and under keys of which store."""

from ledger.domain.aggregate import LedgerAggregate
from ledger.errors import WorkspaceError
from schemas.events import Event, PersonalDataEncryptedEvent


class Privacy(LedgerAggregate):
    """Once text is encrypted it stays so, with the keys of one store."""

    kind = "privacy"

    store: str | None

    def begin_state(self) -> None:
        """Text is stored as it is."""
        self.store = None

    def encrypt(self, store: str) -> None:
        """Encrypt from here on; again with the same store is nothing to do. Raises WorkspaceError for another one."""
        if self.store is None:
            self.decide(PersonalDataEncryptedEvent, store=store)
        elif self.store != store:
            raise WorkspaceError(
                f"this workspace encrypts personal text with keys of the store {self.store}, and {store} is another. "
                "Name the right folder in RUNLEDGER_KEYS: all processes and servers of a workspace share one."
            )

    def apply(self, event: Event) -> None:
        """Take in an event; the first one that names a store counts."""
        if isinstance(event, PersonalDataEncryptedEvent) and self.store is None:
            self.store = event.store
