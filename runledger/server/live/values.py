"""What is new of what runs log and print: told now and then, as the place up to which it can be read."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ledger.store.database import Database
from ledger.store.tables import place_of
from schemas.streams import VALUES, key_of, kind_of, values_streams

EVERY_SECONDS = 0.4
"""Of one run no more often than this."""
_VALUES = "values"


class Said(NamedTuple):
    """An event of a run, such as `values`, and how far what it is about reaches."""

    name: str
    run_id: str
    reach: int


class NewValues:
    """Reads where the values log has grown, in each of its partitions."""

    def __init__(self, database: Database) -> None:
        """Begin with `skip`."""
        self._database = database
        self._places: list[int] = []

    def skip(self) -> None:
        """Pass over what is there already."""
        with self._database.clear_errors():
            partitions = self._database.identities()[VALUES].partitions
            ends = [self._database.progress(VALUES, number).next_offset for number in range(partitions)]
        # Where the next one will lie: in an empty partition it is the first place of all, which a last one has not.
        self._places = [place_of(number, end) for number, end in enumerate(ends)]

    def read(self) -> dict[str, int]:
        """The runs that logged since, each with the place from which all of it can be read."""
        found: dict[str, int] = {}
        with self._database.clear_errors():
            for number, place in enumerate(self._places):
                for stream, last in self._database.streams_from(place, log=VALUES):
                    self._places[number] = max(self._places[number], last + 1)
                    if kind_of(stream) == _VALUES:
                        run_id = key_of(stream)
                        found[run_id] = max(found.get(run_id, 0), last)
        return found

    def reach(self, run_id: str) -> int:
        """The place from which all that a run has logged can be read; 0 if that is nothing."""
        with self._database.clear_errors():
            streams = self._database.heads_of(values_streams(run_id))
            lasts = [self._database.stream_events(each, log=VALUES, descending=True, limit=1) for each in streams]
        return max((found[0].place for found in lasts if found), default=0)


class Pace:
    """Holds back what was said of a run a moment ago; only the newest counts."""

    def __init__(self, every: float = EVERY_SECONDS) -> None:
        """Say each thing of a run no more often than every so many seconds."""
        self._every = every
        self._waiting: dict[tuple[str, str], int] = {}
        self._said: dict[tuple[str, str], float] = {}

    def note(self, said: Said) -> None:
        """Something reaches so far now."""
        key = (said.name, said.run_id)
        self._waiting[key] = max(self._waiting.get(key, 0), said.reach)

    def due(self, now: float) -> Iterator[Said]:
        """What is to be said now."""
        self._said = {key: at for key, at in self._said.items() if now - at < self._every}
        for key in [key for key in self._waiting if key not in self._said]:
            self._said[key] = now
            yield Said(*key, self._waiting.pop(key))


class NewOutput:
    """Looks now and then whether scripts on this machine have printed more."""

    def __init__(self, printed: Callable[[str], int], every: float = EVERY_SECONDS) -> None:
        """`printed` tells how many bytes a run's script has printed, 0 for one that is elsewhere."""
        self._printed, self._every = printed, every
        self._looked = 0.0
        self._reaches: dict[str, int] = {}

    def reach(self, run_id: str) -> int:
        """How many bytes a run's script has printed; 0 if that is not known here."""
        return self._printed(run_id)

    def due(self, now: float) -> bool:
        """Whether it is time to look again."""
        return now - self._looked >= self._every

    def read(self, run_ids: Iterable[str], now: float) -> dict[str, int]:
        """Those of some runs that have printed more since the last look, each with how much in all."""
        self._looked = now
        before = self._reaches
        self._reaches = {run_id: self._printed(run_id) for run_id in run_ids}
        return {run_id: reach for run_id, reach in self._reaches.items() if reach > before.get(run_id, 0)}
