"""Delivering journals that were noted offline: any number of times, and by any number at once."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.client import Client
from ledger.errors import NotFoundError
from ledger.journal.folder import Identity
from ledger.journal.locks import release
from ledger.offline.found import Found
from ledger.offline.standing import evidence_of
from ledger.tracking.delivery import Delivery, later_if_denied
from ledger.tracking.recovery import end_run, set_aside
from ledger.tracking.watching import remove
from ledger.watchdog.alive import is_gone
from schemas.limits import Limits

_WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.1

_log = logging.getLogger(__name__)


class State(StrEnum):
    """What became of a journal."""

    DELIVERED = "delivered"
    LEFT = "left"
    SET_ASIDE = "set aside"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a journal, why in words, and how much of it the ledger refused."""

    identity: Identity
    state: State
    why: str
    refused: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all of it is in the ledger."""
        return self.state is State.DELIVERED and not self.refused


class Sync:
    """Delivers what has ended, and leaves the rest. Nothing that is delivered twice is there twice."""

    def __init__(
        self, client: Client, limits: Limits, *, wait_seconds: float = _WAIT_SECONDS, told: Callable[[], None]
    ) -> None:
        """Deliver to a ledger; `told` is called after each journal, `wait_seconds` is for another sync at it."""
        self._client = client
        self._limits = limits
        self._wait_seconds = wait_seconds
        self._told = told
        self._pending: dict[str, Found] = {}
        self._outcomes: dict[str, Outcome] = {}

    def run(self, journals: Sequence[Found]) -> list[Outcome]:
        """Deliver journals, given in the order in which they were begun; what became of each, in that order.

        Raises:
            UnavailableError: the ledger cannot be reached; what is left is delivered next time.
        """
        self._pending = {each.identity.writer: each for each in journals}
        # What a worker noted follows what began its run, and comes before what ended it.
        for each in sorted(journals, key=lambda each: not each.begins_run):
            self._settle(each)
        self._forget_processes(journals)
        return [self._outcome(each) for each in journals]

    def _settle(self, found: Found) -> None:
        writer = found.identity.writer
        if self._pending.pop(writer, None) is None:
            return
        if found.standing.ended:
            self._outcomes[writer] = self._delivered(found)
        else:
            self._outcomes[writer] = Outcome(found.identity, State.LEFT, found.standing.why)
        self._told()

    def _delivered(self, found: Found) -> Outcome:
        try:
            with self._alone(found) as allowed:
                if not allowed:
                    return Outcome(found.identity, State.LEFT, "another sync is delivering it")
                return self._deliver(found)
        except FileNotFoundError:
            return Outcome(found.identity, State.DELIVERED, "another sync delivered it meanwhile")

    def _deliver(self, found: Found) -> Outcome:
        folder, identity, standing = found.folder, found.identity, found.standing
        last_sign = folder.last_sign()

        def deliver_workers(until: datetime | None = None) -> None:
            """Deliver what others noted of the run before it ended; what is later comes later, as it does online."""
            for each in list(self._pending.values()):
                later = until is not None and (each.identity.opened_at or 0.0) > until.timestamp()
                if each.identity.run_id == identity.run_id and not each.begins_run and not later:
                    self._settle(each)

        delivery = Delivery(folder, identity, self._limits, fresh=False, keep=True, before_end=deliver_workers)
        try:
            delivery.deliver(self._client, ended=True)
            if identity.begun_by is not None and standing.verdict is not None:
                deliver_workers()
                with later_if_denied():
                    end_run(identity, standing.verdict, last_sign, self._client, presumed=standing.presumed)
        except NotFoundError as error:
            place = set_aside(folder, error)
            return Outcome(identity, State.SET_ASIDE, f"{error}; it is kept in {place}", delivery.refused)
        folder.remove()
        return Outcome(identity, State.DELIVERED, standing.why, delivery.refused)

    def _forget_processes(self, journals: Sequence[Found]) -> None:
        """Delete the evidence of processes that are over, and that no journal speaks of any more."""
        needed = {each.identity.process for each in journals if self._outcome(each).state is not State.DELIVERED}
        for each in journals:
            evidence = evidence_of(each.folder, each.identity)
            if evidence is not None and each.identity.process not in needed and _is_over(each):
                remove(str(evidence.path))

    def _outcome(self, found: Found) -> Outcome:
        return self._outcomes[found.identity.writer]

    @contextmanager
    def _alone(self, found: Found) -> Iterator[bool]:
        """Wait for another sync that is at this journal; where there are no locks, both deliver it."""
        deadline = time.monotonic() + self._wait_seconds
        while True:
            if found.folder.identity() is None:
                raise FileNotFoundError(found.folder.path)
            lock = found.folder.take_shipping()
            if lock is not None or time.monotonic() > deadline:
                break
            time.sleep(_PAUSE_SECONDS)
        try:
            # It may have been delivered between our look and our lock.
            if lock is not None and found.folder.identity() is None:
                found.folder.remove()
                raise FileNotFoundError(found.folder.path)
            yield lock is not None
        finally:
            if lock is not None:
                release(lock)


def _is_over(found: Found) -> bool:
    """Whether the process itself has ended, and not merely one of its runs."""
    told = evidence_of(found.folder, found.identity)
    return (
        (told is not None and told.ending() is not None)
        or found.standing.presumed
        or is_gone(found.identity.of_writer()) is True
    )
