"""Commands about personal text."""

from typing import Any

from ledger.application.deciding.decision import Decision, Given
from ledger.commands.privacy import EncryptPersonal, NoteErased, PrivacyCommand
from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.privacy import Privacy
from schemas.streams import privacy_stream


def decision(command: PrivacyCommand, given: Given) -> Decision[Any]:
    """What it means."""
    match command:
        case EncryptPersonal():
            return Decision(privacy_stream(given.log_id), Privacy, lambda it: it.encrypt(command.store))
        case NoteErased():
            return Decision(command.stream, LedgerAggregate, lambda it: it.note_erased(command.keys))
        case _:
            raise NotImplementedError(type(command).__name__)
