"""What was refused, by a rule or at the door, so that an audit finds who tried what."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.domain.aggregate import LedgerAggregate
from ledger.errors import RefusedError, StatusRefusedError, WrittenOnceError
from ledger.problems import problem_name
from schemas.events import CommandRefusedEvent, LoginRefusedEvent
from schemas.limits import UNSTORABLE

_NO_VALUE = (None, None, None)
_LONGEST = 300
"""Characters of a stream's name: longer ones are no names."""


@dataclass(frozen=True, slots=True)
class RefusedLogin:
    """Who somebody said to be, from which address, why he was not let in, and how often."""

    user: str
    address: str
    why: str
    count: int


class Refusals(LedgerAggregate):
    """The refusals of one server, one event each or for many of a kind."""

    kind = "refusals"

    def note(self, command_name: str, stream: str, error: RefusedError, count: int) -> None:
        """Note that a rule forbade a command to a stream; `count` such commands since the last note."""
        key, old, attempted = _values(error)
        self.decide(
            CommandRefusedEvent,
            command_name=command_name,
            stream=UNSTORABLE.sub("\ufffd", stream)[:_LONGEST],
            rule=problem_name(type(error)),
            message=UNSTORABLE.sub("\ufffd", str(error)),
            key=_storable(key),
            old=_storable(old),
            attempted=_storable(attempted),
            count=count,
        )

    def note_logins(self, refused: Sequence[RefusedLogin]) -> None:
        """Note log-ins that failed since the last note."""
        for each in refused:
            self.decide(
                LoginRefusedEvent,
                user_name=UNSTORABLE.sub("\ufffd", each.user),
                address=UNSTORABLE.sub("\ufffd", each.address),
                why=each.why,
                count=each.count,
            )


def _storable(value: object) -> object:
    # What was refused may be just what cannot be stored.
    return UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _values(error: RefusedError) -> tuple[str | None, object, object]:
    """Which key a rule guards, its value, and the one that was attempted."""
    match error:
        case WrittenOnceError():
            return error.key, error.old, error.new
        case StatusRefusedError():
            return "status", str(error.old), str(error.new)
        case _:
            return _NO_VALUE
