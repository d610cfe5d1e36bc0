"""Commands to a saved view."""

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import ChangeView, DeleteView, SaveView, ShareView, ViewCommand
from ledger.domain.names import check_uuid
from ledger.domain.saved_view import SavedView, Who
from schemas.streams import view_stream


def decision(command: ViewCommand, given: Given) -> Decision[SavedView]:
    """What it means to the view of that id, from who sent it."""
    check_uuid("view", command.view_id)
    who = Who(given.actor, is_admin=given.is_admin)
    return Decision(view_stream(command.view_id), SavedView, lambda it: _decide(command, it, who))


def _decide(command: ViewCommand, it: SavedView, who: Who) -> None:
    match command:
        case SaveView():
            it.save(command.name, command.query, command.description, who.name)
        case ChangeView():
            it.change(command.name, command.query, command.description, who=who)
        case ShareView():
            it.share(command.everybody, command.users, who=who)
        case DeleteView():
            it.delete(who=who)
        case _:
            raise NotImplementedError(type(command).__name__)
