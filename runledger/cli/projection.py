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
    from projections.projection import Projection
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
    """Build a view anew beside the one in use, or all of them; queries go on meanwhile."""
    with session.embedded() as parts:
        parts.log.catch_up()
        build = _plan if dry_run else _rebuild
        result = [build(parts, found) for found in _named(name)]
        if name in {None, _METRICS}:
            result.append(_plan_metrics(parts) if dry_run else _rebuild_metrics(parts))
    session.output.write(result)


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


def _rebuild(parts: "Embedded", projection: "Projection") -> dict[str, Any]:
    from projections.rebuild import rebuild as build_anew  # noqa: PLC0415

    try:
        with Progress(f"rebuilding {projection.name}", "events") as progress:
            checkpoint = build_anew(parts.view, projection, parts.feed, progress.update)
    except KeyboardInterrupt:
        begun = parts.view.checkpoint(projection, building=True)
        note(
            f"Stopped at position {begun.position if begun else 0} of {parts.feed.last_position()}. The view in use is "
            f"as it was. `runledger projection rebuild {projection.name}` goes on from there."
        )
        raise
    return {"name": projection.name} | asdict(checkpoint)


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
