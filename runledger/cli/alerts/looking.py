"""What rules would do, why they did or did not, and whether all of it works."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ledger.commands import TestRule
from ledger.queries import RunQuery, Span
from runledger.cli.alerts.files import rules_in
from runledger.cli.alerts.naming import id_of
from runledger.cli.alerts.options import seconds
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column, moment

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=Verb)
@click.argument("rule", metavar="[RULE]", required=False)
@click.option("--file", type=_FILE, metavar="FILE", help="a draft, as `apply` reads it; in the place of RULE if named")
@click.option("--since", type=seconds, metavar="7d", help="only this far back; else all of the history")
@click.option("--until", type=seconds, metavar="1d", help="only up to so long ago; else up to now")
@pass_session
def preview(session: Session, rule: str | None, file: Path | None, since: int | None, until: int | None) -> None:
    """Show what RULE, or the draft in FILE, would have sent.

    All of the history is read. For a rule as it is this is what was sent, and what became of it. A
    draft is taken to have been in force since the beginning of the span.
    """
    if (rule is None) == (file is None) and rule is None:
        raise click.UsageError("Name a RULE, a draft with --file, or both.")
    now = datetime.now(UTC)
    span = Span(since=_before(now, since), until=_before(now, until))
    with session.client() as client:
        rule_id = None if rule is None else id_of(client, rule)
        found: list[dict[str, Any]] = []
        for draft in [None] if file is None else [each.draft() for each in rules_in(file)]:
            found += client.preview(rule_id, draft, span)
    if not found:
        note("Nothing would have been sent.")
    session.output.write(found, _INTENT_COLUMNS)


@click.command(cls=Verb)
@click.argument("run_id", metavar="RUN")
@click.option("--rule", metavar="RULE", help="about this rule alone")
@pass_session
def explain(session: Session, run_id: str, rule: str | None) -> None:
    """Say for each rule why it did or did not tell of RUN."""
    with session.client() as client:
        rule_id = None if rule is None else id_of(client, rule)
        found = [each for each in client.explain(run_id) if rule_id in {None, each["rule_id"]}]
    if not found:
        note("There are no rules that could have told of it.")
    session.output.write(found, _REASON_COLUMNS)


@click.command(cls=Verb)
@click.argument("rule", metavar="RULE")
@click.option("--run", "run_id", metavar="ID", help="about this run; else about the newest one, or an example")
@pass_session
def test(session: Session, rule: str, run_id: str | None) -> None:
    """Send the recipients of RULE a test.

    It takes the way that every mail takes, is marked as a test, and is in the history.
    """
    with session.client() as client:
        rule_id = id_of(client, rule)
        newest = client.runs(RunQuery(limit=1)).runs if run_id is None else []
        run_id = newest[0]["run_id"] if newest else run_id
        client.execute(TestRule(rule_id=rule_id, run_id=run_id))
        found = [each for each in client.preview(rule_id, None, Span()) if each["kind"] == "test"]
        location = client.location
    session.output.write(found[-1:], _INTENT_COLUMNS)
    from runledger.alerting import how_mail_goes_out  # noqa: PLC0415

    note(how_mail_goes_out(location))


@click.command(cls=Verb)
@pass_session
def health(session: Session) -> None:
    """Show what waits to be sent, since when, and why."""
    with session.client() as client:
        session.output.write(client.alert_health())


def _before(now: datetime, span: int | None) -> int | None:
    return None if span is None else int((now - timedelta(seconds=span)).timestamp() * 1_000)


def _what(found: Mapping[str, Any]) -> str:
    if found["count"] == 1:
        return f"{found['run_id'] or found['experiment']} {found['status']}"
    return ", ".join(f"{count} {word}" for word, count in found["counts"].items())


_INTENT_COLUMNS = (
    Column("DUE (UTC)", lambda found: moment(found["due_utc"])),
    Column("KIND", lambda found: found["kind"]),
    Column("RECIPIENT", lambda found: found["recipient"]),
    Column("OF", _what, whole=True),
    Column("POSITION", lambda found: found["position"], whole=True),
    Column("STATE", lambda found: found["state"] or found["suppressed"] or "not sent"),
)
_REASON_COLUMNS = (
    Column("RULE", lambda found: found["rule"]),
    Column("HAPPENED", lambda found: found["happened"]),
    Column("POSITION", lambda found: found["position"], whole=True),
    Column("TOLD", lambda found: "yes" if found["told"] else "no", whole=True),
    Column("BECAUSE", lambda found: found["because"], whole=True),
)
