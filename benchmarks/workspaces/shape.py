"""How large a workspace shall be, which run comes when, and how much room all of it takes."""

from dataclasses import dataclass

DAY = 24 * 3_600 * 1_000_000
"""Microseconds."""

BLOCK = 2_020
"""So many runs are told at once: a block is a stretch of time, and no run of another begins in it."""

_CYCLE = 505
_PARENT = 20
CHILDREN = 100
"""Of 505 runs in a row, 404 stand alone, one sweeps over parameters, and 100 are its children."""

_FIRST = 1_736_121_600 * 1_000_000  # 2025-01-06, a Monday
_PEOPLE_A_RUN = 1_000

# Bytes in ledger.db, streams and indexes included: `python -m benchmarks disk` measures them.
_EVENT_BYTES = 545
_RUN_BYTES = 350
_VALUE_BYTES = 72
_VIEW_RUN_BYTES = 4_300
_VIEW_EVENT_BYTES = 110
_VIEW_VALUE_BYTES = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is made: about `events` control events and `values` logged values in all, over so many `days`.

    The same shape gives the same bytes in ledger.db. With `users` the people are users of a server, which then asks
    everybody who he is.
    """

    runs: int
    events: int
    values: int
    days: int = 365
    seed: int = 1
    users: bool = False

    @property
    def events_a_run(self) -> float:
        """Control events of a run, on average."""
        return self.events / self.runs

    @property
    def values_a_run(self) -> float:
        """Logged values of a run, on average."""
        return self.values / self.runs

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.runs // BLOCK)

    @property
    def people(self) -> int:
        """How many people there are: a few first, and one more for each thousand runs."""
        return min(5 + self.runs // _PEOPLE_A_RUN, 200)

    def begin_of(self, run: int) -> int:
        """About when a run begins, in epoch microseconds."""
        return _FIRST + self.days * DAY * run // self.runs

    def ledger_bytes(self) -> int:
        """About how large ledger.db will be."""
        return 1_000_000 + self.events * _EVENT_BYTES + self.runs * _RUN_BYTES + self.values * _VALUE_BYTES

    def views_bytes(self) -> int:
        """About how large views.db will be with every view in it."""
        return (
            1_000_000 + self.runs * _VIEW_RUN_BYTES + self.events * _VIEW_EVENT_BYTES + self.values * _VIEW_VALUE_BYTES
        )


def parent_of(run: int) -> int | None:
    """The run whose child this one is."""
    place = run % _CYCLE - _PARENT
    return run - place if 0 < place <= CHILDREN else None


def is_parent(run: int) -> bool:
    """Whether the runs behind this one are its children."""
    return run % _CYCLE == _PARENT
