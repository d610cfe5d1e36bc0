"""How far a check of a ledger.db has come, in a small file outside the workspace: who is stopped goes on from there.

Of each partition it holds the next offset and the running hash before it, of the seals the last position, of the
topics the next offset to compare.
It is as trustworthy as whoever may write it: a check without it trusts nothing.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.errors import RefusedError
from ledger.store.database import LogIdentity
from ledger.verify import Mark
from schemas.streams import LogName

EVERY_SECONDS = 2.0
"""How often it is written: what takes less leaves nothing behind."""

_FORM = "runledger/bookmark/1"


class Bookmark:
    """Keeps the place; a folder that cannot be written keeps none, and stops no check."""

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep it in a file, which need not be there."""
        self.file = file
        self.known: dict[LogName, dict[int, Mark]] = {}
        self.sealed = 0
        self.topics: str | None = None
        self.compared: dict[LogName, dict[int, int]] = {}
        self._ids: dict[str, str] = {}
        self._clock = clock
        self._written_at = clock()

    def begin(self, identities: Mapping[LogName, LogIdentity], *, resume: bool) -> bool:
        """Begin a check of these logs; whether there is a place to go on from, and it is wanted.

        Raises:
            RefusedError: the place is of another log, or cannot be read.
        """
        self._ids = {name: identity.id for name, identity in identities.items()}
        if not resume or not self.file.exists():
            return False
        self._take(self._read())
        return True

    def keep(self, log: LogName, partition: int, mark: Mark) -> None:
        """Note how far a partition was checked."""
        self.known.setdefault(log, {})[partition] = mark
        self._write_now_and_then()

    def keep_sealed(self, position: int) -> None:
        """Note up to where every seal was met."""
        self.sealed = position
        self._write_now_and_then()

    def begin_comparing(self, topics: str) -> Mapping[LogName, Mapping[int, int]]:
        """Begin to compare with the topics at an address; up to which offset each partition was compared with them."""
        if self.topics != topics:
            self.topics, self.compared = topics, {}
        return self.compared

    def keep_compared(self, log: LogName, partition: int, offset: int) -> None:
        """Note up to where a partition is the same in the topic."""
        self.compared.setdefault(log, {})[partition] = offset
        self._write_now_and_then()

    def forget(self) -> None:
        """All of it was checked: nothing is to be gone on with."""
        with suppress(OSError):
            self.file.unlink(missing_ok=True)

    def _read(self) -> Any:
        try:
            return json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RefusedError(f"{self.file} cannot be read ({error}): verify without --resume") from error

    def _take(self, content: Any) -> None:
        try:
            ids: dict[LogName, str] = {name: log["id"] for name, log in content["logs"].items()}
            marks = {
                name: {int(number): _mark(*mark) for number, mark in log["partitions"].items()}
                for name, log in content["logs"].items()
            }
            sealed = {_FORM: int(content["sealed"])}[content["form"]]
            compared: dict[LogName, dict[int, int]] = {
                name: {int(number): int(offset) for number, offset in offsets.items()}
                for name, offsets in content["compared"].items()
            }
            topics = content["topics"]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RefusedError(
                f"{self.file} holds no place in a ledger ({error!r}): verify without --resume"
            ) from error
        for name, log_id in ids.items():
            if self._ids.get(name) != log_id:
                raise RefusedError(
                    f"the place to go on from is in log {log_id}, and the {name} log here is "
                    f"{self._ids.get(name, 'not there')}: it is another ledger. Verify without --resume."
                )
        self.known, self.sealed, self.topics, self.compared = marks, sealed, topics, compared

    def _write_now_and_then(self) -> None:
        now = self._clock()
        if now - self._written_at < EVERY_SECONDS:
            return
        self._written_at = now
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        logs = {
            name: {"id": self._ids[name], "partitions": {number: _plain(mark) for number, mark in marks.items()}}
            for name, marks in self.known.items()
        }
        compared = {"topics": self.topics, "compared": self.compared}
        text = json.dumps({"form": _FORM, "logs": logs, "sealed": self.sealed} | compared)
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.file.with_suffix(f".{os.getpid()}.part")
        draft.write_text(text, encoding="utf-8")
        # Whoever is stopped between the two has the place before.
        draft.replace(self.file)


def bookmark_of(ledger_db: Path, environment: Mapping[str, str] = os.environ) -> Bookmark:
    """The bookmark of a ledger.db, in the state folder of whoever verifies: nothing is written beside the file."""
    state = environment.get("XDG_STATE_HOME") or "~/.local/state"
    name = sha256(os.fsencode(ledger_db.resolve())).hexdigest()[:16]
    return Bookmark(Path(state).expanduser() / "runledger" / "verifying" / f"{name}.json")


def _mark(next_offset: int, running: str) -> Mark:
    if not isinstance(next_offset, int) or len(running) != 64:  # noqa: PLR2004 - SHA-256 in hex
        raise ValueError(f"{next_offset!r} {running!r}")
    return Mark(next_offset, bytes.fromhex(running))


def _plain(mark: Mark) -> tuple[int, str]:
    return mark.next_offset, mark.running.hex()
