"""`runledger replay`: the history as Parquet files, or one table of it to a pipe."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ledger.errors import RefusedError
from runledger.cli.moments import MOMENT, moment
from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.runs.options import complete_experiments
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

if TYPE_CHECKING:
    from projections.analytics.selection import Selection

_PIPE = "-"
_TABLES = ("events", "metrics", "runs", "experiments")
_FORMS = ("jsonl", "arrow")
_TO_HELP = "the lake: a folder, an address of fsspec such as s3://BUCKET/PREFIX, or - for stdout"
_EVERY_HELP = "with --follow: how often, at most"
_SECONDS = click.FloatRange(min=0.1)
_MOMENT_HELP = "2026-11-25, 2026-11-25T08:30 in local time, or 7d, 12h for so long ago"


def _as_of(text: str) -> int | str:
    return int(text) if text.isdecimal() else moment(text)


@click.command(cls=Verb)
@click.option("-o", "--output", "address", required=True, metavar="FOLDER|URL|-", help=_TO_HELP)
@click.option("--since", type=moment, metavar=MOMENT, help=f"what was recorded then or later; {_MOMENT_HELP}")
@click.option("--until", type=moment, metavar=MOMENT, help="what was recorded before then")
@click.option("--as-of", type=_as_of, metavar=f"POSITION|{MOMENT}", help="the ledger as it was then: that is the end")
@click.option(
    "-e",
    "--experiment",
    "--experiment-name",
    "experiment",
    metavar="NAME",
    help="of this experiment alone",
    shell_complete=complete_experiments,
)
@click.option("--table", type=click.Choice(_TABLES), help="with -o -: which table  [default: events]")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="with -o -: JSON lines, or an Arrow IPC stream  [default: jsonl]",
)
@click.option("-f", "--follow", is_flag=True, help="keep the lake fresh until interrupted")
@click.option("--every", type=_SECONDS, default=10.0, show_default=True, metavar="SECONDS", help=_EVERY_HELP)
@pass_session
def replay(
    session: Session,
    /,
    address: str,
    table: str | None,
    form: str | None,
    follow: bool,
    every: float,
    **asked: Any,
) -> None:
    """Write the history as Parquet files, for any engine.

    Events and metrics lie by day, runs and experiments as they are now. The next replay into the same place adds what
    is new; ended half-way, it goes on. docs/analytics.md says what the tables hold and how to read them.
    """
    if address == _PIPE:
        if follow:
            raise click.UsageError("--follow keeps a lake fresh; `runledger events tail -f` follows on stdout.")
        _pipe(session, table or "events", form or "jsonl", _selection(**asked))
        return
    if table is not None or form is not None:
        raise click.UsageError("--table and --format are for one table on stdout: -o -. A lake has all of them.")
    if follow and not (asked["until"] is asked["as_of"] is None):
        raise click.UsageError("--follow has no end: leave --until and --as-of out.")
    _replay(session, address, _selection(**asked), every if follow else None)


def _pipe(session: Session, table: str, form: str, selection: "Selection") -> None:
    from runledger.replaying import pipe  # noqa: PLC0415 - help needs none of it

    if form == "arrow" and sys.stdout.isatty():
        raise click.UsageError("an Arrow stream is not for a terminal: pipe it into a program or a file.")
    _check_location(session)
    with session.embedded() as parts:
        pipe(parts, table, selection, form, sys.stdout.buffer)


def _replay(session: Session, address: str, selection: "Selection", every: float | None) -> None:
    from runledger.replaying import follow, replay_once  # noqa: PLC0415

    _check_location(session)
    with session.embedded() as parts:
        with Progress("replaying", "records") as progress:
            done = replay_once(parts, address, selection, progress.update)
        session.output.write(done, _lines, by_line=every is not None)
        if every is not None:
            note(f"Following every {every:g} s; Ctrl-C ends it.")
            follow(parts, address, selection, every, lambda told: session.output.write(told, _lines, by_line=True))


def _check_location(session: Session) -> None:
    from runledger.locating import is_url  # noqa: PLC0415

    location = session.location()
    if is_url(location):
        raise RefusedError(
            f"a replay reads the ledger where it lies, and {location} is a server: run it on that machine with "
            "`-w FOLDER`, the folder that the server was given as --data. With Kafka, any machine that reaches the "
            "brokers can: `runledger init FOLDER --log kafka://...` first."
        )


def _selection(since: str | None, until: str | None, as_of: int | str | None, experiment: str | None) -> "Selection":
    from projections.analytics.selection import Selection  # noqa: PLC0415

    return Selection(
        since=_milliseconds(since),
        until=_milliseconds(until),
        experiment=experiment,
        as_of=as_of if isinstance(as_of, int) else None,
        as_of_moment=_milliseconds(as_of) if isinstance(as_of, str) else None,
    )


def _milliseconds(text: str | None) -> int | None:
    from ledger.filters import microseconds_of  # noqa: PLC0415

    return None if text is None else microseconds_of(text) // 1_000


def _lines(done: dict[str, Any]) -> Iterator[str]:
    yield f"{done['lake']} has come to position {done['position']:,}"
    if not done["files"]:
        yield "  nothing new"
        return
    yield f"  {done['events']:,} events and {done['points']:,} points added, {done['files']:,} files written"
    if done["runs"] or done["experiments"]:
        yield f"  {done['runs']:,} runs of {done['experiments']:,} experiments as they are"
    if done["skipped"]:
        yield f"  {done['skipped']:,} batches of values left out: a newer version of runledger wrote them"
