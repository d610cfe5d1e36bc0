"""Which key store the log names, if personal text is encrypted."""

from ledger.store.database import Database
from schemas.events import PersonalDataEncryptedEvent
from schemas.registry import decode
from schemas.streams import privacy_stream


def named_store(database: Database, log_id: str) -> str | None:
    """The id of the key store; None where personal text is stored as it is."""
    found = database.stream_events(privacy_stream(log_id), types=PersonalDataEncryptedEvent.type_names(), limit=1)
    event = decode(found[0].envelope.type, found[0].envelope.value) if found else None
    return event.store if isinstance(event, PersonalDataEncryptedEvent) else None
