"""What `alert create` and `alert edit` take, and the words for it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from runledger.cli.conditions import PAIR, STATUS, Pair, pair
from schemas.severities import SEVERITIES
from schemas.spans import seconds_of

_OPERATORS = (">=", "<=", "!=", "=", "<", ">")


def seconds(text: str) -> int:
    """The seconds that a text such as 30s, 5m, 2h or 1d means."""
    try:
        return seconds_of(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def rate(text: str) -> dict[str, int]:
    """How many in how long, such as 20/1h."""
    mails, slash, span = text.partition("/")
    if not slash or not mails.isdecimal():
        raise click.BadParameter(f"{text!r} is no number of mails in a time, such as 20/1h")
    return {"mails": int(mails), "seconds": seconds(span)}


def occasion(text: str) -> dict[str, Any]:
    """What a rule is about, such as `unfinished=2h` or `stuck=Queued:30m`."""
    what, _, value = text.partition("=")
    match what:
        case "descendant" if not value:
            return {"what": what}
        case "alert":
            return {"what": what} | ({"level": value} if value else {})
        case "unfinished" | "missing" if value:
            return {"what": what, "seconds": seconds(value)}
        case "stuck" if ":" in value:
            statuses, _, span = value.rpartition(":")
            return {"what": what, "status": statuses.split(","), "seconds": seconds(span)}
        case _:
            raise click.BadParameter(
                f"{text!r} is none of alert, alert=LEVEL, descendant, unfinished=2h, stuck=Queued:30m, missing=1d"
            )


def condition(text: str) -> dict[str, Any]:
    """A condition as YAML or JSON."""
    import yaml  # noqa: PLC0415 - only for who asks

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise click.BadParameter(f"{text!r} is no YAML: {error}") from error
    if not isinstance(found, dict):
        raise click.BadParameter(f"{text!r} is no condition, such as {{of: child, value: true}}")
    return found


@dataclass(frozen=True, slots=True)
class Options:
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
    on: dict[str, Any] | None
    run_name: str | None
    metrics: Sequence[str]
    in_a_row: int | None
    conditions: Sequence[dict[str, Any]]
    severity: str | None
    group_by: Sequence[str]
    wait: int | None
    interval: int | None
    repeat: int | None
    resolved: bool | None
    throttle: dict[str, int] | None
    max_age: int | None

    def changes(self) -> dict[str, Any]:
        """What of a definition is said, and nothing else."""
        found: dict[str, Any] = {}
        found |= {"experiment": self.experiment} if self.experiment is not None else {}
        found |= {"to": list(self.statuses)} if self.statuses else {}
        found |= {"from": list(self.from_statuses)} if self.from_statuses else {}
        found |= {"recipients": list(self.recipients)} if self.recipients else {}
        found |= {"run_id": self.run_id} if self.run_id is not None else {}
        found |= {"include_children": self.include_children} if self.include_children is not None else {}
        found |= {"on": self.on} if self.on is not None else {}
        found |= {"severity": self.severity} if self.severity is not None else {}
        found |= {"throttle": self.throttle} if self.throttle is not None else {}
        found |= {"max_age_seconds": self.max_age} if self.max_age is not None else {}
        conditions, group = self._conditions(), self._group()
        found |= {"conditions": conditions} if conditions else {}
        found |= {"group": group} if group else {}
        templates = {"subject": self.subject, "text": _read(self.text_file), "html": _read(self.html_file)}
        written = {name: text for name, text in templates.items() if text is not None}
        return found | ({"templates": written} if written else {})

    def _conditions(self) -> list[dict[str, Any]]:
        found = [*_conditions("tag", self.tags), *_conditions("property", self.properties)]
        found += [compared("parameter", text) for text in self.parameters]
        found += [compared("metric", text) for text in self.metrics]
        if self.run_name is not None:
            found.append({"of": "name", "operator": "glob", "value": self.run_name})
        if self.in_a_row is not None:
            statuses = list(self.statuses) or ["Failed"]
            found.append({"of": "series", "at_least": self.in_a_row, "last": self.in_a_row, "status": statuses})
        return [*found, *self.conditions]

    def _group(self) -> dict[str, Any]:
        said = {
            "by": list(self.group_by) or None,
            "wait_seconds": self.wait,
            "interval_seconds": self.interval,
            "repeat_seconds": self.repeat,
            "resolved": self.resolved,
        }
        return {name: value for name, value in said.items() if value is not None}


def definition_options(command: Any) -> Any:
    """Give a command the options that say what a rule is."""
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
    click.option("--run-name", metavar="PATTERN", help="only runs of such a name; * and ? stand for any"),
    click.option("--metric", "metrics", multiple=True, metavar="KEY>N", help="only with such a last value at the end"),
    click.option("--in-a-row", type=click.IntRange(min=2, max=99), metavar="N",
                 help="when so many runs of the experiment in a row ended so"),
    click.option("--condition", "conditions", multiple=True, type=condition, metavar="YAML",
                 help="any other condition, such as '{of: duration, operator: \">\", seconds: 3600}'"),
    click.option("--on", type=occasion, metavar="OCCASION",
                 help="something else than a change of status: alert, alert=error (the script called run.alert), "
                 "descendant, unfinished=2h, stuck=Queued:30m, missing=1d"),
    click.option("--severity", type=click.Choice(SEVERITIES), help="how much it matters; shown in the subject"),
    click.option("--group-by", multiple=True, metavar="ATTRIBUTE",
                 help="tell of many in one mail: experiment, parent, root, run, status, tag:KEY, ..."),
    click.option("--wait", type=seconds, metavar="30s", help="how long the first mail of a group waits for more"),
    click.option("--interval", type=seconds, metavar="5m", help="how far apart the mails of a group are at least"),
    click.option("--repeat", type=seconds, metavar="4h", help="tell again of what is not over"),
    click.option("--resolved/--no-resolved", default=None, help="tell too when a run of the group completes"),
    click.option("--throttle", type=rate, metavar="N/1h", help="so many mails to each recipient; others in one digest"),
    click.option("--max-age", type=seconds, metavar="1d", help="what is reported later than this is one digest"),
    click.option("--run", "run_id", metavar="ID", help="this run alone"),
    click.option("--include-children/--no-include-children", default=None, help="child runs too"),
    click.option("--subject", metavar="TEMPLATE", help="a subject of your own (Jinja)"),
    click.option("--text-file", type=_FILE, metavar="FILE", help="a template of your own for the text"),
    click.option("--html-file", type=_FILE, metavar="FILE", help="a template of your own for the HTML"),
)  # fmt: skip


def _conditions(of: str, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    return [
        {"of": of, "key": key, "operator": "exists"}
        if value is None
        else {"of": of, "key": key, "operator": "=", "value": value}
        for key, value in pairs
    ]


def compared(of: str, text: str) -> dict[str, Any]:
    """The condition of `layers>=3`, `model=net` or `seed`."""
    for operator in _OPERATORS:
        key, found, value = text.partition(operator)
        if found:
            return {"of": of, "key": key.strip(), "operator": operator, "value": _parsed(value.strip())}
    return {"of": of, "key": text.strip(), "operator": "exists"}


def _parsed(value: str) -> Any:
    """A number or a truth value if it is written as one; a text otherwise."""
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, bool | int | float | str) else value


def _read(file: Path | None) -> str | None:
    return None if file is None else file.read_text(encoding="utf-8")
