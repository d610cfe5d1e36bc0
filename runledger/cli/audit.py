"""`runledger audit`: who did what to which thing, when and why, and what was refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.errors import NotFoundError
from ledger.queries import AUDITED_AT_ONCE, AuditDocument, AuditQuery
from runledger.cli.moments import MOMENT, moment
from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column, as_text
from runledger.cli.tables import moment as shown
from schemas.streams import rule_stream, run_stream

if TYPE_CHECKING:
    from ledger.client import Client

_FILE = click.Path(dir_okay=False, path_type=Path)
_SHOWN = 3


@click.command(cls=Verb)
@click.option("--actor", metavar="USER", help="done by USER or on his behalf")
@click.option("--action", metavar="NAME", help="an event's name, such as run.tagged or alert-rule.changed")
@click.option("--run", "-r", "run_id", metavar="RUN", help="done to this run")
@click.option("--rule", metavar="NAME|ID", help="done to this alert rule; a deleted one by its id")
@click.option("--stream", metavar="KIND:ID", help="done to this thing, whatever it is, as in view:ID")
@click.option("--kind", metavar="KIND", help="done to things of a kind: run, experiment, rule, view, user, ...")
@click.option("--experiment-name", "-e", "experiment", metavar="NAME", help="done to runs of this experiment")
@click.option("--field", metavar="FIELD[=VALUE]", help="changed it, such as status, tags.approved or tags.approved=yes")
@click.option("--client", metavar="NAME", help="sent by this program, such as studio")
@click.option("--address", metavar="ADDRESS", help="came from this network address; of a server, for an admin alone")
@click.option("--since", metavar=MOMENT, help="recorded then or later: 2026-03-01, or 7d for so long ago")
@click.option("--until", metavar=MOMENT, help="recorded before then")
@click.option("--because-of", type=click.IntRange(0), metavar="POSITION", help="mails because of that event")
@click.option("--refused/--accepted", default=None, help="what was refused alone, or what was done alone")
@click.option("--oldest-first", is_flag=True, help="in the order in which it happened")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="how many at most")
@click.option("--cursor", metavar="CURSOR", help="go on where an earlier page ended")
@click.option("--export", "file", type=_FILE, metavar="FILE", help="write all of it to a .csv, .jsonl or .parquet file")
@pass_session
def audit(session: Session, /, file: Path | None, **asked: Any) -> None:
    """Show who did what, when and why, and what was refused; the newest first.

    `runledger run show --as-of POSITION` shows a run as it was at one of these positions.
    """
    if file is not None and file.exists():
        raise click.UsageError(f"{file} is there already, and an export never overwrites")
    with session.client() as client:
        query = _query(client, asked)
        if file is not None:
            _export(session, client, query, file)
            return
        found, cursor = _collect(client, query, asked["limit"])
    if not found:
        note("Nothing like this was done or refused." if cursor is None else "Nothing like this in what was looked at.")
    session.output.write(found, _COLUMNS)
    if cursor is not None:
        note(f"There is more: --cursor {cursor}")


def _query(client: "Client", asked: dict[str, Any]) -> AuditQuery:
    field, equals, value = (asked["field"] or "").partition("=")
    streams = [asked["stream"]] if asked["stream"] else []
    streams += [run_stream(asked["run_id"])] if asked["run_id"] else []
    streams += [rule_stream(_rule_id(client, asked["rule"]))] if asked["rule"] else []
    if len(streams) > 1:
        raise click.UsageError("--run, --rule and --stream each name one thing: give one of them")
    return AuditQuery(
        actor=asked["actor"],
        action=asked["action"],
        kind=asked["kind"],
        experiment=asked["experiment"],
        stream=streams[0] if streams else None,
        field=field or None,
        value=value if equals else None,
        client=asked["client"],
        address=asked["address"],
        since=_milliseconds(asked["since"]),
        until=_milliseconds(asked["until"]),
        because_of=asked["because_of"],
        refused=asked["refused"],
        oldest_first=asked["oldest_first"],
        limit=min(asked["limit"], AUDITED_AT_ONCE),
        cursor=asked["cursor"],
    )


def _rule_id(client: "Client", named: str) -> str:
    ids = [rule["rule_id"] for rule in client.rules() if named in {rule["name"], rule["rule_id"]}]
    if len(ids) > 1:
        raise NotFoundError(f"{len(ids)} rules are called {named!r}; name one by its id: {', '.join(ids)}")
    return str(ids[0]) if ids else named


def _milliseconds(text: str | None) -> int | None:
    return None if text is None else max(int(datetime.fromisoformat(moment(text)).timestamp() * 1000), 0)


def _collect(client: "Client", query: AuditQuery, wanted: int) -> tuple[list[AuditDocument], str | None]:
    """Entries of as many pages as it takes, and the cursor behind them."""
    found: list[AuditDocument] = []
    while True:
        page = client.audit(replace(query, limit=min(wanted - len(found), AUDITED_AT_ONCE)))
        found += page.entries
        if page.cursor is None or len(found) >= wanted:
            return found, page.cursor
        query = replace(query, cursor=page.cursor)


def _export(session: Session, client: "Client", query: AuditQuery, file: Path) -> None:
    from runledger.audited import export  # noqa: PLC0415 - help needs none of it

    with Progress("exporting", "entries") as progress:
        written = export(_all_of(client, query), file, progress.update)
    session.output.write(
        {"file": str(file), "entries": written}, lambda made: [f"{made['entries']:,} entries in {file}"]
    )


def _all_of(client: "Client", query: AuditQuery) -> Iterator[AuditDocument]:
    cursor = query.cursor
    while True:
        page = client.audit(replace(query, limit=AUDITED_AT_ONCE, cursor=cursor))
        yield from page.entries
        if (cursor := page.cursor) is None:
            return


def _thing(entry: AuditDocument) -> str:
    return str(entry["run_id"] or entry["stream"])


def _what(entry: AuditDocument) -> str:
    told = _told(entry)
    if told:
        return told
    parts = [f"{each['field']}: {_value(each['before'])} -> {_value(each['after'])}" for each in entry["changes"]]
    text = "; ".join(parts[:_SHOWN]) + ("; ..." if len(parts) > _SHOWN else "")
    if entry["refused"]:
        text = f"REFUSED ({entry['refused']}{_times(entry)}) {text or entry['message'] or ''}"
    return text


def _told(entry: AuditDocument) -> str:
    """Of claims and outcomes of notifications: who was to be told, and what came of it."""
    after = {each["field"]: each["after"] for each in entry["changes"]}
    parts = [f"{each['kind']} to {each['recipient']} by {each['channel']}" for each in after.get("notifications", ())]
    parts += [
        f"{each['outcome']}: {each['reply']}" if each.get("reply") else each["outcome"]
        for each in after.get("outcomes", ())
    ]
    return "; ".join(parts[:_SHOWN]) + (f"; and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else "")


def _times(entry: AuditDocument) -> str:
    return f", {entry['count']} times" if entry.get("count", 1) > 1 else ""


def _value(value: object) -> str:
    return "-" if value is None else as_text(value)


_COLUMNS = (
    Column("POSITION", lambda entry: entry["position"], whole=True),
    Column("RECORDED (UTC)", lambda entry: shown(entry["recorded_at"]), whole=True),
    Column("WHO", lambda entry: entry["on_behalf_of"] or entry["actor"]),
    Column("ACTION", lambda entry: entry["action"]),
    Column("WHAT", _thing),
    Column("CHANGE", _what),
    Column("WHY", lambda entry: entry["reason"]),
    Column("FROM", lambda entry: entry["client"] or entry["source"]),
)
