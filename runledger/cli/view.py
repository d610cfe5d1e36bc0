"""`runledger view`: lists of runs under a name, for oneself or shared."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import click

from ledger.commands import DeleteView, SaveView, ShareView
from ledger.errors import NotFoundError
from ledger.filters import Filter, Operator, split
from ledger.queries import RunQuery, ViewDocument
from ledger.wire import query_to
from runledger.cli.issuing import CLIENT
from runledger.cli.output import note
from runledger.cli.runs.listing import RUN_COLUMNS, collect
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column

if TYPE_CHECKING:
    from ledger.client import Client

_NO_VIEWS = "No views yet. `runledger view save NAME --filter tag.team:is:vision` makes one."
_TEXTS = ("experiment", "search", "order_by")


_as_of = click.option("--as-of", metavar="MOMENT", help="as it was: at a position, or at a time in ISO 8601 (UTC)")


@click.group(cls=Noun)
def view() -> None:
    """Save, list, open, share and delete views of the run list."""


@view.command("list")
@_as_of
@pass_session
def list_views(session: Session, as_of: str | None) -> None:
    """List the views that you may see, by name, as they are or as they were."""
    with session.client() as client:
        found = list(client.views(as_of))
    if not found:
        note(_NO_VIEWS if as_of is None else "There were no views then that you may see.")
    session.output.write(found, _COLUMNS)


@view.command()
@click.argument("name")
@click.option("--filter", "filters", multiple=True, metavar="FIELD:OPERATOR:VALUES", help="as of `run list`")
@click.option("--search", metavar="WORDS", help="as of `run list`")
@click.option("--order-by", metavar="FIELD", help="as of `run list`")
@click.option("--experiment-name", "-e", "experiment", metavar="NAME", help="runs of this experiment")
@click.option("--columns", metavar="KIND.KEY,...", help="what is shown, such as tag.team,metric.loss")
@click.option("--description", metavar="TEXT", help="what it is for")
@pass_session
def save(
    session: Session, /, name: str, filters: tuple[str, ...], columns: str | None, description: str | None, **asked: Any
) -> None:
    """Save a list of runs under a name; nobody else sees it until it is shared."""
    query = RunQuery(
        filters=tuple(map(Filter.parse, filters)), columns=None if columns is None else split(columns), **asked
    )
    text = urlencode([pair for pair in query_to(query) if pair[0] != "limit"])
    view_id = str(uuid4())
    with session.client() as client:
        client.execute(SaveView(view_id=view_id, name=name, query=text, description=description, client=CLIENT))
        session.output.write(client.view(view_id))


@view.command()
@click.argument("name", metavar="VIEW")
@_as_of
@pass_session
def show(session: Session, name: str, as_of: str | None) -> None:
    """Show what a view says, as it is or as it was; one that is deleted by its whole id."""
    with session.client() as client:
        session.output.write(_at(client, name, as_of))


@view.command("open")
@click.argument("name", metavar="VIEW")
@_as_of
@click.option("--last", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="how many runs")
@pass_session
def open_view(session: Session, name: str, last: int, as_of: str | None) -> None:
    """List the runs of a view; VIEW is its name, or how its id begins.

    With --as-of, the runs that the view as it was had then.
    """
    with session.client() as client:
        query = replace(_query(_at(client, name, as_of)), as_of=as_of)
        runs = collect(client, query, last, session.output.query)
    session.output.write(runs, RUN_COLUMNS)


@view.command()
@click.argument("name", metavar="VIEW")
@click.option("--everybody", type=click.Choice(["view", "edit"]), help="who has access to the workspace may do so")
@click.option(
    "--with", "users", multiple=True, metavar="USER[=edit]", help="this user may view or edit; again: and that"
)
@pass_session
def share(session: Session, name: str, everybody: str | None, users: tuple[str, ...]) -> None:
    """Say who may use a view beside its owner; without an option nobody may."""
    rights = {user: right or "view" for user, _, right in (each.partition("=") for each in users)}
    with session.client() as client:
        found = _found(client, name)
        client.execute(
            ShareView(
                view_id=found["view_id"], everybody=everybody, users=rights, as_of=found["last_position"], client=CLIENT
            )
        )
        session.output.write(client.view(found["view_id"]))


@view.command()
@click.argument("name", metavar="VIEW")
@pass_session
def delete(session: Session, name: str) -> None:
    """Delete a view for everybody who may see it; runs stay as they are."""
    with session.client() as client:
        found = _found(client, name)
        client.execute(DeleteView(view_id=found["view_id"], as_of=found["last_position"], client=CLIENT))
    note(f"The view {found['name']} is deleted.")


def _found(client: "Client", name: str) -> ViewDocument:
    views = client.views()
    found = [each for each in views if each["name"] == name] or [
        each for each in views if name and each["view_id"].startswith(name)
    ]
    if len(found) != 1:
        how_many = "no view has the name" if not found else f"{len(found)} views have the name"
        raise NotFoundError(f"{how_many} {name!r}, or an id that begins so; `runledger view list` lists them")
    return found[0]


def _at(client: "Client", name: str, as_of: str | None) -> ViewDocument:
    """A view as it is, or as it was: then it may be deleted by now."""
    if as_of is None:
        return _found(client, name)
    try:
        view_id = _found(client, name)["view_id"]
    except NotFoundError:
        view_id = name
    return client.view(view_id, as_of)


def _query(found: ViewDocument) -> RunQuery:
    """The question of a view; what only a page knows is passed over."""
    fields: dict[str, Any] = {}
    filters = []
    chosen = tuple(value for name, value in parse_qsl(found["query"]) if name == "run")
    if chosen:
        return RunQuery(filters=(Filter("run_id", Operator.IS, chosen),), include_children=True, include_archived=True)
    for name, value in parse_qsl(found["query"], keep_blank_values=True):
        if name == "filter":
            filters.append(Filter.parse(value))
        elif name == "status":
            fields["statuses"] = [*fields.get("statuses", []), value]
        elif name in _TEXTS:
            fields[name] = value
        elif name in {"include_children", "include_archived"}:
            fields[name] = value == "true"
    return RunQuery(filters=tuple(filters), **fields)


def _with(found: ViewDocument) -> str:
    named = [f"{user} ({right})" for user, right in found["users"].items()]
    return ", ".join([*([f"everybody ({found['everybody']})"] if found["everybody"] else []), *named])


_COLUMNS = (
    Column("VIEW", lambda found: found["name"], whole=True),
    Column("ID", lambda found: found["view_id"][:8], whole=True),
    Column("OWNER", lambda found: found["owner"]),
    Column("SHARED WITH", _with),
    Column("YOU MAY", lambda found: found["right"]),
    Column("QUERY", lambda found: found["query"]),
)
