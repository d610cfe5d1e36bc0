"""Who is mailed: recipients of a rule as addresses, as the log knew them at a position."""

from alerts.evaluate.runs import RunState
from ledger.feed import FeedEvent
from schemas.addresses import SUBMITTER, same_address, why_no_address
from schemas.events import UserAddedEvent, UserChangedEvent, UserDisabledEvent, readable


class AddressBook:
    """The addresses of the users in the log, by the name that stands as actor in events."""

    def __init__(self) -> None:
        """No users."""
        self._names: dict[str, str] = {}
        self._addresses: dict[str, str] = {}

    def fold(self, happened: FeedEvent) -> None:
        """Take in an event of any kind; it never raises."""
        match happened.event:
            case UserAddedEvent() | UserChangedEvent() as event:
                self._forget(happened.envelope.stream)
                name, address = readable(event.user_name), readable(event.email)
                if name and address:
                    self._names[happened.envelope.stream] = name
                    self._addresses[name] = address
            case UserDisabledEvent():
                self._forget(happened.envelope.stream)
            case _:
                pass

    def resolve(self, recipients: tuple[str, ...], run: RunState) -> list[tuple[str, str | None]]:
        """Each recipient once, with the reason why it cannot be mailed or None."""
        found: dict[str, tuple[str, str | None]] = {}
        for recipient in recipients:
            address, why = (recipient, None) if recipient != SUBMITTER else self._submitter(run)
            found.setdefault(same_address(address), (address, why))
        return list(found.values())

    def of(self, actor: str) -> str | None:
        """The address of whoever stands as actor in an event."""
        found = self._addresses.get(actor, actor)
        return None if why_no_address(found) else found

    def _submitter(self, run: RunState) -> tuple[str, str | None]:
        address = self._addresses.get(run.actor) or run.email
        if address is None:
            return SUBMITTER, f"no address for {SUBMITTER}: {run.actor or 'who started the run'} has none in the log"
        why = why_no_address(address)
        return (SUBMITTER, f"no address for {SUBMITTER}: {why}") if why else (address, None)

    def _forget(self, stream: str) -> None:
        name = self._names.pop(stream, None)
        if name is not None and name not in self._names.values():
            self._addresses.pop(name, None)
