"""`runledger projection`: how far the views are, and building them anew."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ledger.errors import NotFoundError
from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.projection import Projection
    from projections.sqlite.view import SqliteView
    from projections.view import View
    from runledger.wiring import Embedded


@click.group(cls=Noun)
def projection() -> None:
    """See how far the views are, and build them anew."""


@projection.command()
@pass_session
def status(session: Session) -> None:
    """Show how far each view has read, and how many events it lags behind."""
    from projections.status import statuses  # noqa: PLC0415 - help needs none of it

    with session.embedded() as parts:
        parts.log.catch_up()
        result = [asdict(found) for found in statuses(parts.feed, parts.view)]
    session.output.write(result, _STATUS_COLUMNS)


@projection.command()
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="tell what would be read, and do nothing")
@pass_session
def rebuild(session: Session, name: str | None, dry_run: bool) -> None:
    """Build a view anew beside the one in use, or all of them in one reading; queries go on meanwhile."""
    with session.embedded() as parts:
        parts.log.catch_up()
        found = _named(name)
        result = [_plan(parts, each) for each in found] if dry_run else _rebuild(parts, found, name)
        if name in {None, _METRICS}:
            result.append(_plan_metrics(parts) if dry_run else _rebuild_metrics(parts))
    session.output.write(result)


@projection.command()
@click.option("--abandon", is_flag=True, help="give up rebuilds that were begun and did not end")
@click.option("--dry-run", is_flag=True, help="tell what would be given back, and do nothing")
@pass_session
def vacuum(session: Session, abandon: bool, dry_run: bool) -> None:
    """Give back the space of tables that were dropped: those before a rebuild, and with --abandon half-built ones."""
    from projections.sqlite.vacuum import size_of, unused_bytes  # noqa: PLC0415

    with session.embedded() as parts:
        view = _in_a_file(parts.view)
        before, dropped = size_of(view), 0
        if dry_run:
            note(f"Would give back {unused_bytes(view):,} of {before:,} bytes, and what unused tables have.")
        else:
            dropped = _drop_unused(view, abandon=abandon)
            _shrink(view)
        _tell_begun(view, parts.feed.last_position())
        result = {"path": str(view.path), "before": before, "after": size_of(view), "tables_dropped": dropped}
    session.output.write(result)


def _in_a_file(view: "View") -> "SqliteView":
    from projections.sqlite.view import SqliteView  # noqa: PLC0415

    if not isinstance(view, SqliteView):
        raise click.UsageError(f"{view.name} is a database that gives space back by itself")
    return view


def _drop_unused(view: "View", *, abandon: bool) -> int:
    from projections.answers import PROJECTIONS  # noqa: PLC0415
    from projections.leftovers import drop_leftovers, give_up  # noqa: PLC0415

    if abandon:
        for each in PROJECTIONS:
            give_up(view, each)
    return sum(drop_leftovers(view, each) for each in PROJECTIONS)


def _shrink(view: "SqliteView") -> None:
    from projections.sqlite.vacuum import vacuum as give_back  # noqa: PLC0415

    try:
        with Progress(f"making {view.path.name} smaller", "bytes") as progress:
            give_back(view, progress.update)
    except KeyboardInterrupt:
        note("Stopped; what was given back is. `runledger projection vacuum` goes on from there.")
        raise


def _tell_begun(view: "View", end: int) -> None:
    from projections.answers import PROJECTIONS  # noqa: PLC0415

    for each in PROJECTIONS:
        begun = view.checkpoint(each, building=True)
        if begun is not None:
            note(
                f"A rebuild of {each.name} was begun, and has read {begun.position} of {end}: "
                f"`runledger projection rebuild {each.name}` goes on from there, and `vacuum --abandon` gives it up."
            )


def _named(name: str | None) -> "list[Projection]":
    from projections.answers import PROJECTIONS  # noqa: PLC0415

    found = [projection for projection in PROJECTIONS if name in {None, projection.name}]
    if not found and name != _METRICS:
        names = ", ".join([*(projection.name for projection in PROJECTIONS), _METRICS])
        raise NotFoundError(f"there is no projection {name!r}; there is: {names}")
    return list(found)


def _plan(parts: "Embedded", projection: "Projection") -> dict[str, Any]:
    begun = parts.view.checkpoint(projection, building=True)
    start, end = begun.position if begun else 0, parts.feed.last_position()
    note(f"Would read positions {start + 1} to {end} into new tables of {projection.name}.")
    return {"name": projection.name, "version": projection.version, "from": start, "to": end}


def _rebuild(parts: "Embedded", projections: "Sequence[Projection]", name: str | None) -> list[dict[str, Any]]:
    from projections.rebuild import rebuild_all  # noqa: PLC0415

    try:
        with Progress(f"rebuilding {name or 'all views'}", "events") as progress:
            checkpoints = rebuild_all(parts.view, projections, parts.feed, progress.update)
    except KeyboardInterrupt:
        _tell_stopped(parts, projections, name)
        raise
    return [{"name": each.name} | asdict(at) for each, at in zip(projections, checkpoints, strict=True)]


def _tell_stopped(parts: "Embedded", projections: "Sequence[Projection]", name: str | None) -> None:
    begun = [parts.view.checkpoint(each, building=True) for each in projections]
    position = min((at.position for at in begun if at is not None), default=0)
    command = " ".join(["runledger projection rebuild", *([name] if name else [])])
    note(
        f"Stopped at position {position} of {parts.feed.last_position()}. The views in use are as they were. "
        f"`{command}` goes on from there; `runledger projection vacuum --abandon` gives it up."
    )


def _plan_metrics(parts: "Embedded") -> dict[str, Any]:
    from projections.metrics.tables import VERSION  # noqa: PLC0415

    note(f"Would fold the logged values of every run again into the tables of {_METRICS}.")
    return {"name": _METRICS, "version": VERSION, "writers": len(parts.database.heads_of(_VALUES))}


def _rebuild_metrics(parts: "Embedded") -> dict[str, Any]:
    from projections.metrics.rebuild import rebuild as fold_again  # noqa: PLC0415
    from projections.metrics.tables import VERSION  # noqa: PLC0415
    from schemas.streams import VALUES  # noqa: PLC0415

    with Progress(f"rebuilding {_METRICS}", "runs") as progress:
        fold_again(parts.view, parts.database, parts.database.identities()[VALUES].id, progress.update)
    return {"name": _METRICS, "version": VERSION, "writers": len(parts.database.heads_of(_VALUES))}


_METRICS = "metrics"
_VALUES = "values:"

_STATUS_COLUMNS = (
    Column("PROJECTION", lambda found: found["name"], whole=True),
    Column("VERSION", lambda found: found["version"]),
    Column("GENERATION", lambda found: found["generation"]),
    Column("POSITION", lambda found: found["position"], whole=True),
    Column("END", lambda found: found["end"], whole=True),
    Column("LAG", lambda found: found["lag"], whole=True),
    Column("UNREADABLE", lambda found: found["opaque"]),
)
