"""docs/parity.md, made from the tests: `python -m tests.parity.listing` writes it.

A test of an id is called `test_<id>_...`, wherever it is; what it asserts is the first line of its
docstring, or its name.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "parity.md"

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "A. Introduction and prerequisites": {
        "A1": "SDK, command line and page over one history",
        "A2": "the seven tasks of the article",
        "A3": "workspaces and their names",
        "A4": "`VERSION`",
        "A5": "the commands of `az ml run`",
    },
    "B. Start a run": {
        "B1": "the import line",
        "B2": "`Workspace.from_config()`",
        "B3": "`Experiment(workspace, name)`",
        "B4": "`start_logging()`",
        "B4a": "the state of the git repository",
        "B5": "`log(name, value)`",
        "B6": "logging in",
        "B7": "`folder attach`",
        "B8": "`run submit-script`",
        "B9": "`RunConfiguration.save()`",
    },
    "C. Monitor a run": {
        "C1": "`get_status()` and `status`",
        "C2": "`get_details()`",
        "C3": "`complete()`",
        "C4": "`with start_logging()`",
        "C5": "`run list`",
        "C6": "`run show`",
    },
    "E. Description": {"E1": "set, change, clear"},
    "F. Properties, tags, search": {
        "F1": "`add_properties()`",
        "F2": "a property is written once",
        "F3": "`tag(key, value)`",
        "F4": "`tag(key)`",
        "F5": "`run update --add-tag`",
        "F7": "`get_runs(tags, properties)`",
        "F8": "JMESPath",
    },
    "G. Cancel and fail": {
        "G1": "`submit(ScriptRunConfig(...))`",
        "G2": "`cancel()`",
        "G3": "`fail()`",
        "G4": "`run cancel`",
    },
    "H. Children": {
        "H1": "made by the SDK alone there",
        "H2": "`wait_for_completion()`",
        "H3": "`child_run()`",
        "H4": "`create_children()`",
        "H5": "`submit_child()`",
        "H6": "statuses do not depend on each other",
        "H7": "wait for all children",
        "H8": "`parent`, `get_context()`",
        "H9": "`get_children()`",
        "H10": "all log to the root",
    },
    "I. Notebooks": {"I1": "the two notebooks", "I2": "logged metrics"},
    "Beyond the article": {
        "2A": "the members of the SDK",
        "2B": "the flags of the commands",
        "2C": "the rules of logged values",
        "3A": "statuses",
        "3B": "transitions",
        "3G": "limits",
        "4": "what users asked for",
        "7": "defects that are not copied",
    },
}
ELSEWHERE: Mapping[str, str] = {
    "C7": "lists of experiments and runs on the page",
    "C8": "filters on the page",
    "C9": "charts of compared runs",
    "C10": "saved views",
    "C11": "outputs and logs on the page",
    "D1": "every change of a status is recorded, without a step that enables it",
    "D2": "what an event of a status says",
    "D3": "where the events are kept",
    "D4": "rules that mail",
    "D5": "making, changing and testing rules",
    "E2": "descriptions are searched",
    "E3": "descriptions as a column",
    "E4": "Markdown on the page",
    "F6": "tags on the page",
    "F9": "filters by tags on the page",
    "F10": "the search bar",
    "G5": "the page's button to cancel",
}
"""Of the page and of mail: their tests are with the packages of these, and listed where they bear the id."""

_NAME = re.compile(r"test_([a-i]\d{1,2}a?|2[abc]|3[abg]|4|7)_(\w+)")
_HEAD = """\
# What holds, id by id

This page is made from the tests: `python -m tests.parity.listing` writes it, and a test fails when it is stale. The ids
go through the article "Start, monitor, and track run history" for Azure Machine Learning (SDK v1), section by section.
Beside each test stands what it asserts. A test that uses `anywhere` or `location` runs on a folder and on a URL.
How a script moves here, what is different and what is left out: [coming-from-azureml.md](coming-from-azureml.md)."""


class Held(NamedTuple):
    """A test of an id."""

    id: str
    name: str
    asserts: str
    file: Path


def held_tests() -> Iterator[Held]:
    """Every test that bears an id, in the order of files and lines."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            found = _NAME.fullmatch(node.name) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None
            if found and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                said = (ast.get_docstring(node) or found[2].replace("_", " ").capitalize()).splitlines()[0]
                yield Held(_id(found[1]), node.name, said, file)


def page() -> str:
    """The whole page."""
    held: dict[str, list[Held]] = {}
    for test in held_tests():
        held.setdefault(test.id, []).append(test)
    parts = [_HEAD]
    for title, ids in SECTIONS.items():
        parts.append(
            f"\n## {title}\n\n" + "\n\n".join(_entry(id_, what, held.get(id_, [])) for id_, what in ids.items())
        )
    rows = [f"| {id_} | {what} | {_names(held.get(id_, []))} |" for id_, what in ELSEWHERE.items()]
    about = "These concern the page and mail, beside the SDK and the command line."
    parts.append(f"\n## The page and mail\n\n{about}\n\n| id | what | tests |\n| --- | --- | --- |\n" + "\n".join(rows))
    parts.append(
        "\n## Left out\n\nA6 and B10, which are not about the history of runs: see "
        "[coming-from-azureml.md](coming-from-azureml.md#left-out).\n"
    )
    return "\n".join(parts)


def _entry(id_: str, what: str, held: list[Held]) -> str:
    return "\n".join([f"**{id_}** {what}\n", *(f"- {test.asserts.rstrip('.')} ({_link(test)})" for test in held)])


def _names(held: list[Held]) -> str:
    return "<br>".join(map(_link, held))


def _link(test: Held) -> str:
    return f"[{test.name}](../{test.file.relative_to(ROOT).as_posix()})"


def _id(text: str) -> str:
    return text[0].upper() + text[1:] if len(text) == len("b4a") else text.upper()


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
