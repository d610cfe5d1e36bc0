"""`run list` and `experiment list`: search, order and shape, on a path and on a URL alike."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import (
    AddParameters,
    AddProperties,
    ArchiveRun,
    ChangeStatus,
    CreateExperiment,
    DescribeRun,
    StartRun,
)
from ledger.errors import InvalidNameError
from ledger.queries import RunQuery
from runledger import Workspace
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import call
from tests.runledger.server.running import running


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A workspace with runs one to five, of which the last is archived, and the URL of its server."""
    place = tmp_path_factory.mktemp("listing")
    assert call("init", place).code == 0
    with Workspace(place) as workspace:
        do = workspace.client.execute
        do(CreateExperiment(name="empty"))
        do(StartRun(run_id="one", experiment="digits", display_name="Zebra crossing", target="gpu-cluster"))
        do(StartRun(run_id="two", experiment="digits", tags={"quality": "fantastic run", "worth another look": None}))
        do(StartRun(run_id="8c1e-4f2a-aaaa", experiment="letters", description="Größe **matters** here"))
        do(StartRun(run_id="four", experiment="letters", parent_run_id="two", root_run_id="two"))
        do(StartRun(run_id="five", experiment="letters", display_name="apple"))
        do(ArchiveRun(run_id="five"))
        do(AddProperties(run_id="one", properties={"author": "azureml-user"}))
        do(DescribeRun(run_id="one", changes={"display_name": "zebra crossing"}))
        do(AddParameters(run_id="one", parameters={"lr": 0.1, "x.y \"z'": 1}))
        do(AddParameters(run_id="two", parameters={"lr": 0.03, "x.y \"z'": 2}))
    for name, value in (("one", "3"), ("two", "nan"), ("8c1e-4f2a-aaaa", "-inf"), ("four", "20")):
        assert call("run", "log", "-w", place, "-r", name, f"loss={value}").code == 0
    with Workspace(place) as workspace:
        do = workspace.client.execute
        do(ChangeStatus(run_id="two", status=RunStatus.COMPLETED))
        error = {"code": "UserError", "message": "out of memory"}
        do(ChangeStatus(run_id="one", status=RunStatus.FAILED, error=error))
    with running(place) as server:
        yield place, server.url


@pytest.fixture(params=["path", "url"])
def place(request: pytest.FixtureRequest, runs: tuple[Path, str]) -> str:
    return str(runs[0]) if request.param == "path" else runs[1]


def listed(place: str, *words: object) -> Any:
    done = call("run", "list", "-w", place, *words)
    assert done.code == 0, done.err
    return done.json


def ids(place: str, *words: object) -> list[str]:
    return [run["run_id"] for run in listed(place, *words)]


LETTER = "8c1e-4f2a-aaaa"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("zebra", ["one"]),
        ("ZEB cross", ["one"]),
        ("zebra nothing", []),
        ("ebra", []),
        ("8c1e-4f", [LETTER]),
        ("4f2a", [LETTER]),
        ("grosse", [LETTER]),
        ("grö", [LETTER]),
        ("matters", [LETTER]),
        ("**matters**", [LETTER]),
        ("fantastic", ["two"]),
        ("quality", ["two"]),
        ("look", ["two"]),
        ("azureml-user", ["one"]),
        ("digits", ["two", "one"]),
        ("memory", ["one"]),
        ("completed", ["two"]),
        ("running", [LETTER]),
        ("gpu", ["one"]),
        ("apple", []),
        ('"', []),
        ("a AND b OR (c* NEAR", []),
        ("--", []),
    ],
)
def test_search_finds_words_in_every_text_of_a_run(place: str, words: str, expected: list[str]) -> None:
    assert ids(place, f"--search={words}") == expected


def test_a_word_that_no_program_can_be_given_finds_nothing(place: str) -> None:
    with closing(connect(place)) as client:
        assert client.runs(RunQuery(search="\x00")).runs == []


def test_search_goes_with_other_conditions(place: str) -> None:
    assert ids(place, "--search", "letters", "--include-children") == ["four", LETTER]
    assert ids(place, "--search", "letters", "--include-archived") == ["five", LETTER]
    assert ids(place, "--search", "digits", "--status", "Failed") == ["one"]
    assert ids(place, "--search", "digits", "-e", "letters") == []
    assert ids(place, "--search", "digits", "--query", "[?parameters.lr<`0.05`]") == ["two"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("start", ["one", "two", LETTER]),
        ("-start", [LETTER, "two", "one"]),
        ("name", [LETTER, "two", "one"]),
        ("-name", ["one", "two", LETTER]),
        ("status", ["two", "one", LETTER]),
        ("end", ["two", "one", LETTER]),
        ("-end", ["one", "two", LETTER]),
        ("experiment", ["one", "two", LETTER]),
        ("parameter.lr", ["two", "one", LETTER]),
        ("-parameter.lr", ["one", "two", LETTER]),
        ("-parameter.x.y \"z'", ["two", "one", LETTER]),
        ("tag.quality", ["two", LETTER, "one"]),
        ("property.author", ["one", LETTER, "two"]),
        ("metric.loss", [LETTER, "one", "two"]),
        ("-metric.loss", ["one", LETTER, "two"]),
        ("metric.missing", [LETTER, "two", "one"]),
    ],
)
def test_each_order_has_runs_without_a_value_last(place: str, order: str, expected: list[str]) -> None:
    assert ids(place, "--order-by", order) == expected
    assert ids(place, "--order-by", order, "--last", 2) == expected[:2]
    assert ids(place, "--order-by", order, "--search", "digits") == [each for each in expected if each != LETTER]


@pytest.mark.parametrize("order", ["colour", "metric.", "metric", "start.x", "", "-"])
def test_an_order_that_runs_do_not_have_is_refused(place: str, order: str) -> None:
    done = call("run", "list", "-w", place, f"--order-by={order}")
    assert done.code == 4
    assert "metric.NAME" in done.err


def test_the_flags_of_the_original(place: str) -> None:
    assert ids(place, "--compute-target-name", "gpu-cluster") == ["one"]
    assert ids(place, "--parent-run-id", "two") == ["four"]
    assert ids(place, "--pipeline-run-id", "two") == ["four", "two"]
    assert call("run", "list", "-w", place, "-e", "digits", "--pipeline-run-id", "two").code == 2
    assert ids(place, "-g", "group", "--subscription-id", "x", "--last", 1) == [LETTER]
    (short,) = listed(place, "--minimal", "--search", "zebra")
    assert list(short) == ["RunId", "RunType", "Status", "StartTime", "EndTime", "Target", "Tags"]
    assert (short["RunId"], short["Target"], short["Tags"]) == ("one", "gpu-cluster", {})


def test_experiments_are_listed_with_the_number_of_their_runs(place: str) -> None:
    found = call("experiment", "list", "-w", place).json
    assert [(each["name"], each["runs"]) for each in found] == [("digits", 2), ("empty", 0), ("letters", 3)]


def test_a_workspace_without_experiments_says_so(empty: Path) -> None:
    done = call("experiment", "list", "-w", empty)
    assert (done.code, done.out) == (0, "[]\n")
    assert "No experiments" in done.err


def test_pages_in_another_order_hold_each_run_once(runs: tuple[Path, str]) -> None:
    with Workspace(runs[0]) as workspace:
        client, found, cursor = workspace.client, [], None
        query = {"order_by": "name", "limit": 1}
        while True:
            page = client.runs(RunQuery(**query, cursor=cursor))  # type: ignore[arg-type]
            found += [run["run_id"] for run in page.runs]
            cursor = page.cursor
            if cursor is None:
                break
        assert found == [LETTER, "two", "one"]
        usual = client.runs(RunQuery(limit=1)).cursor
        with pytest.raises(InvalidNameError):
            client.runs(RunQuery(**query, cursor=usual))  # type: ignore[arg-type]
        other = client.runs(RunQuery(**query)).cursor  # type: ignore[arg-type]
        with pytest.raises(InvalidNameError):
            client.runs(RunQuery(cursor=other))


@pytest.mark.parametrize(
    "words",
    [
        ["run", "list", "--last", "100", "--include-children", "--include-archived"],
        ["run", "list", "--order-by", "-metric.loss", "--search", "letters", "-o", "tsv"],
        ["run", "list", "--tags", "quality", "-o", "table"],
        ["run", "children", "-r", "two"],
        ["run", "show", "-r", "one"],
        ["run", "show", "-r", "one", "-o", "yaml"],
        ["run", "history", "-r", "one"],
        ["run", "metrics", "-r", "one"],
        ["run", "metrics", "-r", "two", "--name", "loss"],
        ["run", "metrics", "-r", "two", "--name", "nothing"],
        ["run", "compare", "one", "two", "-o", "markdown"],
        ["run", "wait", "-r", "one"],
        ["run", "watch", "-r", "two"],
        ["run", "show", "-r", "nobody"],
        ["run", "list", "--order-by", "colour"],
        ["experiment", "list"],
    ],
)
def test_a_path_and_a_url_give_the_same_output_and_exit_code(runs: tuple[Path, str], words: list[str]) -> None:
    by_path, by_url = (call(*words, "-w", place) for place in runs)
    assert by_path == by_url
    assert by_path.out or by_path.err
