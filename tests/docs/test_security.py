"""Each threat in docs/security.md names what holds against it, and tests that exist."""

import ast
import re
from functools import cache

import pytest

from tests.docs.blocks import ROOT

_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def threats() -> list[tuple[str, str]]:
    """Each threat, and the cell with its tests."""
    section = TEXT.partition("\n## Threats\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [(row[0].strip(), row[2]) for row in rows[1:]]


@cache
def names_in(file: str) -> frozenset[str]:
    path = ROOT / file
    assert path.is_file(), file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ) | {""}


def test_there_are_threats() -> None:
    assert len(threats()) > 25


@pytest.mark.parametrize(("threat", "cell"), threats(), ids=[threat for threat, _ in threats()])
def test_every_threat_has_tests_that_exist(threat: str, cell: str) -> None:
    named = _NAMED.findall(cell)

    assert named, threat
    assert cell.count("`") == 2 * len(named), threat
    for file, test in named:
        assert test in names_in(file), f"{threat}: there is no {file}::{test}"
