"""The queue of a target: so many at once, who came first goes first; the dead give up their places."""

import time
from contextlib import suppress
from pathlib import Path

from ledger.journal.locks import release, take

_PAUSE_SECONDS = 0.01


class Queue:
    """Files that processes lock: a ticket for each who waits, a slot for each who runs."""

    def __init__(self, folder: Path, slots: int | None) -> None:
        """Let `slots` run at once, any number for None."""
        self.slots = slots
        self._folder = folder
        self._ticket: Path | None = None
        self._held: list[int] = []

    def enter(self, run_id: str) -> None:
        """Stand in line."""
        if self.slots is None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ticket = self._folder / f"{time.time_ns():020}.{run_id}.ticket"
        while (lock := take(self._ticket)) is None:
            time.sleep(_PAUSE_SECONDS)
        self._held.append(lock)

    def take(self) -> bool:
        """Whether it is our turn; from then on we hold a slot until this process ends."""
        if self.slots is None:
            return True
        if self._ticket is None or any(self._waits(ticket) for ticket in self._before()):
            return False
        for number in range(self.slots):
            slot = take(self._folder / f"slot-{number}")
            if slot is not None:
                self.leave()
                self._held.append(slot)
                return True
        return False

    def leave(self) -> None:
        """Give back ticket or slot."""
        if self._ticket is not None:
            self._ticket.unlink(missing_ok=True)
            self._ticket = None
        while self._held:
            release(self._held.pop())

    def _before(self) -> list[Path]:
        return [
            each for each in sorted(self._folder.glob("*.ticket")) if self._ticket and each.name < self._ticket.name
        ]

    def _waits(self, ticket: Path) -> bool:
        with suppress(OSError):
            lock = take(ticket)
            if lock is None:
                return True
            # Whoever waited there is dead.
            ticket.unlink(missing_ok=True)
            release(lock)
        return False
