"""The reference of the command line, made from the commands themselves: `python -m runledger.cli.reference`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from runledger.cli.app import PROGRAM, app
from runledger.cli.exit_codes import ExitCode
from runledger.cli.shared import shared_options

FILE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"

_HEAD = f"""# Command line

This page is made from the commands: `python -m runledger.cli.reference` writes it. `{PROGRAM} COMMAND --help` says the
same of one command.

Results go to stdout, everything else to stderr. A result is a table on a terminal and JSON elsewhere, unless `-o` says
otherwise. A workspace is the one named with `-w`, else that of `RUNLEDGER_WORKSPACE`, else the nearest upwards: a
folder with `.runledger/`, or one that `{PROGRAM} folder attach` tied to a workspace.

## Finding runs

`run list` answers from indexes: `-e`, `--status`, `--tags`, `--properties`, `--search` and the other conditions are
looked up, whatever the number of runs. `--order-by` sorts all runs that match; by a metric it also reads the last value
of each of them, so narrow the list first.

`--query` takes any [JMESPath](https://jmespath.org) expression. Equalities that must hold, in a leading `[?...]` and
joined by `&&`, are looked up as well:

```console
$ {PROGRAM} init
$ {PROGRAM} run list --query "[?properties.author=='azureml-user' && tags.quality=='fantastic run']"
$ {PROGRAM} run list --query "[?tags.keys(@)[?starts_with(@, 'worth another look')]]"
$ {PROGRAM} run list --last 1000 --query "[?starts_with(tags.quality || '', 'fantastic')].run_id" -o tsv
```

## Exit codes

| code | meaning |
| --- | --- |
"""
_MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.ERROR: "an error",
    ExitCode.USAGE: "wrong usage",
    ExitCode.NOT_FOUND: "there is no such run, rule, ...",
    ExitCode.REFUSED: "a rule of the ledger says no",
    ExitCode.UNREACHABLE: "the ledger or the server cannot be reached",
    ExitCode.CHECK_FAILED: "the answer is no: `verify` found damage, `run wait` saw a run fail",
    ExitCode.INCOMPLETE: "`sync` left something, or the ledger refused some of it",
    ExitCode.INTERRUPTED: "interrupted",
}


def reference() -> str:
    """The whole page."""
    root = click.Context(app, info_name=PROGRAM)
    codes = [f"| {code.value} | {meaning} |" for code, meaning in _MEANINGS.items()]
    shared = _option_rows(root, [*shared_options()])
    parts = [_HEAD + "\n".join(codes), "## Options of every command", "\n".join(shared)]
    return "\n\n".join([*parts, *_sections(root, app)]) + "\n"


def _sections(context: click.Context, group: click.Group) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        yield from _section(inner, command)
        if isinstance(command, click.Group):
            yield from _sections(inner, command)


def _section(context: click.Context, command: click.Command) -> Iterator[str]:
    level = "#" * (len(context.command_path.split()))
    yield f"{level} {context.command_path}"
    yield _paragraphs(command.help or "")
    if isinstance(command, click.Group):
        return
    yield f"    {' '.join([context.command_path, *command.collect_usage_pieces(context)])}"
    known = {param.name for param in shared_options()}
    own = [param for param in command.get_params(context) if param.name not in known and "--help" not in param.opts]
    rows = _option_rows(context, [param for param in own if isinstance(param, click.Option)])
    if rows:
        yield "\n".join(rows)


def _option_rows(context: click.Context, params: list[Any]) -> list[str]:
    records = [record for param in params if (record := param.get_help_record(context)) is not None]
    rows = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in records]
    return ["| option | meaning |", "| --- | --- |", *rows] if rows else []


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(text: str) -> str:
    parts = text.replace("\f", "").strip().split("\n\n")
    return "\n\n".join(_paragraph(part) for part in parts)


def _paragraph(part: str) -> str:
    if part.startswith("\b"):
        return "\n".join(f"    {line.strip()}" for line in part.splitlines()[1:])
    return " ".join(part.split())


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
