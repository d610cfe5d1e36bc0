"""`run compare`, on a path and on a URL alike."""

from typing import Any
from uuid import uuid4

import pytest

from projections.runs.comparing import Facts, compared
from tests.runledger.cli.calling import call


@pytest.fixture
def pair(place: str) -> tuple[str, str]:
    """Two runs that differ in some things."""
    one, two = (uuid4().hex for _ in range(2))
    for run_id, rate in ((one, "0.1"), (two, "0.2")):
        for words in (
            ["start", "-e", "comparing", "--tags", "bare", "--tags", f"which={rate}|*"],
            ["set-parameter", f"lr={rate}", "layers=3"],
            ["set-property", "author=me"],
            ["log", f"loss={rate}", "acc=1"],
        ):
            assert call("run", words[0], "-w", place, "-r", run_id, *words[1:]).code == 0
    assert call("run", "complete", "-w", place, "-r", one).code == 0
    return one, two


def rows(place: str, *words: str) -> dict[tuple[str, str], Any]:
    done = call("run", "compare", "-w", place, *words)
    assert done.code == 0, done.err
    return {(row["kind"], row["key"]): row for row in done.json}


def test_differences_come_first(place: str, pair: tuple[str, str]) -> None:
    one, two = pair
    found = rows(place, one, two)
    assert found["run", "status"]["values"] == {one: "Completed", two: "Running"}
    assert found["parameter", "lr"] == {
        "kind": "parameter",
        "key": "lr",
        "differs": True,
        "values": {one: 0.1, two: 0.2},
    }
    assert found["metric", "loss"]["values"] == {one: 0.1, two: 0.2}
    assert found["run", "duration"]["values"].keys() == {one}
    same = [key for key, row in found.items() if not row["differs"]]
    assert set(same) == {
        ("run", "experiment"), ("run", "target"), ("parameter", "layers"), ("tag", "bare"), ("property", "author"),
        ("metric", "acc"), ("run", "run_type"), ("run", "submitter"), ("run", "attempt"),
    } | {key for key in found if key[0] in {"property", "source", "environment"}}  # fmt: skip
    assert list(found)[-len(same) :] == same
    assert set(rows(place, one, two, "--differences")) == set(found) - set(same)


def test_tables_for_people_and_for_wikis(place: str, pair: tuple[str, str]) -> None:
    table = call("run", "compare", "-w", place, *pair, "-o", "table").out.splitlines()
    assert table[0].split() == ["KIND", "KEY", *pair]
    assert any(line.split() == ["!=", "parameter", "lr", "0.1", "0.2"] for line in table)
    assert any(line.split() == ["tag", "bare", "(bare)", "(bare)"] for line in table)
    markdown = call("run", "compare", "-w", place, *pair, "-o", "markdown").out.splitlines()
    assert markdown[0] == f"|  | KIND | KEY | {pair[0]} | {pair[1]} |"
    assert markdown[1] == "| --- | --- | --- | --- | --- |"
    assert r"| != | tag | which | 0.1\|\* | 0.2\|\* |" in markdown


def test_one_run_cannot_be_compared(place: str, pair: tuple[str, str]) -> None:
    assert call("run", "compare", "-w", place, pair[0], pair[0]).code == 2
    assert call("run", "compare", "-w", place, pair[0], "nobody").code == 3


def test_true_is_no_1_and_a_value_that_is_missing_is_a_difference() -> None:
    facts: dict[str, Facts] = {"a": {("tag", "x"): None, ("metric", "m"): 1}, "b": {("metric", "m"): True}}
    assert [(row["key"], row["differs"]) for row in compared(facts)] == [("x", True), ("m", True)]
    assert [row["differs"] for row in compared({"a": {("metric", "m"): 1}, "b": {("metric", "m"): 1.0}})] == [False]
