"""Commands to a silence."""

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import CreateSilence, EndSilence, SilenceCommand
from ledger.domain.names import check_uuid
from ledger.domain.silence import Silence
from schemas.streams import silence_stream


def decision(command: SilenceCommand, given: Given) -> Decision[Silence]:
    """What it means to the silence of that id."""
    check_uuid("silence", command.silence_id)
    return Decision(silence_stream(command.silence_id), Silence, lambda it: _decide(command, it, given))


def _decide(command: SilenceCommand, it: Silence, given: Given) -> None:
    match command:
        case CreateSilence():
            it.create(command.matchers, command.until, command.on_behalf_of or given.actor)
        case EndSilence():
            it.end()
        case _:
            raise NotImplementedError(type(command).__name__)
