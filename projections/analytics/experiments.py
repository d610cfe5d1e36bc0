"""Which experiment a run or an experiment's stream belongs to, told from the ledger alone."""

from collections import OrderedDict

from pydantic_core import from_json

from ledger.store.database import Database
from schemas.events import ExperimentCreatedEvent, RunStartedEvent

_KEPT = 200_000
_NAMING = [*RunStartedEvent.type_names(), *ExperimentCreatedEvent.type_names()]


class Experiments:
    """Names of experiments by stream: those that were asked for lately are kept."""

    def __init__(self, database: Database) -> None:
        """Look into this ledger."""
        self._database = database
        self._known: OrderedDict[str, str | None] = OrderedDict()

    def learn(self, stream: str, name: str) -> None:
        """Note what a reader of events came across."""
        if stream not in self._known:
            self._keep(stream, name)

    def of(self, stream: str) -> str | None:
        """The name of a stream's experiment; None where nothing names one."""
        if stream in self._known:
            return self._known[stream]
        found = self._database.stream_events(stream, types=_NAMING, limit=1)
        name = named_by(from_value(found[0].envelope.value)) if found else None
        self._keep(stream, name)
        return name

    def _keep(self, stream: str, name: str | None) -> None:
        self._known[stream] = name
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)


def named_by(payload: object) -> str | None:
    """The experiment that the payload of an event names, if it does."""
    name = payload.get("experiment") if isinstance(payload, dict) else None
    return name if isinstance(name, str) else None


def from_value(value: bytes) -> object:
    """The JSON of a record's value; None if it is none, for an accepted event may hold anything."""
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        return None
