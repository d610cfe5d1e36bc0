"""`python -m benchmarks.generate FOLDER`: a large workspace as a team leaves it after a year, the same for a seed.

Runs with their tags, properties, parameters and statuses, some canceled, failed, continued or archived; sweeps with a
hundred children; what they logged; experiments, alert rules and the mails that these caused; what was refused. All of
it are real events with their hashes, so that `runledger verify`, lists, run pages, the audit and `replay` work on it.
"""

import argparse
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

from benchmarks.workspaces.filling import Progress, fill
from benchmarks.workspaces.shape import Shape
from ledger.errors import WorkspaceError
from ledger.feed import Feed
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER, WorkspaceFolder
from projections.answers import PROJECTIONS
from projections.metrics.rebuild import rebuild
from projections.runner import catch_up_all
from projections.sqlite.view import SqliteView
from runledger.process import tune_collector
from schemas.errors import LedgerError
from schemas.streams import CONTROL, VALUES

ABOUT = "generated.json"
"""Says beside `.runledger/` how much of what a generated workspace holds."""

Say = Callable[[str], None]

_GB = 1e9
_MARGIN = 1.05
_EVERY_SECONDS = 2.0


def main(arguments: Sequence[str]) -> int:
    """Make a workspace; 0 if it is there, 1 if it cannot be made, 130 if somebody stopped it."""
    given = _parsed(arguments)
    shape = shape_of(given)
    folder = Path(given.folder).absolute()
    refused = why_not(folder, shape, views=given.views)
    if refused:
        print(refused, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        made = make(folder, shape, processes=given.processes, views=given.views, say=_say)
    except KeyboardInterrupt:
        print(f"\nstopped; {unfinished(folder)} is unfinished. The same command begins again.", file=sys.stderr)
        return 130
    except LedgerError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    size = (folder / FOLDER / "ledger.db").stat().st_size / _GB
    _say(
        f"{folder}: {shape.runs:,} runs, {made.events:,} control events, "
        f"{made.values:,} values in {made.batches:,} batches, ledger.db {size:.2f} GB\n"
    )
    return 0


def shape_of(given: argparse.Namespace) -> Shape:
    """The workspace that a command line asks for."""
    return Shape(
        runs=given.runs,
        events=10 * given.runs if given.events is None else given.events,
        values=100 * given.runs if given.values is None else given.values,
        days=given.days,
        seed=given.seed,
        users=given.users,
    )


def why_not(folder: Path, shape: Shape, *, views: bool) -> str | None:
    """Why a workspace is not made in a folder: it is there, or the disk has no room for it."""
    if folder.exists():
        return f"{folder} is there already; name a folder that is not, or remove it"
    parent = next(each for each in folder.parents if each.exists())
    needed = _MARGIN * (shape.ledger_bytes() + (shape.views_bytes() if views else 0))
    leftover = unfinished(folder)
    free = shutil.disk_usage(parent).free + sum(file.stat().st_size for file in leftover.rglob("*") if file.is_file())
    if needed > free:
        return f"{folder} needs about {needed / _GB:.1f} GB, and {free / _GB:.1f} GB are free; ask for fewer runs"
    _say(f"{folder} needs about {needed / _GB:.1f} GB, {free / _GB:.1f} GB are free\n")
    return None


def make(folder: Path, shape: Shape, *, processes: int, views: bool, say: Say) -> Progress:
    """Make the workspace beside its place and move it there; what a stopped attempt left is removed first."""
    draft = unfinished(folder)
    with alone(draft):
        if any(draft.iterdir()):
            say(f"{draft} was left unfinished; beginning again\n")
            for each in draft.iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        return _made(draft, folder, shape, processes=processes, views=views, say=say)


def _made(draft: Path, folder: Path, shape: Shape, *, processes: int, views: bool, say: Say) -> Progress:
    told = _Told(shape.events + shape.values // 33, say)
    made = fill(draft, shape, processes=processes, told=lambda found: told("events", found.events + found.batches))
    if views:
        project(draft, say)
    about = {"runs": shape.runs, "events": made.events, "values": made.values, "batches": made.batches}
    (draft / ABOUT).write_text(json.dumps(about | {"seed": shape.seed}) + "\n", encoding="utf-8")
    draft.rename(folder)
    return made


def unfinished(folder: Path) -> Path:
    """Where a workspace is while it is made."""
    return folder.with_name(f"{folder.name}.unfinished")


def project(folder: Path, say: Say) -> None:
    """Bring all views of a workspace along."""
    files = WorkspaceFolder(folder / FOLDER)
    with closing(Database(files.ledger_db, durable=False)) as database, closing(SqliteView(files.views_db)) as view:
        identities = database.identities()
        told = partial(_Told(0, say), "events into views")
        catch_up_all(view, PROJECTIONS, Feed(identities[CONTROL].id, database), told=told)
        rebuild(view, database, identities[VALUES].id, partial(_Told(0, say), "runs with metrics"))


@contextmanager
def alone(draft: Path) -> Iterator[None]:
    """Hold the folder, which is made if it is not there; raise WorkspaceError while another process does."""
    draft.mkdir(parents=True, exist_ok=True)
    held = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise WorkspaceError(f"another process makes {draft} just now; wait for it, or name another folder") from None
    finally:
        os.close(held)


class _Told:
    """Says every few seconds how much of what is done, how fast, and for how long it will go on."""

    def __init__(self, total: int, say: Say) -> None:
        self._total, self._say = total, say
        self._began = self._last = monotonic()

    def __call__(self, what: str, done: int, total: int = 0) -> None:
        total, now = max(total or self._total, done), monotonic()
        if now - self._last < _EVERY_SECONDS and done < total:
            return
        self._last = now
        rate = done / max(now - self._began, 0.001)
        minutes, seconds = divmod(int((total - done) / rate) if rate else 0, 60)
        self._say(f"\r{done:,} of {total:,} {what}, {rate:,.0f}/s, {minutes}:{seconds:02} left   ")
        if done >= total:
            self._say("\n")


def _say(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    described = str(__doc__).partition("\n\n")
    parser = argparse.ArgumentParser("python -m benchmarks.generate", description=described[2])
    parser.add_argument("folder", help="the workspace's folder, which must not be there yet")
    parser.add_argument("--runs", type=_number, default=10_000, help="how many runs (10000)")
    parser.add_argument("--events", type=_count, help="about how many control events in all (10 a run; 6 at least)")
    parser.add_argument("--values", type=_count, help="about how many logged values in all (100 a run)")
    parser.add_argument("--days", type=_number, default=365, help="over how many days they are spread (365)")
    parser.add_argument("--seed", type=int, default=1, help="another number makes another workspace (1)")
    parser.add_argument("--users", action="store_true", help="make the people users: a server then asks for tokens")
    parser.add_argument("--views", action="store_true", help="bring views.db along, which takes longer than the rest")
    parser.add_argument("--processes", type=_number, default=2, help="how many processes prepare events (2)")
    return parser.parse_args(arguments)


def _number(text: str) -> int:
    number = _count(text)
    if number == 0:
        raise argparse.ArgumentTypeError("at least one is needed")
    return number


def _count(text: str) -> int:
    """A whole number, which may be written as 1e6 or 1_000_000."""
    try:
        number = int(float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than nothing")
    return number


if __name__ == "__main__":
    tune_collector()
    sys.exit(main(sys.argv[1:]))
