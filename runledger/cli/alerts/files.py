"""Rules in files that people keep in git: applied, with the difference shown, and exported."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from ledger.commands import ChangeRule, Command, DefineRule, DeleteRule, DisableRule, EnableRule
from ledger.errors import BadRuleError
from ledger.queries import RuleDocument
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column
from schemas.errors import LedgerError
from schemas.rule_files import WrittenRule, read_rules
from schemas.rules import definition_of

if TYPE_CHECKING:
    from ledger.client import Client

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=Verb)
@click.argument("file", type=_FILE, metavar="FILE")
@click.option("--dry-run", is_flag=True, help="only show the difference")
@click.option("--prune", is_flag=True, help="delete rules that FILE does not name")
@click.option("--reason", metavar="TEXT", help="why, for the history")
@pass_session
def apply(session: Session, file: Path, dry_run: bool, prune: bool, reason: str | None) -> None:
    """Make the rules what FILE says, and show the difference.

    FILE is YAML, TOML or JSON; rules are known by their names. All of it is checked
    before anything is changed. Again is nothing to do.
    """
    written = list(rules_in(file))
    with session.client() as client:
        steps = list(_steps(written, _by_name(client.rules()), prune=prune, reason=reason))
        refused = [] if dry_run else _carry_out(client, steps)
    changed = sum(bool(commands) for _, commands in steps) - len(refused)
    session.output.write([document for document, _ in steps], _COLUMNS)
    note(f"{changed} of {len(steps)} rules {'would be' if dry_run else 'were'} changed.")
    if refused:
        raise refused[0]


@click.command(cls=Verb)
@pass_session
def export(session: Session) -> None:
    """Write the rules in the form that `apply` reads.

    `-o yaml` is for people.
    """
    with session.client() as client:
        rules = [_exported(document) for document in client.rules() if document["definition"] is not None]
    session.output.write({"rules": rules})


def rules_in(file: Path) -> Iterable[WrittenRule]:
    """The rules in a file, with their template files read.

    Raises:
        BadRuleError: it names the file, and what is wrong in it.
    """
    try:
        rules = read_rules(_parsed(file), _reader(file.parent))
    except ValueError as error:
        raise BadRuleError(f"{file}: {error}") from error
    from alerts.saving import check_templates  # noqa: PLC0415 - templates take long to load

    for rule in rules:
        check_templates(rule)
    return rules


def _parsed(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".toml":
        import tomllib  # noqa: PLC0415

        return tomllib.loads(text)
    import yaml  # noqa: PLC0415

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {error}") from error


def _reader(folder: Path) -> Any:
    def read(name: str) -> str:
        try:
            return (folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"the template {name} cannot be read: {error.strerror}") from error

    return read


def _by_name(documents: Iterable[RuleDocument]) -> dict[str, list[RuleDocument]]:
    found: dict[str, list[RuleDocument]] = {}
    for document in documents:
        found.setdefault(document["name"], []).append(document)
    return found


def _steps(
    written: Iterable[WrittenRule], known: Mapping[str, list[RuleDocument]], *, prune: bool, reason: str | None
) -> Iterator[tuple[dict[str, Any], list[Command]]]:
    """For each rule what is to be done, and the commands that do it."""
    named = set()
    for rule in written:
        named.add(rule.name)
        before = known.get(rule.name, [])
        if len(before) > 1:
            raise BadRuleError(f"{len(before)} rules are called {rule.name!r}; rename or delete all but one first")
        yield _created(rule, reason) if not before else _changed(rule, before[0], reason)
    for name, documents in known.items():
        for document in documents if prune and name not in named else ():
            command = DeleteRule(rule_id=document["rule_id"], reason=reason)
            yield {"rule": name, "action": "delete", "changes": {}}, [command]


def _carry_out(client: "Client", steps: Sequence[tuple[dict[str, Any], list[Command]]]) -> list[LedgerError]:
    """Send all commands at once, and note at each rule why it was refused; an error for each such rule."""
    results = iter(client.execute_all([command for _, commands in steps for command in commands]))
    refused = []
    for document, commands in steps:
        errors = [each for each in islice(results, len(commands)) if isinstance(each, LedgerError)]
        if errors:
            document |= {"action": f"refused: {errors[0]}"}
            refused.append(errors[0])
    return refused


def _created(rule: WrittenRule, reason: str | None) -> tuple[dict[str, Any], list[Command]]:
    rule_id, definition = str(uuid4()), rule.definition().as_json()
    commands: list[Command] = [DefineRule(rule_id=rule_id, definition=definition, reason=reason)]
    if not rule.enabled:
        commands.append(DisableRule(rule_id=rule_id, reason=reason))
    return {"rule": rule.name, "action": "create", "changes": {}}, commands


def _changed(rule: WrittenRule, before: RuleDocument, reason: str | None) -> tuple[dict[str, Any], list[Command]]:
    after, rule_id = rule.definition().as_json(), before["rule_id"]
    old = definition_of(before["definition"]).as_json() if before["definition"] is not None else {}
    names = sorted(old.keys() | after.keys())
    changes = {name: [old.get(name), after.get(name)] for name in names if old.get(name) != after.get(name)}
    commands: list[Command] = [ChangeRule(rule_id=rule_id, definition=after, reason=reason)] if changes else []
    if rule.enabled != before["enabled"]:
        changes["enabled"] = [before["enabled"], rule.enabled]
        kind = EnableRule if rule.enabled else DisableRule
        commands.append(kind(rule_id=rule_id, reason=reason))
    action = "change" if commands else "leave"
    return {"rule": rule.name, "action": action, "changes": changes}, commands


def _exported(document: RuleDocument) -> dict[str, Any]:
    found = definition_of(document["definition"]).as_written()
    return found if document["enabled"] else found | {"enabled": False}


def _difference(found: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {before} -> {after}" for name, (before, after) in found["changes"].items())


_COLUMNS = (
    Column("RULE", lambda found: found["rule"], whole=True),
    Column("ACTION", lambda found: found["action"], whole=True),
    Column("CHANGES", _difference, whole=True),
)
