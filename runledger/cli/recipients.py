"""Verbs of `runledger alert` about who is told: who unsubscribed, whose mail came back, and both undone."""

import mailbox
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.commands import LimitRecipient, RecipientCommand, Resubscribe, Unsubscribe, UnsuppressRecipient
from ledger.errors import NotFoundError
from ledger.queries import RecipientDocument, RuleDocument
from runledger.cli.alerts.options import rate
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column, moment

if TYPE_CHECKING:
    from ledger.client import Client

_address = click.argument("address", metavar="ADDRESS")
_rule = click.option("--rule", metavar="RULE", help="this rule alone, by its name or id; else all rules")


@click.command(cls=Verb)
@pass_session
def recipients(session: Session) -> None:
    """List who unsubscribed, whose mail came back, and who has a limit; * is everybody else."""
    with session.client() as client:
        found, rules = list(client.recipients()), {each["rule_id"]: each["name"] for each in client.rules()}
    if not found:
        note("Everybody whom a rule names is told.")
    columns = (
        Column("RECIPIENT", lambda each: each["recipient"], whole=True),
        Column("UNSUBSCRIBED FROM", lambda each: ", ".join(_left(each, rules))),
        Column("LIMIT", lambda each: _said(each.get("limit"))),
        Column("BOUNCED (UTC)", lambda each: moment((each["suppressed"] or {}).get("since_utc"))),
        Column("BECAUSE", lambda each: bounce_of(each["suppressed"] or {})),
    )
    session.output.write(found, columns)


@click.command(cls=Verb)
@_address
@_rule
@pass_session
def unsubscribe(session: Session, address: str, rule: str | None) -> None:
    """Take a recipient off a rule, or off all; the link in each mail does the same."""
    with session.client() as client:
        _execute(session, client, Unsubscribe(recipient=address, rule=_rule_id(client, rule)))


@click.command(cls=Verb)
@_address
@_rule
@pass_session
def resubscribe(session: Session, address: str, rule: str | None) -> None:
    """Tell a recipient again who unsubscribed, and now wants to be told."""
    with session.client() as client:
        _execute(session, client, Resubscribe(recipient=address, rule=_rule_id(client, rule)))


@click.command(cls=Verb)
@_address
@pass_session
def unsuppress(session: Session, address: str) -> None:
    """Send to an address again whose mail came back, since it works now."""
    with session.client() as client:
        _execute(session, client, UnsuppressRecipient(recipient=address))


@click.command(cls=Verb)
@click.argument("recipient", metavar="RECIPIENT")
@click.argument("mails", metavar="N/1h", type=rate, required=False)
@click.option("--none", "unlimited", is_flag=True, help="no limit (of their own) any more")
@pass_session
def limit(session: Session, recipient: str, mails: dict[str, int] | None, unlimited: bool) -> None:
    """Tell RECIPIENT at most N times in a span, whatever rules it is about; what is over it is one digest.

    RECIPIENT is an address, channel:NAME, or '*' for everybody who has no limit of their own.
    """
    if (mails is None) != unlimited:
        raise click.UsageError("Name a limit such as 20/1h, or --none.")
    with session.client() as client:
        _execute(session, client, _limiting(recipient, mails))


@click.command(cls=Verb)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, allow_dash=True))
@pass_session
def bounces(session: Session, files: tuple[str, ...]) -> None:
    """Take in mails that came back: a mailbox, a Maildir, one mail, or - for one on standard input.

    An address of which a mail came back for good is suppressed: nothing is sent to it until `alert unsuppress`. To read
    a mailbox again changes nothing.
    """
    with session.client() as client:
        found = [client.take_bounce(content) for file in files for content in _messages(file)]
    session.output.write(found, _BOUNCE_COLUMNS)
    note(f"To the recipients of {sum(each['suppressed'] for each in found)} of {len(found)} mails nothing is sent now.")


VERBS = (recipients, unsubscribe, resubscribe, unsuppress, limit, bounces)
"""What is added to `runledger alert`."""


def recipients_of(rule: RuleDocument) -> str:
    """The recipients of a rule in a table, and why some are not mailed."""
    not_mailed = rule.get("not_mailed") or {}
    named = (rule["definition"] or {}).get("recipients") or ()
    return ", ".join(f"{each} ({not_mailed[each]})" if each in not_mailed else each for each in named)


def bounce_of(bounce: dict[str, Any]) -> str:
    """Why a mail came back, in one line."""
    return " ".join(filter(None, (bounce.get("status"), bounce.get("diagnostic"))))


def _limiting(recipient: str, rate: dict[str, int] | None) -> LimitRecipient:
    if rate is None:
        return LimitRecipient(recipient=recipient)
    return LimitRecipient(recipient=recipient, mails=rate["mails"], seconds=rate["seconds"])


def _said(found: dict[str, int] | None) -> str | None:
    """A limit as it was named."""
    return None if found is None else f"{found['mails']} in {found['seconds']:,} s"


def _left(recipient: RecipientDocument, rules: dict[str, str]) -> list[str]:
    ids = [each["rule_id"] for each in recipient["unsubscribed"]]
    return ["all rules" if each is None else rules.get(each, each) for each in ids]


def _execute(session: Session, client: "Client", command: RecipientCommand) -> None:
    changed = client.execute(command).changed
    same = [each for each in client.recipients() if each["recipient"].casefold() == command.recipient.casefold()]
    told: RecipientDocument = {"recipient": command.recipient, "unsubscribed": [], "suppressed": None, "limit": None}
    session.output.write(same[0] if same else told)
    if not changed:
        note(f"There was nothing to do: it was so for {command.recipient} already.")


def _rule_id(client: "Client", rule: str | None) -> str | None:
    if rule is None:
        return None
    named = [each["rule_id"] for each in client.rules() if rule in {each["rule_id"], each["name"]}]
    if len(named) != 1:
        raise NotFoundError(f"{len(named) or 'no'} rules are called {rule!r}; `runledger alert list` shows their ids")
    return str(named[0])


def _messages(file: str) -> Iterator[bytes]:
    """The mails in a mailbox, a Maildir, or a file that is one mail."""
    if file == "-":
        yield sys.stdin.buffer.read()
        return
    path = Path(file)
    if path.is_dir():
        with closing(mailbox.Maildir(path, create=False)) as folder:
            yield from (folder.get_bytes(key) for key in folder.iterkeys())
    elif _is_mailbox(path):
        with closing(mailbox.mbox(path, create=False)) as box:
            yield from (box.get_bytes(key) for key in box.iterkeys())
    elif path.stat().st_size:  # an empty one is a mailbox that nothing came to
        yield path.read_bytes()


def _is_mailbox(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(5) == b"From "


_BOUNCE_COLUMNS = (
    Column("VERDICT", lambda each: each["verdict"], whole=True),
    Column("RECIPIENT", lambda each: each["recipient"]),
    Column("STATUS", lambda each: each["status"]),
    Column("SUPPRESSED", lambda each: "yes" if each["suppressed"] else "no", whole=True),
    Column("BECAUSE", lambda each: each["why"] or each["diagnostic"]),
)
