"""From a call of `log*()` to a record in the journal, in a few microseconds."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import LimitExceededError
from ledger.journal.lines import line, to_json
from ledger.journal.writer import JournalWriter
from ledger.values import rules
from ledger.values.points import LIST, ROW, SCALAR, TABLE
from schemas.limits import Limits

RECORD_BYTES = 400_000
"""How large a record may be: a batch takes whole records, and a broker takes a megabyte."""

COMMAND = "command"

_INT63 = 1 << 62

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Overrun:
    """What a limit kept out: the first message, and how many points so far."""

    message: str
    count: int = 0


class Recorder:
    """What one process logs to one run; threads may share it.

    A limit that is reached never raises: the point is counted in `overruns`. What is no value
    raises BadValueError, since the script is wrong and would be wrong again.
    """

    def __init__(self, open_writer: Callable[[], JournalWriter | None], limits: Limits) -> None:
        """Write to what `open_writer` opens, at the first record; None where there is no place for a journal."""
        self._open_writer = open_writer
        self._limits = limits
        self._begin_process()

    def scalar(self, name: object, value: object, step: object = None, description: str | None = None) -> None:
        """Note one value."""
        known = self._known(name)
        if known is None:
            return
        # The usual case without detours: a finite float, a whole step.
        if type(value) is float and value - value == 0.0:
            text = repr(value)
        else:
            try:
                text = to_json(rules.scalar(str(name), value, self._limits))
            except LimitExceededError as error:
                self._overrun("value-too-long", error)
                return
        self._write(SCALAR, known, text, step, description)

    def listed(self, name: object, values: object, step: object = None, description: str | None = None) -> None:
        """Note several values at once; none makes an empty series."""
        known = self._known(name)
        if known is None:
            return
        try:
            found = rules.listed(str(name), values, self._limits)
        except LimitExceededError as error:
            self._overrun("value-too-long", error)
            return
        size = self._limits.points_per_batch
        for start in range(0, max(len(found), 1), size):
            self._write_whole(LIST, known, found[start : start + size], step, description)

    def row(
        self, name: object, cells: Mapping[str, object], step: object = None, description: str | None = None
    ) -> None:
        """Note a row of cells by column."""
        known = self._known(name)
        if known is None:
            return
        try:
            found = rules.row(str(name), cells, self._limits)
        except LimitExceededError as error:
            self._overrun("row-too-large", error)
            return
        self._write_whole(ROW, known, found, step, description)

    def table(self, name: object, columns: object, step: object = None, description: str | None = None) -> None:
        """Note a table by column."""
        known = self._known(name)
        if known is None:
            return
        try:
            found = rules.table(str(name), columns, self._limits)
        except LimitExceededError as error:
            self._overrun("row-too-large", error)
            return
        size = self._limits.points_per_batch
        for start in range(0, max(map(len, found.values())) or 1, size):
            part = {key: cells[start : start + size] for key, cells in found.items()}
            self._write_whole(TABLE, known, part, step, description)

    def command(self, content: Mapping[str, Any]) -> None:
        """Note a command that the ledger could not be told."""
        text = to_json(content)
        with self._lock:
            self._index += 1
            record = line(f'["{COMMAND}",{self._index},{time.time_ns() // 1000},{text}]')
            self._journal_write(record)

    @property
    def writer(self) -> JournalWriter | None:
        """The journal, if anything was written."""
        return self._writer

    @property
    def last(self) -> int:
        """The index of the last record."""
        return self._index

    def open(self) -> None:
        """Open the journal before anything is noted."""
        with self._lock:
            self._open()

    def close(self) -> None:
        """Take no more records; who logs on opens another journal."""
        with self._lock:
            self.closed = True
            if self._writer is not None:
                self._writer.close()

    def abandon(self) -> None:
        """In a forked child: begin a journal of its own."""
        if self._writer is not None:
            self._writer.abandon()
        self._begin_process()

    def _begin_process(self) -> None:
        self._lock = threading.RLock()
        self._writer: JournalWriter | None = None
        self._opened = self._reopened = self.closed = False
        self._index = 0
        self._names: dict[object, str] = {}
        self.overruns: dict[str, Overrun] = {}
        self.process = os.getpid()

    def _known(self, name: object) -> str | None:
        """The name as JSON; None once there are too many."""
        try:
            return self._names[name]
        except (KeyError, TypeError):
            return self._admit(name)

    def _admit(self, name: object) -> str | None:
        try:
            text = to_json(rules.metric_name(name, self._limits))
        except LimitExceededError as error:
            self._overrun("name-too-long", error)
            return None
        most = self._limits.metric_names
        if len(self._names) >= most:
            over = LimitExceededError(f"a run may have {most:,} metrics; {name!r} is one too many")
            self._overrun("too-many-metrics", over)
            return None
        self._names[name] = text
        return text

    def _write(self, kind: str, name: str, content: str, step: object, description: str | None) -> None:
        steps = (
            "null" if step is None else str(step if type(step) is int and abs(step) < _INT63 else rules.step_of(step))
        )
        about = "null" if description is None else to_json(description)
        with self._lock:
            self._index += 1
            record = line(f'["{kind}",{self._index},{time.time_ns() // 1000},{name},{content},{steps},{about}]')
            if len(record) > RECORD_BYTES:
                self._index -= 1
                self._overrun("record-too-large", LimitExceededError(f"{name} was given {len(record):,} bytes at once"))
                return
            self._journal_write(record)

    def _write_whole(self, kind: str, name: str, content: Any, step: object, description: str | None) -> None:
        """Write a record, or two of half the rows if it is too large for one."""
        text = to_json(content)
        rows = _rows(content) if kind in {LIST, TABLE} else 1
        if len(text) > RECORD_BYTES // 2 and rows > 1:
            for part in _halves(content, rows // 2):
                self._write_whole(kind, name, part, step, description)
        else:
            self._write(kind, name, text, step, description)

    def _journal_write(self, record: bytes) -> None:
        writer = self._writer
        if writer is None or self.closed:
            # After the end of the run a thread may still log: it gets a journal that is delivered late.
            writer = self._open()
        if writer is not None:
            writer.write(record)

    def _open(self) -> JournalWriter | None:
        if not self._opened or (self.closed and not self._reopened):
            self._opened, self._reopened = True, self.closed
            self._writer = self._open_writer()
        return self._writer

    def _overrun(self, code: str, error: LimitExceededError) -> None:
        found = self.overruns.get(code)
        if found is None:
            found = self.overruns[code] = Overrun(str(error))
            _log.warning("not logged: %s; further ones are counted", error)
        found.count += 1


def _rows(content: Any) -> int:
    return max(map(len, content.values())) if isinstance(content, dict) else len(content)


def _halves(content: Any, middle: int) -> list[Any]:
    if isinstance(content, dict):
        return [
            {key: cells[:middle] for key, cells in content.items()},
            {key: cells[middle:] for key, cells in content.items()},
        ]
    return [content[:middle], content[middle:]]
