"""What README and docs show, works."""

import re
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from tests.docs.blocks import BROKER, POSTGRES, ROOT, run_console, run_python

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What strangers' tools read is run by tests/docs/test_events.py, as far as it can be; the document says what is not.
OF_STRANGERS = {"events.md": {"json", "sh", "py", "properties", "sql", "scala"}}
SYBIL = Sybil(parsers=[CodeBlockParser("python", run_python), CodeBlockParser("console", run_console)])


def needs_broker(path: Path) -> bool:
    return BROKER in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.kafka] if needs_broker(path) else []) for path in DOCUMENTS],
    ids=lambda path: path.name,
)
def test_every_block_of_a_document(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    document = SYBIL.parse(path)
    document.namespace["folder"] = tmp_path
    if needs_broker(path):
        document.namespace["broker"] = request.getfixturevalue("kafka_broker").address
    if POSTGRES in path.read_text(encoding="utf-8"):
        document.namespace["postgres"] = request.getfixturevalue("postgres").url

    for example in document.examples():
        example.evaluate()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_is_of_a_kind_that_is_run(path: Path) -> None:
    fences = re.findall(r"^```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(fences[::2]) <= {"python", "console"} | OF_STRANGERS.get(path.name, set())
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
