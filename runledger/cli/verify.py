"""`runledger verify`: was the stored history changed?"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from runledger.cli.exit_codes import ExitCode
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

if TYPE_CHECKING:
    from ledger.verify import BrokenLink, LogReport


@click.command(cls=Verb)
@click.pass_context
@pass_session
def verify(session: Session, context: click.Context) -> None:
    """Check that the stored history was not changed: every hash is computed again.

    The exit code is 6 if a link is broken. Only ledger.db is read; no log needs to be reached.
    """
    with Progress("verifying", "events") as progress:
        result = _checked(session.location(), progress.update)
    session.output.write(result, _lines)
    if not result["intact"]:
        context.exit(ExitCode.CHECK_FAILED)


def _checked(location: str, progress: Callable[[int], None]) -> dict[str, Any]:
    from ledger.verify import verify as verify_ledger  # noqa: PLC0415 - help needs none of it
    from runledger.stored import DamagedFileError, stored_ledger  # noqa: PLC0415
    from schemas.streams import CONTROL  # noqa: PLC0415

    try:
        with stored_ledger(location) as database:
            reports = verify_ledger(database, progress)
            # The chains say nothing about SQLite's own indexes, by which the events are found.
            (pages,) = database.reading().execute("PRAGMA integrity_check(1)").fetchone()
    except DamagedFileError as error:
        return _result([], str(error))
    if CONTROL not in {report.log for report in reports}:
        return _result(reports, "the file does not say any more which log it holds")
    return _result(reports, None if pages == "ok" else f"the file is damaged: {pages}")


def _result(reports: "list[LogReport]", damage: str | None) -> dict[str, Any]:
    intact = damage is None and all(report.broken is None for report in reports)
    return {"intact": intact, "damage": damage, "logs": [_as_document(report) for report in reports]}


def _as_document(report: "LogReport") -> dict[str, Any]:
    return {
        "log": report.log,
        "log_id": report.log_id,
        "events": report.events,
        "streams": report.streams,
        "voids": report.voids,
        "running_hash": report.running,
        "intact": report.broken is None,
        "broken": None if report.broken is None else _broken_document(report.broken),
    }


def _broken_document(broken: "BrokenLink") -> dict[str, Any]:
    return asdict(broken) | {"text": str(broken)}


def _lines(result: dict[str, Any]) -> Iterator[str]:
    for log in result["logs"]:
        yield f"{log['log']} log {log['log_id']}"
        if log["intact"]:
            yield f"  {log['events']:,} events in {log['streams']:,} streams, {log['voids']:,} void records"
            yield f"  running hash {log['running_hash']}"
            yield "  chain intact"
        else:
            yield f"  {log['events']:,} events hold, then the first broken link:"
            yield f"  {log['broken']['text']}"
    if result["damage"] is not None:
        yield f"broken: {result['damage']}"
