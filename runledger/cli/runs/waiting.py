"""`run wait` and `run watch`: until a run has ended."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from ledger.queries import RunDocument
from ledger.values.forms import spelled, summary_to
from runledger.cli.exit_codes import ExitCode
from runledger.cli.output import note
from runledger.cli.runs.options import run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import as_text
from schemas.errors import LedgerError
from schemas.statuses import RunStatus

if TYPE_CHECKING:
    from ledger.client import Client

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_WATCH_PAUSE = 1.0


class StillRunningError(LedgerError):
    """A run had not ended when the time was over."""


@click.command(cls=Verb)
@run_id_option
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="give up after so long")
@pass_session
def wait(session: Session, run_id: str, timeout: float | None) -> None:
    """Wait for the end of a run; 6 if it did not complete.

    The exit code is 0 for Completed, 6 for Failed and Canceled, and 1 if --timeout is over.
    """
    with session.client() as client:
        document = awaited(client, run_id, timeout)
    session.output.write(document)
    raise Exit(exit_code_of(document))


def awaited(
    client: "Client",
    run_id: str,
    timeout: float | None,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause_for: Callable[[float], None] = time.sleep,
) -> RunDocument:
    """The run once it has ended; asked more and more seldom.

    Raises:
        StillRunningError: it has not ended after so many seconds.
    """
    end = None if timeout is None else clock() + timeout
    pause = _FIRST_PAUSE
    while True:
        document = client.run(run_id)
        if document["is_terminal"]:
            return document
        left = None if end is None else end - clock()
        if left is not None and left <= 0:
            raise StillRunningError(f"run {run_id} is {document['status']} after {timeout:g} seconds; it goes on")
        pause_for(pause if left is None else min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def exit_code_of(document: RunDocument) -> ExitCode:
    """What the shell is told about an ended run."""
    return ExitCode.DONE if document["status"] == RunStatus.COMPLETED else ExitCode.CHECK_FAILED


@click.command(cls=Verb)
@run_id_option
@pass_session
def watch(session: Session, run_id: str) -> None:
    """Follow the status and the last values of a run to its end.

    A terminal is drawn again each second; elsewhere each change is a line. The exit code is that of `run wait`.
    """
    draws = session.output.on_terminal and session.output.chosen == "table"
    shown: dict[str, Any] | None = None
    drawn = 0
    with session.client() as client:
        while True:
            document = client.run(run_id)
            seen = _seen(client, document)
            if draws:
                drawn = _draw(list(_page(seen)), drawn)
            elif seen != shown:
                session.output.write([seen], _lines, by_line=True)
                shown = seen
            if document["is_terminal"]:
                break
            time.sleep(_WATCH_PAUSE)
    if "error" in document:
        note(f"{document['error'].get('code')}: {as_text(document['error'].get('message'))}")
    raise Exit(exit_code_of(document))


def _seen(client: "Client", document: RunDocument) -> dict[str, Any]:
    metrics = [summary_to(each) for each in client.metrics(document["run_id"])]
    return {
        "run_id": document["run_id"],
        "status": document["status"],
        "metrics": {each["name"]: each["last"] for each in metrics},
        "steps": {each["name"]: each["last_step"] for each in metrics if each["last_step"] is not None},
    }


def _lines(seen: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in seen:
        values = "  ".join(f"{as_text(name)}={_value(value)}" for name, value in each["metrics"].items())
        yield f"{each['status']:<12}  {values}".rstrip()


def _page(seen: dict[str, Any]) -> Iterator[str]:
    yield f"run {as_text(seen['run_id'])}: {seen['status']}"
    width = max(map(len, map(as_text, seen["metrics"])), default=0)
    for name, value in seen["metrics"].items():
        step = seen["steps"].get(name)
        yield f"  {as_text(name):<{width}}  {_value(value)}" + ("" if step is None else f"  (step {step})")


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else as_text(spelled(value) if value is None else value)


def _draw(lines: Sequence[str], before: int) -> int:
    """Draw lines over those drawn before, and answer with how many there are."""
    size = shutil.get_terminal_size()
    # A line that is wrapped, or scrolled away, could not be drawn over.
    lines = [line[: size.columns - 1] for line in lines[: size.lines - 1]]
    up = f"\x1b[{before}F\x1b[J" if before else ""
    sys.stdout.write(up + "".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return len(lines)
