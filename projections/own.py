"""Views of one's own: tables that a user's function makes of the events, in their own file (docs/projections.md)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from ledger.feed import Feed
from projections import rebuild, runner
from projections.forgetting import Forgetful, is_to_scrub, scrub
from projections.projection import Projection
from projections.sqlite.view import SqliteView


class OwnView:
    """The tables of one projection, brought up to date by whoever asks, from history and live alike."""

    def __init__(
        self, path: Path, projection: Projection, feed: Feed, arrive: Callable[[], None] = lambda: None
    ) -> None:
        """Open or make the file; `arrive` waits until the feed has what was in the log before."""
        self._view = SqliteView(path)
        self._projection, self._feed, self._arrive = projection, feed, arrive

    def catch_up(self) -> int:
        """Take in what is new, and answer with the position that the tables then have.

        Where the version of the projection went up, the tables are built anew first; and where personal text was
        erased, unless the projection has a way of its own to `forget` it.

        Raises:
            LogRefusedError: the file was filled from another log, or from more of this one.
            WorkspaceError: it was filled by a newer version of the projection.
        """
        self._arrive()
        with self._view.clear_errors():
            was_there = self._view.checkpoint(self._projection) is not None
            position = runner.catch_up(self._view, self._projection, self._feed)
            if is_to_scrub(self._view):
                if was_there and not isinstance(self._projection, Forgetful):
                    position = rebuild.rebuild(self._view, self._projection, self._feed).position
                scrub(self._view)
            return position

    def rebuild(self) -> int:
        """Read everything again into new tables, which then take the place of those in use."""
        self._arrive()
        with self._view.clear_errors():
            return rebuild.rebuild(self._view, self._projection, self._feed).position

    def rows(self, select: str, *values: object) -> list[dict[str, Any]]:
        """What a SELECT finds as of now, by column; the tables have the names that the projection gave them."""
        self.catch_up()
        with self._view.clear_errors(), self._view.snapshot() as connection:
            found = connection.execute(select, values)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def follow(self, seconds: float = 1.0, rest: Callable[[float], None] = time.sleep) -> Iterator[int]:
        """Take in what happens, for ever: the position each time that something was new, looked for so often."""
        before = -1
        while True:
            position = self.catch_up()
            if position != before:
                before = position
                yield position
            rest(seconds)

    def close(self) -> None:
        """Close the file."""
        self._view.close()

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
