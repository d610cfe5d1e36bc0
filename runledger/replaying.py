"""Replaying a workspace into a lake of Parquet files, once or for ever."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ledger.errors import UnavailableError
from projections.analytics.selection import Selection
from runledger.lakes import note_lake
from runledger.wiring import Embedded

if TYPE_CHECKING:
    from projections.analytics.replay import Source

Progress = Callable[[int, int], None]
_SHARE = 10
"""A replay that follows rests so many times as long as it worked: the lake costs a tenth of a processor at most."""


@contextmanager
def needs_parquet() -> Iterator[None]:
    """Say what to install where something is missing."""
    try:
        yield
    except ImportError as error:
        raise UnavailableError(f"this needs {error.name}: pip install 'runledger[parquet]'") from error


def replay_once(parts: Embedded, address: str, selection: Selection, progress: Progress) -> dict[str, object]:
    """Bring a lake up to date, and say what was written; raises what `projections.analytics.replay.replay` does."""
    with needs_parquet():
        from projections.analytics.lake import Lake  # noqa: PLC0415 - pyarrow only for who asks
        from projections.analytics.replay import replay  # noqa: PLC0415

    # Noted first: whatever becomes of the replay, what is erased is looked for in there.
    note_lake(parts.folder, address)
    done = replay(caught_up(parts), Lake(address), selection, progress)
    return {"lake": address, **done.document()}


def follow(
    parts: Embedded,
    address: str,
    selection: Selection,
    seconds: float,
    told: Callable[[dict[str, object]], None],
    rest: Callable[[float], None] = time.sleep,
) -> None:
    """Bring a lake up to date every so many seconds, until interrupted; tell what was written each time."""
    while True:
        began = time.monotonic()
        done = replay_once(parts, address, selection, lambda *_: None)
        if done["files"]:
            told(done)
        rest(max(seconds, _SHARE * (time.monotonic() - began)))


def pipe(parts: Embedded, table: str, selection: Selection, form: str, out: BinaryIO) -> None:
    """Write one table to a stream, in one of `projections.analytics.piping.FORMS`."""
    with needs_parquet():
        from projections.analytics.piping import FORMS  # noqa: PLC0415
        from projections.analytics.replay import batches  # noqa: PLC0415

    FORMS[form](table, batches(caught_up(parts), table, selection), out)


def caught_up(parts: Embedded) -> "Source":
    """A workspace to replay, with all that its logs hold by now."""
    from projections.analytics.replay import Source  # noqa: PLC0415

    # Values first: then every run that has some is among the events.
    parts.values_log.catch_up()
    parts.log.catch_up()
    return Source(parts.database, parts.feed, parts.view)
