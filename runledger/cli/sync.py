"""`runledger sync`: deliver what scripts noted without a ledger."""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from ledger.errors import WorkspaceError
from runledger.cli.exit_codes import ExitCode
from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column

if TYPE_CHECKING:
    from ledger.offline.found import Found
    from ledger.offline.sync import Outcome

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(cls=Verb)
@click.argument("folder", metavar="[DIR]", type=_FOLDER, required=False)
@click.option("--assume-ended", is_flag=True, help="deliver also what may have ended, where nobody can tell from here")
@click.option("--dry-run", is_flag=True, help="only say what would be delivered")
@pass_session
def sync(session: Session, folder: Path | None, assume_ended: bool, dry_run: bool) -> None:
    """Deliver the runs that scripts noted with RUNLEDGER_MODE=offline.

    DIR is the folder that RUNLEDGER_JOURNAL_DIR named for them; without it, the one that it names here. What has ended
    is delivered and deleted; what still runs, or may still run on another host, is left. It may be run again, and by
    several at once. The exit code is 7 if something was left, or refused by the ledger.
    """
    place = folder or _home()
    found = _found(place, assume_ended=assume_ended)
    if not found:
        note(f"No journals are in {place}.")
        session.output.write([], _COLUMNS)
        return
    location = _location(session, found)
    found = [_unless_meant_elsewhere(each, location, named=session.workspace is not None) for each in found]
    outcomes = _preview(found) if dry_run else _deliver(session, location, found)
    session.output.write([_document(each, dry_run=dry_run) for each in outcomes], _COLUMNS)
    if not all(each.is_whole for each in outcomes):
        raise Exit(ExitCode.INCOMPLETE)


def _home() -> Path:
    from ledger.journal.places import offline_home  # noqa: PLC0415

    return offline_home(os.environ)


def _found(place: Path, *, assume_ended: bool) -> "list[Found]":
    from ledger.offline.found import find_journals  # noqa: PLC0415 - help needs none of it

    return find_journals(place, assume_ended=assume_ended) if place.is_dir() else []


def _location(session: Session, found: "Sequence[Found]") -> str:
    """The workspace that is meant here; where none is, the one that all journals were noted for."""
    try:
        return session.location()
    except WorkspaceError:
        named = {each.identity.location for each in found} - {""}
        if len(named) != 1:
            raise
        return named.pop()


def _unless_meant_elsewhere(found: "Found", location: str, *, named: bool) -> "Found":
    from runledger.tracking import name_of  # noqa: PLC0415

    meant = found.identity.location
    if named or meant in {"", name_of(location)} or not found.standing.ended:
        return found
    why = f"noted for {meant}: `-w {meant}` delivers it there, or name another workspace"
    return replace(found, standing=replace(found.standing, ended=False, why=why))


def _preview(found: "Sequence[Found]") -> "list[Outcome]":
    from ledger.offline.sync import Outcome, State  # noqa: PLC0415

    states = {True: State.DELIVERED, False: State.LEFT}
    return [Outcome(each.identity, states[each.standing.ended], each.standing.why) for each in found]


def _deliver(session: Session, location: str, found: "Sequence[Found]") -> "list[Outcome]":
    from ledger.offline.sync import Sync  # noqa: PLC0415
    from runledger.wiring import connect  # noqa: PLC0415
    from schemas.limits import Limits  # noqa: PLC0415

    done = 0
    with Progress("delivering", "journals") as progress, closing(connect(location, mounts=session.mounts)) as client:

        def told() -> None:
            nonlocal done
            done += 1
            progress.update(done, len(found))

        return Sync(client, Limits(), told=told).run(found)


def _document(outcome: "Outcome", *, dry_run: bool) -> dict[str, Any]:
    identity = outcome.identity
    state = f"would be {outcome.state}" if dry_run else str(outcome.state)
    return {
        "run_id": identity.run_id or None,
        "writer": identity.writer,
        "host": identity.host,
        "pid": identity.pid,
        "workspace": identity.location or None,
        "state": state,
        "refused": outcome.refused,
        "why": outcome.why,
    }


def _state(row: dict[str, Any]) -> str:
    return f"{row['state']}, {row['refused']} refused" if row["refused"] else str(row["state"])


_COLUMNS = (
    Column("RUN", lambda row: row["run_id"] or "(no run)", whole=True),
    Column("WRITER", lambda row: row["writer"][-8:], whole=True),
    Column("HOST", lambda row: row["host"]),
    Column("NOTED FOR", lambda row: row["workspace"] or "any"),
    Column("STATE", _state, whole=True),
    Column("WHY", lambda row: row["why"]),
)
