"""Verifying from a page: one check at a time, in a thread that leaves half of its time to others."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from anyio import to_thread

from ledger.attesting.errors import AttestationError
from ledger.attesting.note import VerifierKey
from ledger.errors import RefusedError
from runledger.attesting import attested_by, verifiers_of
from runledger.verifying import Asked, Step, verified
from schemas.errors import LedgerError

SECONDS = 1_800.0
"""What takes longer is for the command line, which stops when its user does."""

_LONGEST_REST = 0.1


class _TooLongError(LedgerError):
    """It took longer than a page may keep this server busy."""


@dataclass
class Check:
    """One check: of what `step` counts `done` of `total` are done; `result` or `failed` once it is over."""

    by: str
    began_at: datetime
    clock: float = field(default_factory=time.monotonic)
    step: Step = Step.EVENTS
    done: int = 0
    total: int | None = None
    seconds: float | None = None
    result: dict[str, Any] | None = None
    failed: str | None = None
    _woke: float = field(default_factory=time.monotonic)

    @property
    def running(self) -> bool:
        """Whether it is not over."""
        return self.result is None and self.failed is None

    @property
    def percent(self) -> int | None:
        """How far the step is; None where that is not known."""
        return min(99, self.done * 100 // self.total) if self.total else None

    def told(self, step: Step, done: int, total: int | None) -> None:
        """Note how far it is, and rest as long as was worked since the last time; raises what stops it."""
        self.step, self.done, self.total = step, done, total
        if time.monotonic() - self.clock > SECONDS:
            raise _TooLongError(f"it took more than {SECONDS / 60:.0f} min; `runledger verify` has no such bound")
        time.sleep(min(time.monotonic() - self._woke, _LONGEST_REST))
        self._woke = time.monotonic()


class Checking:
    """The check that runs, or ran last, on this server."""

    def __init__(self, location: str) -> None:
        """Check the ledger.db of this workspace; nothing is checked yet."""
        self._location = location
        self._task: asyncio.Task[None] | None = None
        self.last: Check | None = None

    def against(self, note: str, key: str) -> Asked:
        """What holding it against an attestation comes to, by a public key or else the workspace's own.

        Raises:
            AttestationError: the text is no attestation, or nobody whose key is known signed it.
            KeyFormError: the key is none.
            WorkspaceError: the workspace has no key, and none is given.
        """
        if not note:
            if key:
                raise AttestationError("a public key says who signed an attestation: give that too")
            return Asked()
        keys = [VerifierKey.parse(key)] if key else verifiers_of(self._location, None)
        attested_by(note, keys)
        return Asked(note, keys)

    def begin(self, by: str, asked: Asked) -> None:
        """Begin a check; raises RefusedError while one runs."""
        if self.last is not None and self.last.running:
            raise RefusedError(f"{self.last.by} is verifying already; wait for what comes of that")
        self.last = check = Check(by, datetime.now(UTC))
        self._task = asyncio.create_task(self._run(check, asked))

    async def _run(self, check: Check, asked: Asked) -> None:
        try:
            result = await to_thread.run_sync(verified, self._location, check.told, asked, abandon_on_cancel=True)
            check.seconds = time.monotonic() - check.clock
            check.result = result
        except Exception as error:  # noqa: BLE001 - whatever it is, the page says it
            check.failed = f"{type(error).__name__}: {error}" if not isinstance(error, LedgerError) else str(error)
