"""One round of judging: read everything to its end, then say what is to be said of the runs that are silent."""

import logging
from collections import Counter
from collections.abc import Callable

from ledger.commands import Command
from ledger.errors import UnavailableError
from ledger.liveness.attention import Attention, Moment
from ledger.liveness.judging import Deadlines, command_for, is_settled, judge
from ledger.liveness.reading import PresenceReading
from ledger.liveness.roll import LONG_AGO, Roll
from ledger.liveness.standings import Standings
from ledger.logs.log import Log
from schemas.errors import LedgerError

_REMEMBERED = 100_000

_log = logging.getLogger(__name__)


class Judging:
    """Judges by what this process has read itself, without a break for as long as the deadline.

    Several may judge the same runs: their commands have the same ids.
    """

    def __init__(
        self,
        logs: tuple[Log, Log],
        reading: PresenceReading,
        standings: Standings,
        deadlines: Deadlines,
        *,
        now: Callable[[], Moment],
        hears: Callable[[str], bool],
        execute: Callable[[Command], object],
    ) -> None:
        """Read the control log and the values log; `hears` tells of what this process heard and did not write yet."""
        self._logs = logs
        self._reading = reading
        self._standings = standings
        self._deadlines = deadlines
        self._now = now
        self._hears = hears
        self._execute = execute
        self._attention = Attention(deadlines.longest_gap)
        self._roll = Roll()
        self._said: set[str] = set()
        self.judgements: Counter[str] = Counter()

    def round(self) -> None:
        """Read to the end and judge.

        Raises:
            UnavailableError: the logs cannot be read to their ends, or not be written; nobody is judged meanwhile.
        """
        at = self._now()
        control, values = self._logs
        values.catch_up()
        control.catch_up()
        unbroken = self._attention.attend(at)
        # What was read after a break may be old: it tells who was there, and nothing of now.
        self._reading.read(self._roll.take, at.steady if unbroken else LONG_AGO)
        for run_id in self._roll:
            self._judge(run_id, at)

    def interrupt(self) -> None:
        """What was heard could not be written, here and perhaps elsewhere: the deadline begins anew."""
        self._attention.interrupt()

    @property
    def listened(self) -> float:
        """For how many seconds the logs have been read without a break."""
        return self._attention.seconds()

    @property
    def runs(self) -> int:
        """How many runs are on the roll."""
        return len(self._roll)

    def _judge(self, run_id: str, at: Moment) -> None:
        silence = self._roll.silence(run_id, at.steady, self._attention.since())
        # Who is not silent yet needs no look, unless it was heard just now.
        if 0 < silence.seconds < self._deadlines.not_responding:
            return
        standing = self._standings.of(run_id)
        if standing is not None:
            self._roll.notice(run_id, standing.since, at.steady)
            silence = self._roll.silence(run_id, at.steady, self._attention.since())
        if is_settled(standing, silence, self._deadlines):
            self._roll.forget(run_id)
            return
        judgement = None if standing is None else judge(standing, silence, self._deadlines)
        if standing is None or judgement is None or (judgement.is_of_silence and self._hears(run_id)):
            return
        command = command_for(judgement, run_id, standing, silence, self._deadlines, self._logs[0].id)
        if command.command not in self._said:
            self._say(judgement, command)

    def _say(self, judgement: str, command: Command) -> None:
        # Frozen since the reading began, this process knows nothing of what was said meanwhile.
        if not self._attention.is_unbroken(self._now()):
            return
        try:
            self._execute(command)
        except UnavailableError:
            self.interrupt()
            raise
        except LedgerError as error:
            _log.info("%s was not said: %s", judgement, error)
        else:
            self.judgements[judgement] += 1
        if len(self._said) > _REMEMBERED:
            self._said.clear()
        self._said.add(command.command)
