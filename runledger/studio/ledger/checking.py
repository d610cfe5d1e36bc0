"""Verifying from a page: one check at a time, in a thread, with its progress and what came of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from anyio import to_thread

from ledger.errors import RefusedError
from runledger.verifying import verified
from schemas.errors import LedgerError

SECONDS = 1_800.0
"""What takes longer is for the command line, which stops when its user does."""


class _TooLongError(LedgerError):
    """It took longer than a page may keep this server busy."""


@dataclass
class Check:
    """One check: `done` of about `total` events were looked at; `result` or `failed` once it is over."""

    by: str
    total: int
    began_at: datetime
    clock: float = field(default_factory=time.monotonic)
    done: int = 0
    seconds: float | None = None
    result: dict[str, Any] | None = None
    failed: str | None = None

    @property
    def running(self) -> bool:
        """Whether it is not over."""
        return self.result is None and self.failed is None

    @property
    def percent(self) -> int:
        """How far it is."""
        return min(99, self.done * 100 // max(self.total, 1)) if self.running else 100

    def step(self, done: int) -> None:
        """Note how far it is; raises what stops it."""
        self.done = done
        if time.monotonic() - self.clock > SECONDS:
            raise _TooLongError(f"it took more than {SECONDS / 60:.0f} min; `runledger verify` has no such bound")


class Checking:
    """The check that runs, or ran last, on this server."""

    def __init__(self, location: str) -> None:
        """Check the ledger.db of this workspace; nothing is checked yet."""
        self._location = location
        self._task: asyncio.Task[None] | None = None
        self.last: Check | None = None

    def begin(self, by: str, total: int) -> None:
        """Begin a check; raises RefusedError while one runs."""
        if self.last is not None and self.last.running:
            raise RefusedError(f"{self.last.by} is verifying already; wait for what comes of that")
        self.last = check = Check(by, total, datetime.now(UTC))
        self._task = asyncio.create_task(self._run(check))

    async def _run(self, check: Check) -> None:
        try:
            result = await to_thread.run_sync(self._verified, check.step, abandon_on_cancel=True)
            check.seconds = time.monotonic() - check.clock
            check.result = result
        except Exception as error:  # noqa: BLE001 - whatever it is, the page says it
            check.failed = f"{type(error).__name__}: {error}" if not isinstance(error, LedgerError) else str(error)

    def _verified(self, progress: Callable[[int], None]) -> dict[str, Any]:
        return verified(self._location, progress)
