"""`runledger alert`: rules that turn a change of status into mail, in a folder or behind a URL alike."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from ledger.commands import ChangeRule, DefineRule, DeleteRule, DisableRule, EnableRule, RuleCommand
from ledger.errors import NotFoundError
from ledger.queries import RuleDocument
from runledger.cli.conditions import PAIR, STATUS, Pair, pair
from runledger.cli.output import note
from runledger.cli.recipients import VERBS, recipients_of
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column, moment

if TYPE_CHECKING:
    from ledger.client import Client

_NO_RULES = "No rules yet. `runledger alert create NAME --recipient you@example.org` makes one."
_OPERATORS = (">=", "<=", "!=", "=", "<", ">")
_CONDITION = "KEY[=VALUE]"


@click.group(cls=Noun)
def alert() -> None:
    """Say which changes of a run's status are mailed to whom."""


@dataclass(frozen=True, slots=True)
class _Options:
    """What `create` and `edit` take; None leaves as it is."""

    experiment: str | None
    statuses: Sequence[str]
    from_statuses: Sequence[str]
    recipients: Sequence[str]
    tags: Sequence[Pair]
    properties: Sequence[Pair]
    parameters: Sequence[str]
    run_id: str | None
    include_children: bool | None
    subject: str | None
    text_file: Path | None
    html_file: Path | None

    def changes(self) -> dict[str, Any]:
        """What of a definition is said, and nothing else."""
        found: dict[str, Any] = {}
        found |= {"experiment": self.experiment} if self.experiment is not None else {}
        found |= {"to": list(self.statuses)} if self.statuses else {}
        found |= {"from": list(self.from_statuses)} if self.from_statuses else {}
        found |= {"recipients": list(self.recipients)} if self.recipients else {}
        found |= {"run_id": self.run_id} if self.run_id is not None else {}
        found |= {"include_children": self.include_children} if self.include_children is not None else {}
        conditions = [*_conditions("tag", self.tags), *_conditions("property", self.properties)]
        conditions += [_compared(text) for text in self.parameters]
        found |= {"conditions": conditions} if conditions else {}
        templates = {"subject": self.subject, "text": _read(self.text_file), "html": _read(self.html_file)}
        written = {name: text for name, text in templates.items() if text is not None}
        return found | ({"templates": written} if written else {})


def _definition_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("-e", "--experiment", metavar="PATTERN", help="runs of these experiments; * and ? stand for any"),
    click.option("--status", "statuses", multiple=True, type=STATUS, metavar="STATUS",
                 help="when a run becomes this; again: or that. Failed and NotResponding if none is named"),
    click.option("--from", "from_statuses", multiple=True, type=STATUS, metavar="STATUS", help="only from this status"),
    click.option("--recipient", "recipients", multiple=True, metavar="ADDRESS",
                 help="who is told; @submitter is who started the run, channel:NAME one of config.toml"),
    click.option("--tag", "tags", multiple=True, type=pair, metavar=PAIR, help="only runs with this tag"),
    click.option("--property", "properties", multiple=True, type=pair, metavar=PAIR, help="only with this property"),
    click.option("--parameter", "parameters", multiple=True, metavar="KEY>=N", help="only with such a parameter"),
    click.option("--run", "run_id", metavar="ID", help="this run alone"),
    click.option("--include-children/--no-include-children", default=None, help="child runs too"),
    click.option("--subject", metavar="TEMPLATE", help="a subject of your own (Jinja)"),
    click.option("--text-file", type=_FILE, metavar="FILE", help="a template of your own for the text"),
    click.option("--html-file", type=_FILE, metavar="FILE", help="a template of your own for the HTML"),
)  # fmt: skip
_rule = click.argument("rule", metavar="RULE")


@alert.command()
@click.argument("name")
@_definition_options
@pass_session
def create(session: Session, /, name: str, **options: Any) -> None:
    """Make a rule called NAME."""
    definition = {"name": name} | _Options(**options).changes()
    with session.client() as client:
        rule_id = str(uuid4())
        client.execute(DefineRule(rule_id=rule_id, definition=definition))
        session.output.write(client.rule(rule_id))
        note(_how_mail_goes_out(client.location))


@alert.command("list")
@pass_session
def list_rules(session: Session) -> None:
    """List the rules."""
    with session.client() as client:
        found = list(client.rules())
    if not found:
        note(_NO_RULES)
    session.output.write(found, _COLUMNS)


@alert.command()
@_rule
@pass_session
def show(session: Session, rule: str) -> None:
    """Show a rule, by its name or id."""
    with session.client() as client:
        session.output.write(client.rule(_id_of(client, rule)))


@alert.command()
@_rule
@click.option("--name", metavar="NAME", help="another name")
@_definition_options
@pass_session
def edit(session: Session, /, rule: str, name: str | None, **options: Any) -> None:
    """Change what a rule says; what is not named stays as it is."""
    changes = _Options(**options).changes() | ({"name": name} if name is not None else {})
    if not changes:
        raise click.UsageError("Name what is to change; --help lists it.", click.get_current_context())
    with session.client() as client:
        before = client.rule(_id_of(client, rule))
        definition = dict(before["definition"] or {})
        changes["templates"] = dict(definition.get("templates") or {}) | changes.get("templates", {})
        definition |= changes
        client.execute(ChangeRule(rule_id=before["rule_id"], definition=definition))
        session.output.write(client.rule(before["rule_id"]))


@alert.command()
@_rule
@pass_session
def disable(session: Session, rule: str) -> None:
    """Put a rule out of force until it is enabled."""
    _execute(session, rule, DisableRule)


@alert.command()
@_rule
@pass_session
def enable(session: Session, rule: str) -> None:
    """Put a disabled rule into force again."""
    _execute(session, rule, EnableRule)


@alert.command()
@_rule
@pass_session
def delete(session: Session, rule: str) -> None:
    """Put a rule out of force for good; its history stays."""
    _execute(session, rule, DeleteRule)


@alert.command()
@_rule
@pass_session
def history(session: Session, rule: str) -> None:
    """Show what came of a rule's notifications."""
    with session.client() as client:
        found = list(client.deliveries(_id_of(client, rule)))
    if not found:
        note("Nothing was sent because of this rule yet.")
    session.output.write(found, _DELIVERY_COLUMNS)


@alert.command("run")
@click.option("--once", is_flag=True, required=True, help="send what is due, then end; a server does it all the time")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=60.0, show_default=True, metavar="N",
              help="how long at most")  # fmt: skip
@pass_session
def run_once(session: Session, once: bool, seconds: float) -> None:  # noqa: ARG001 - the only way there is
    """Send the mails that are due, without a server."""
    from runledger.alerting import send_due  # noqa: PLC0415 - help needs none of it
    from runledger.tracking import deliver_left_behind  # noqa: PLC0415

    with session.embedded() as parts:
        # The end of a script that nobody saw die is to be mailed too.
        deliver_left_behind(session.location(), parts.client)
        done = send_due(parts, seconds)
    session.output.write(done)
    if not done["done"]:
        for waiting in done["waiting"]:
            note(f"Not sent yet to {waiting['recipient']}: {waiting['because'] or 'there was no time left'}")
        note("`runledger alert run --once` tries again when it is time.")


def _execute(session: Session, rule: str, kind: type[RuleCommand]) -> None:
    with session.client() as client:
        rule_id = _id_of(client, rule)
        client.execute(kind(rule_id=rule_id))
        session.output.write(client.rule(rule_id))


def _id_of(client: "Client", rule: str) -> str:
    """The id of a rule that is named by its id or its name."""
    rules = list(client.rules())
    named = [each["rule_id"] for each in rules if rule in {each["rule_id"], each["name"]}]
    if len(named) == 1:
        return str(named[0])
    if named:
        raise NotFoundError(f"{len(named)} rules are called {rule!r}; name one by its id: {', '.join(named)}")
    known = ", ".join(each["name"] for each in rules) or "none"
    raise NotFoundError(f"there is no rule {rule!r}; there is: {known}")


def _conditions(of: str, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    return [
        {"of": of, "key": key, "operator": "exists"}
        if value is None
        else {"of": of, "key": key, "operator": "=", "value": value}
        for key, value in pairs
    ]


def _compared(text: str) -> dict[str, Any]:
    """The condition of `layers>=3`, `model=net` or `seed`."""
    for operator in _OPERATORS:
        key, found, value = text.partition(operator)
        if found:
            return {"of": "parameter", "key": key.strip(), "operator": operator, "value": _parsed(value.strip())}
    return {"of": "parameter", "key": text.strip(), "operator": "exists"}


def _parsed(value: str) -> Any:
    """A number or a truth value if it is written as one; a text otherwise."""
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, bool | int | float | str) else value


def _read(file: Path | None) -> str | None:
    return None if file is None else file.read_text(encoding="utf-8")


def _how_mail_goes_out(location: str) -> str:
    from runledger.alerting import how_mail_goes_out  # noqa: PLC0415

    return how_mail_goes_out(location)


def _statuses(rule: RuleDocument) -> str:
    definition = rule["definition"] or {}
    before = " or ".join(definition.get("from") or ())
    after = " or ".join(definition.get("to") or ()) or "anything else"
    return f"{before} -> {after}" if before else after


_COLUMNS = (
    Column("RULE", lambda rule: rule["name"], whole=True),
    Column("IN FORCE", lambda rule: "yes" if rule["enabled"] else "no", whole=True),
    Column("STATUS", _statuses),
    Column("EXPERIMENT", lambda rule: (rule["definition"] or {}).get("experiment")),
    Column("RECIPIENTS", recipients_of),
    Column("ID", lambda rule: rule["rule_id"]),
)

_DELIVERY_COLUMNS = (
    Column("CLAIMED (UTC)", lambda found: moment(found["first_claimed_utc"])),
    Column("STATE", lambda found: "bounced" if "bounced" in found else found["state"], whole=True),
    Column("RECIPIENT", lambda found: found["recipient"]),
    Column("KIND", lambda found: found["kind"]),
    Column("POSITION", lambda found: found["trigger"], whole=True),
    Column("ATTEMPT", lambda found: found["attempt"]),
    Column("REPLY", lambda found: found.get("reply") or found.get("because")),
)

for _verb in VERBS:
    alert.add_command(_verb)
