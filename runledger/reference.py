"""The reference of the SDK, made from signatures and docstrings: `python -m runledger.reference`."""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import runledger
from ledger.sdk.listing import Runs
from ledger.sdk.tables import Table

FILE = Path(__file__).resolve().parents[1] / "docs" / "sdk.md"

_HEAD = """\
# SDK

This page is made from the code: `python -m runledger.reference` writes it. Everything is imported from `runledger`, and
loaded when it is first used. A handle asks the ledger, never its memory, unless its text says so. Types are given in
full where an editor looks for them (`py.typed`). What a script of Azure ML calls otherwise:
[coming-from-azureml.md](coming-from-azureml.md).
"""
_CLASSES = {
    **{name: getattr(runledger, name) for name in ("Workspace", "Experiment", "Run", "ScriptRun")},
    "Runs": Runs,
    "Table": Table,
    **{name: getattr(runledger, name) for name in ("ScriptRunConfig", "RunConfiguration")},
}
_INSIDE = {
    *("tracker", "client", "known", "see", "below", "details_of", "made_from", "found"),
    *("find_workspace", "find_own", "is_own_script"),
}
"""Members for our own parts, and what `with` does by itself."""

_ALSO = {
    "Run": "`id` is the run's id, `experiment` its experiment.",
    "Runs": "What `get_runs`, `runs`, `get_children` and `list` of a run answer with: an iterator, and more.",
    "Experiment": "`name` is its name, `workspace` its workspace.",
    "RunConfiguration": "`script`, `arguments`, `command`, `target`, `environment_variables` and "
    "`max_run_duration_seconds` may be read and set.",
    "ScriptRunConfig": "`source_directory` and `run_config` may be read and set.",
}
_LISTED = re.compile(r"^(Args|Raises):$")
_ITEM = re.compile(r"^(\w+): (.*)$")


def reference() -> str:
    """The whole page."""
    parts = [_HEAD, *(part for name, kind in _CLASSES.items() for part in _class(name, kind))]
    functions = {name: getattr(runledger, name) for name in runledger.__all__}
    loose = [(name, each) for name, each in functions.items() if inspect.isfunction(each)]
    parts += ["## Functions", *(text for name, each in loose for text in _member(name, each)), "## Errors", _errors()]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _class(name: str, kind: type) -> Iterator[str]:
    yield f"## {name}"
    yield _text(kind)
    if name in _ALSO:
        yield _ALSO[name]
    if kind not in {Runs, Table}:
        yield f"### `{name}{_signature(kind)}`"
        if kind.__init__.__doc__:  # type: ignore[misc]
            yield _text(kind.__init__)  # type: ignore[misc]
    base = runledger.Run if name == "ScriptRun" else object
    for member, found in sorted(_members(kind, base)):
        yield from _member(member, found)


def _members(kind: type, base: type) -> Iterator[tuple[str, Any]]:
    inherited = base.__mro__ if base is not object else (object,)
    seen: set[str] = set()
    for part in kind.__mro__:
        if part in inherited or part.__module__.startswith(("collections", "typing")):
            continue
        for name, member in vars(part).items():
            is_one = isinstance(member, property | classmethod | staticmethod) or inspect.isfunction(member)
            if is_one and not name.startswith("_") and name not in _INSIDE | seen:
                seen.add(name)
                yield name, member


def _member(name: str, member: Any) -> Iterator[str]:
    if isinstance(member, property):
        yield f"### `{name}`" + ("" if member.fset is None else ", which may be set")
        yield _text(member)
        return
    function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    yield f"### `{name}{_signature(function)}`"
    yield _text(function)


def _signature(function: Callable[..., object]) -> str:
    found = inspect.signature(function)
    shown = [
        each.replace(annotation=each.empty)
        for each in found.parameters.values()
        if each.name not in {"self", "cls"} and not each.name.startswith("_")
    ]
    returns = "" if inspect.isclass(function) else _returned(found.return_annotation)
    return str(inspect.Signature(shown)) + returns


def _returned(annotation: Any) -> str:
    if annotation in {None, "None", inspect.Signature.empty}:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return " -> " + re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)


def _text(thing: object) -> str:
    """A docstring as Markdown: what is listed under Args and Raises becomes a list."""
    lines: list[str] = []
    listed = False
    for line in (inspect.getdoc(thing) or "").splitlines():
        heading = _LISTED.fullmatch(line)
        if heading:
            listed = True
            lines += ["Raises:", ""] if heading[1] == "Raises" else []
        elif listed and (item := _ITEM.fullmatch(line.strip())) and line.startswith("    ") and line[4] != " ":
            lines.append(f"- `{item[1]}`: {item[2]}")
        else:
            lines.append(f"  {line.strip()}" if listed and line else line)
    return "\n".join(lines)


def _errors() -> str:
    rows = [
        f"| `{name}` | {f'`{kind.__name__}`' if kind.__name__ != name else ''} | {_first_line(kind)} |"
        for name in runledger.__all__
        if isinstance(kind := getattr(runledger, name), type) and issubclass(kind, BaseException)
    ]
    about = "All of them are `LedgerError`; its text names the thing and the way out."
    return "\n".join([about, "", "| name | is | raised for |", "| --- | --- | --- |", *rows])


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").splitlines()[0]


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
