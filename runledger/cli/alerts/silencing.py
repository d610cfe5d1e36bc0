"""Silences: made, ended, and listed."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import click

from ledger.commands import CreateSilence, EndSilence
from ledger.errors import NotFoundError
from runledger.cli.alerts.options import seconds
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column, moment

_MATCHER = re.compile(r"((?:tag|property|parameter):[^=!]+|[a-z_]+)(=~|!~|!=|=)(.*)", re.DOTALL)
_NO_SILENCES = "No silences. `runledger alert silence experiment=NAME --for 2h --reason WHY` makes one."


@click.command(cls=Verb)
@click.argument("matchers", nargs=-1, required=True, metavar="ATTRIBUTE=VALUE...")
@click.option("--for", "span", type=seconds, metavar="2h", required=True, help="how long")
@click.option("--reason", metavar="TEXT", help="why, for the history")
@pass_session
def silence(session: Session, matchers: tuple[str, ...], span: int, reason: str | None) -> None:
    """Let nobody be notified of what all ATTRIBUTE=VALUE match, for some time.

    Attributes are experiment, run, status, rule_name, recipient, kind, tag:KEY, property:KEY and
    parameter:KEY; = and != compare, =~ and !~ take * and ?.
    """
    silence_id = str(uuid4())
    command = CreateSilence(
        silence_id=silence_id,
        matchers=[_matcher(text) for text in matchers],
        until=datetime.now(UTC) + timedelta(seconds=span),
        reason=reason,
    )
    with session.client() as client:
        client.execute(command)
        session.output.write(next(each for each in client.silences() if each["silence_id"] == silence_id))


@click.command(cls=Verb)
@click.argument("silence_id", metavar="ID")
@click.option("--reason", metavar="TEXT", help="why, for the history")
@pass_session
def unsilence(session: Session, silence_id: str, reason: str | None) -> None:
    """End a silence before its time.

    A beginning of its ID is enough.
    """
    with session.client() as client:
        found = [each["silence_id"] for each in client.silences() if each["silence_id"].startswith(silence_id)]
        if len(found) != 1:
            how_many = "no silence has an id that begins" if not found else f"{len(found)} silences have ids that begin"
            raise NotFoundError(f"{how_many} with {silence_id!r}; `runledger alert silences` lists them")
        client.execute(EndSilence(silence_id=found[0], reason=reason))
        session.output.write(next(each for each in client.silences() if each["silence_id"] == found[0]))


@click.command(cls=Verb)
@click.option("--all", "all_of_them", is_flag=True, help="those that are over too")
@pass_session
def silences(session: Session, all_of_them: bool) -> None:
    """List the silences in force."""
    with session.client() as client:
        found = [each for each in client.silences() if all_of_them or each["in_force"]]
    if not found:
        note(_NO_SILENCES)
    session.output.write(found, _COLUMNS)


def _matcher(text: str) -> dict[str, str]:
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no condition, such as experiment=vision or tag:team=~vis*")
    return {"attribute": found[1], "operator": found[2], "value": found[3]}


_COLUMNS = (
    Column("SILENCE", lambda found: found["silence_id"]),
    Column("OF", lambda found: " ".join(found["matchers"]), whole=True),
    Column("UNTIL (UTC)", lambda found: moment(found["ended_utc"] or found["until_utc"])),
    Column("IN FORCE", lambda found: "yes" if found["in_force"] else "no", whole=True),
    Column("BY", lambda found: found["who"]),
    Column("WHY", lambda found: found["why"]),
)
