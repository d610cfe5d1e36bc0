"""Delivering a journal: points in batches, commands one by one, in the order they were noted."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from ledger.client import Client
from ledger.commands import AddArtifacts, ChangeStatus, Command, WarnRun, derived_id
from ledger.errors import DeniedError, NotFoundError, RefusedError, TooLargeError, UnavailableError
from ledger.journal.folder import Identity, WriterFolder
from ledger.journal.lines import point_of
from ledger.journal.locks import release
from ledger.journal.reader import Entry, Spot, entries
from ledger.tracking.recorder import COMMAND
from ledger.values.batch import Batch, halves
from ledger.values.points import Point, batches
from ledger.wire import command_from, name_of
from schemas.errors import LedgerError
from schemas.limits import Limits
from schemas.statuses import TERMINAL

_STRETCH_BYTES = 2_000_000
_SHOWN = 3

_log = logging.getLogger(__name__)


class NotBegunError(NotFoundError):
    """The run of a journal was refused when it began."""


class Delivery:
    """Ships one journal, going on where it stopped. What was delivered is not delivered again.

    A shipper that was not there from the first record asks the ledger how far the writer is.
    `refused` counts the commands and batches that the ledger did not take.
    """

    def __init__(
        self,
        folder: WriterFolder,
        identity: Identity,
        limits: Limits,
        *,
        fresh: bool,
        keep: bool = False,
        stores: bool = True,
        before_end: Callable[[datetime | None], None] = lambda _: None,
    ) -> None:
        """Deliver what is in a folder; `fresh` if nobody can have delivered any of it.

        With `keep` nothing is deleted. Unless it `stores`, files of the run stay where they are. `before_end` is
        called before a command that ends the run, with its time.
        """
        self._folder = folder
        self._identity = identity
        self._limits = limits
        self._spot = Spot()
        self._last = 0 if fresh else None
        self._decided = 0
        self._damaged = 0
        self._keep = keep
        self._stores = stores
        self._before_end = before_end
        self.refused = 0

    def run(self, client: Client, *, ended: bool = False) -> None:
        """Deliver what is there; `ended` if its writer is dead.

        Raises:
            UnavailableError: the ledger cannot be reached; what is left is delivered next time.
            NotFoundError: the ledger has no such run.
        """
        with self._alone() as allowed:
            if allowed:
                self.deliver(client, ended=ended)

    def deliver(self, client: Client, *, ended: bool) -> None:
        """As `run`, by somebody who has the right to ship, or needs none."""
        with later_if_denied():
            if self._last is None:
                run_id, writer = self._identity.run_id, self._identity.writer
                self._last = client.shipped(run_id, writer) if run_id else 0
            points: list[Point] = []
            size, behind = 0, self._spot
            for entry in entries(self._folder, self._spot, ended=ended):
                if _is_command(entry):
                    self._send(client, points, behind)
                    self._execute(client, entry, ended=ended)
                    points, size, self._spot = [], 0, entry.behind
                else:
                    self._gather(entry, points)
                    size += entry.size
                behind = entry.behind
                if size > _STRETCH_BYTES:
                    self._send(client, points, behind)
                    points, size = [], 0
            self._send(client, points, behind)
            self._tell_damage(client)

    def _gather(self, entry: Entry, points: list[Point]) -> None:
        if entry.content is None:
            self._damaged += 1
            return
        point = point_of(entry.content, entry.size)
        if point.index > max(self._last or 0, self._decided):
            points.append(point)

    def _send(self, client: Client, points: list[Point], behind: Spot) -> None:
        identity = self._identity
        for batch in batches(identity.run_id, identity.writer, self._last or 0, points, self._limits):
            self._log_values(client, batch)
        for number in () if self._keep else range(self._spot.number, behind.number):
            self._folder.file(number).unlink(missing_ok=True)
        self._spot = behind

    def _log_values(self, client: Client, batch: Batch) -> None:
        """Deliver a batch, in parts if the log takes none that large; what is refused leaves no gap."""
        try:
            client.log_values(replace(batch, first=(self._last or 0) + 1))
        except DeniedError:
            raise
        except RefusedError as error:
            if isinstance(error, TooLargeError) and (parts := halves(batch)):
                for part in parts:
                    self._log_values(client, part)
                return
            self.refused += 1
            text = f"records {batch.first} to {batch.last} of logged values were refused: {error}"
            self._warn(client, f"values-refused-{batch.first}", "values-refused", text)
        else:
            self._last = batch.last
        self._decided = batch.last

    def _execute(self, client: Client, entry: Entry, *, ended: bool) -> None:
        content: list[Any] = entry.content or []
        command = replace(command_from(content[3]), late=True)
        if isinstance(command, ChangeStatus) and command.status in TERMINAL:
            self._before_end(command.occurred_at)
        unsound = ""
        try:
            if isinstance(command, AddArtifacts) and self._stores:
                unsound = self._store(client, command)
            client.execute(command)
            self._forget_contents(command)
        except (UnavailableError, DeniedError):
            raise
        except LedgerError as error:
            self.refused += 1
            text = f"{name_of(command)} was refused when it arrived: {error}{unsound}"
            _log.warning("run %s: %s", self._identity.run_id, text)
            self._warn(client, f"refused-{command.command}", "command-refused", text)
            # What follows belongs to a run that never began, and not to another one that has its id.
            if ended and command.command == self._identity.begun_by:
                raise NotBegunError(text) from error

    def _store(self, client: Client, command: AddArtifacts) -> str:
        """Store the files that wait beside the journal for a command, and answer with what is wrong with the others.

        Of what a command names, one file that is lost keeps no other from having its name.
        """
        problems = [self._problem(client, each) for each in command.artifacts]
        pairs = list(zip(command.artifacts, problems, strict=True))
        sound = [each for each, problem in pairs if problem is None]
        lost = [(each, problem) for each, problem in pairs if problem]
        if sound and lost:
            client.execute(replace(command, command=derived_id(command.command, "sound"), artifacts=sound))
        return "".join(f"; {each['name']!r}: {problem}" for each, problem in lost[:_SHOWN])

    def _problem(self, client: Client, artifact: Mapping[str, Any]) -> str | None:
        """Store one file; else why not. If none waits here the ledger may have it, and says so if not."""
        from ledger.journal.contents import is_as_kept  # noqa: PLC0415 - many a training has no files

        digest = str(artifact["sha256"])
        try:
            if not is_as_kept(self._folder, digest):
                return f"{self._folder.content(digest)} was changed after it was kept"
            with self._folder.content(digest).open("rb") as file:
                client.put_content(file)
        except (UnavailableError, DeniedError):
            raise
        except FileNotFoundError:
            return f"it is not in {self._folder.path}"
        except (OSError, LedgerError) as error:
            return f"{error}"
        return None

    def _forget_contents(self, command: Command) -> None:
        """Delete files that the ledger has: it keeps them, whatever command names them next."""
        if isinstance(command, AddArtifacts) and not self._keep:
            for each in command.artifacts:
                self._folder.content(str(each["sha256"])).unlink(missing_ok=True)

    def _warn(self, client: Client, part: str, code: str, message: str) -> None:
        run_id, writer = self._identity.run_id, self._identity.writer
        if not run_id:
            return
        warning = WarnRun(
            command=derived_id(writer, part),
            run_id=run_id,
            source=f"{writer}/{part}",
            code=code,
            message=message,
        )
        try:
            client.execute(warning)
        except (NotFoundError, DeniedError):
            raise
        except RefusedError as error:
            _log.warning("run %s: %s (and the run could not be marked: %s)", run_id, message, error)

    def _tell_damage(self, client: Client) -> None:
        if self._damaged:
            text = f"{self._damaged} damaged record(s) in the journal {self._folder.path} could not be read"
            _log.warning("run %s: %s", self._identity.run_id, text)
            self._warn(client, f"damaged-{self._damaged}", "journal-damaged", text)
            self._damaged = 0

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        lock = self._folder.take_shipping()
        try:
            yield lock is not None
        finally:
            if lock is not None:
                release(lock)


@contextmanager
def later_if_denied() -> Iterator[None]:
    """Take a token that is not valid as a ledger out of reach: with a better one, all of it can be delivered."""
    try:
        yield
    except DeniedError as error:
        raise UnavailableError(f"{error}.") from error


def _is_command(entry: Entry) -> bool:
    return entry.content is not None and entry.content[0] == COMMAND
