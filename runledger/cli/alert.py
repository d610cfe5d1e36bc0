"""`runledger alert`: rules that turn a change of status into mail, in a folder or behind a URL alike."""

from typing import Any
from uuid import uuid4

import click

from ledger.commands import ChangeRule, DefineRule, DeleteRule, DisableRule, EnableRule, RuleCommand
from ledger.queries import RuleDocument
from runledger.cli.alerts.naming import id_at, id_of
from runledger.cli.alerts.options import Options, definition_options
from runledger.cli.lazy import Elsewhere, LazyNoun
from runledger.cli.output import note
from runledger.cli.recipients import VERBS, recipients_of
from runledger.cli.session import Session, pass_session
from runledger.cli.tables import Column, moment

_NO_RULES = "No rules yet. `runledger alert create NAME --recipient you@example.org` makes one."
_ALERTS = "runledger.cli.alerts"
_ELSEWHERE = {
    "preview": Elsewhere(f"{_ALERTS}.looking", "preview", "Show what RULE, or the draft in FILE, would have sent."),
    "explain": Elsewhere(f"{_ALERTS}.looking", "explain", "Say for each rule why it did or did not tell of RUN."),
    "test": Elsewhere(f"{_ALERTS}.looking", "test", "Send the recipients of RULE a test."),
    "health": Elsewhere(f"{_ALERTS}.looking", "health", "Show what waits to be sent, since when, and why."),
    "silence": Elsewhere(
        f"{_ALERTS}.silencing", "silence", "Let nobody be notified of what all ATTRIBUTE=VALUE match, for some time."
    ),
    "unsilence": Elsewhere(f"{_ALERTS}.silencing", "unsilence", "End a silence before its time."),
    "silences": Elsewhere(f"{_ALERTS}.silencing", "silences", "List the silences in force."),
    "apply": Elsewhere(f"{_ALERTS}.files", "apply", "Make the rules what FILE says, and show the difference."),
    "export": Elsewhere(f"{_ALERTS}.files", "export", "Write the rules in the form that `apply` reads."),
}


@click.group(cls=LazyNoun, elsewhere=_ELSEWHERE)
def alert() -> None:
    """Say which changes of a run's status are mailed to whom."""


_rule = click.argument("rule", metavar="RULE")


@alert.command()
@click.argument("name")
@definition_options
@pass_session
def create(session: Session, /, name: str, **options: Any) -> None:
    """Make a rule called NAME."""
    definition = {"name": name} | Options(**options).changes()
    with session.client() as client:
        rule_id = str(uuid4())
        client.execute(DefineRule(rule_id=rule_id, definition=definition))
        session.output.write(client.rule(rule_id))
        note(_how_mail_goes_out(client.location))


@alert.command("list")
@click.option("--as-of", metavar="MOMENT", help="as they were: at a position, or at a time in ISO 8601 (UTC)")
@pass_session
def list_rules(session: Session, as_of: str | None) -> None:
    """List the rules, as they are or as they were."""
    with session.client() as client:
        found = list(client.rules(as_of))
    if not found:
        note(_NO_RULES if as_of is None else "There were no rules then.")
    session.output.write(found, _COLUMNS)


@alert.command()
@_rule
@click.option("--as-of", metavar="MOMENT", help="as it was: at a position, or at a time in ISO 8601 (UTC)")
@pass_session
def show(session: Session, rule: str, as_of: str | None) -> None:
    """Show a rule, by its name or id, as it is or as it was; one that is deleted by its id alone."""
    with session.client() as client:
        session.output.write(client.rule(id_at(client, rule, as_of), as_of))


@alert.command()
@_rule
@click.option("--name", metavar="NAME", help="another name")
@definition_options
@pass_session
def edit(session: Session, /, rule: str, name: str | None, **options: Any) -> None:
    """Change what a rule says; what is not named stays as it is."""
    changes = Options(**options).changes() | ({"name": name} if name is not None else {})
    if not changes:
        raise click.UsageError("Name what is to change; --help lists it.", click.get_current_context())
    with session.client() as client:
        before = client.rule(id_of(client, rule))
        definition = dict(before["definition"] or {})
        changes |= {"group": dict(definition.get("group") or {}) | changes["group"]} if "group" in changes else {}
        if "on" in changes:
            definition |= {"to": None, "from": []}
        elif "to" in changes or "from" in changes:
            definition.pop("on", None)
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
@click.option("--changes", is_flag=True, help="who changed what of the rule, when and why, instead")
@pass_session
def history(session: Session, rule: str, changes: bool) -> None:
    """Show what came of a rule's notifications."""
    with session.client() as client:
        if changes:
            session.output.write(list(client.rule_changes(id_of(client, rule))), _CHANGE_COLUMNS)
            return
        found = list(client.deliveries(id_of(client, rule)))
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
        rule_id = id_of(client, rule)
        client.execute(kind(rule_id=rule_id))
        session.output.write(client.rule(rule_id))


def _how_mail_goes_out(location: str) -> str:
    from runledger.alerting import how_mail_goes_out  # noqa: PLC0415

    return how_mail_goes_out(location)


def _in_force(rule: RuleDocument) -> str:
    if not rule["enabled"]:
        return "no"
    return "yes, a template fails" if rule.get("template_failure") else "yes"


def _statuses(rule: RuleDocument) -> str:
    definition = rule["definition"] or {}
    on = definition.get("on")
    if on is not None and on["what"] != "descendant":
        return str(on["what"]) + (f" for {on['seconds']} s" if "seconds" in on else f" >= {on['level']}")
    before = " or ".join(definition.get("from") or ())
    after = " or ".join(definition.get("to") or ()) or "anything else"
    return f"{before} -> {after}" if before else after


_COLUMNS = (
    Column("RULE", lambda rule: rule["name"], whole=True),
    Column("IN FORCE", _in_force, whole=True),
    Column("ABOUT", _statuses),
    Column("EXPERIMENT", lambda rule: (rule["definition"] or {}).get("experiment")),
    Column("RECIPIENTS", recipients_of),
    Column("ID", lambda rule: rule["rule_id"]),
)

_CHANGE_COLUMNS = (
    Column("WHEN (UTC)", lambda found: moment(found["at_utc"])),
    Column("WHAT", lambda found: found["action"], whole=True),
    Column("WHO", lambda found: found["on_behalf_of"] or found["who"]),
    Column("FIELDS", lambda found: ", ".join(found["changes"])),
    Column("WHY", lambda found: found["why"]),
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
