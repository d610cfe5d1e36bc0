"""`runledger run`."""

from pathlib import Path
from typing import Any

import pytest

from ledger.client import Client
from ledger.commands import ArchiveRun, StartRun
from ledger.queries import RunPage, RunQuery
from runledger import Workspace
from runledger.cli.query import Query
from runledger.cli.runs.listing import collect
from tests.runledger.cli.calling import call


def ids(workspace: Path, *words: object) -> list[str]:
    done = call("run", "list", "-w", workspace, *words)
    assert done.code == 0, done.err
    return [run["run_id"] for run in done.json]


def test_an_empty_workspace_gives_an_empty_list_and_a_hint(empty: Path) -> None:
    done = call("run", "list", "-w", empty)
    assert (done.code, done.out) == (0, "[]\n")
    assert "start_logging" in done.err
    assert call("run", "list", "-w", empty, "-o", "table").out == ""


def test_newest_start_first(workspace: Path) -> None:
    assert ids(workspace) == ["other", "third", "second", "first"]


def test_ten_unless_last_says_otherwise(workspace: Path) -> None:
    with Workspace(workspace) as opened:
        for number in range(12):
            opened.client.execute(StartRun(run_id=f"more-{number}", experiment="experiment"))
    assert ids(workspace) == [f"more-{number}" for number in range(11, 1, -1)]
    assert ids(workspace, "--last", 2) == ["more-11", "more-10"]
    assert len(ids(workspace, "--last", 1000)) == 16


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-e", "experiment"], ["third", "second", "first"]),
        (["--experiment-name", "elsewhere"], ["other"]),
        (["-e", "nothing"], []),
        (["--status", "Completed"], ["first"]),
        (["--status", "completed", "--status", "FAILED"], ["second", "first"]),
        (["--status", "NotResponding"], []),
        (["--tags", "quality=fantastic run"], ["other", "first"]),
        (["--tags", "quality"], ["other", "second", "first"]),
        (["--tags", "worth another look"], ["second"]),
        (["--tags", "quality=poor", "--tags", "worth another look"], ["second"]),
        (["--tags", "quality=poor", "--tags", "missing"], []),
        (["--tags", "worth another look="], []),
        (["--properties", "author=azureml-user"], ["second", "first"]),
        (["--properties", "model=a=b"], ["second"]),
        (["--properties", "model"], ["second"]),
        (["-e", "experiment", "--tags", "quality=fantastic run", "--status", "Completed"], ["first"]),
    ],
)
def test_each_condition(workspace: Path, words: list[str], expected: list[str]) -> None:
    assert ids(workspace, *words) == expected


def test_conditions_that_nothing_meets_are_told_apart_from_an_empty_workspace(workspace: Path) -> None:
    done = call("run", "list", "-w", workspace, "-e", "nothing")
    assert (done.out, done.err) == ("[]\n", "No run matches.\n")


def test_a_tag_wanted_with_two_values_is_wrong_usage(workspace: Path) -> None:
    done = call("run", "list", "-w", workspace, "--tags", "a=1", "--tags", "a=2")
    assert done.code == 2
    assert "'a'" in done.err


@pytest.mark.parametrize("words", [["--status", "Done"], ["--tags", "=x"], ["--last", "0"]])
def test_conditions_that_mean_nothing_are_wrong_usage(workspace: Path, words: list[str]) -> None:
    assert call("run", "list", "-w", workspace, *words).code == 2


def test_children_and_archived_runs_are_listed_on_demand(workspace: Path) -> None:
    with Workspace(workspace) as opened:
        child = StartRun(run_id="child", experiment="experiment", parent_run_id="first", root_run_id="first")
        opened.client.execute(child)
        opened.client.execute(ArchiveRun(run_id="second"))
    assert ids(workspace, "-e", "experiment") == ["third", "first"]
    assert ids(workspace, "-e", "experiment", "--include-children") == ["child", "third", "first"]
    assert ids(workspace, "-e", "experiment", "--include-archived") == ["third", "second", "first"]


def test_show_gives_the_run_document(workspace: Path) -> None:
    document = call("run", "show", "-r", "first", "-w", workspace).json
    assert document["run_id"] == "first"
    assert document["status"] == "Completed"
    assert document["_experiment_name"] == "experiment"
    assert document["tags"] == {"quality": "fantastic run"}
    assert document["properties"] == {"author": "azureml-user"}
    assert call("run", "show", "--run", "third", "-w", workspace).json["tags"] == {}


def test_history_tells_what_each_event_changed(workspace: Path) -> None:
    entries = call("run", "history", "-r", "first", "-w", workspace).json
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    changes = [change for entry in entries for change in entry["changes"]]
    assert {"field": "status", "before": "Running", "after": "Completed"} in changes
    table = call("run", "history", "-r", "first", "-w", workspace, "-o", "table").out
    assert "status: Running -> Completed" in table


def test_tag_prints_the_run_with_its_new_tags(workspace: Path) -> None:
    done = call(
        "run", "tag", "-w", workspace, "-r", "first", "bare", "empty=", "formula=a=b=c", "--add-tag", "x=y"
    )  # fmt: skip
    expected = {"quality": "fantastic run", "bare": None, "empty": "", "formula": "a=b=c", "x": "y"}
    assert done.json["tags"] == expected
    assert call("run", "show", "-r", "first", "-w", workspace).json["tags"] == expected


def test_tag_replaces_a_value(workspace: Path) -> None:
    assert call("run", "tag", "-w", workspace, "-r", "second", "quality=better").json["tags"]["quality"] == "better"


@pytest.mark.parametrize("words", [[], ["=value"]])
def test_tag_without_a_key_is_wrong_usage(workspace: Path, words: list[str]) -> None:
    assert call("run", "tag", "-w", workspace, "-r", "first", *words).code == 2


def test_the_articles_three_queries_work_also_where_runs_have_no_tags(workspace: Path) -> None:
    assert ids(workspace, "--query", "[?properties.author=='azureml-user']") == ["second", "first"]
    assert ids(workspace, "--query", "[?tags.keys(@)[?starts_with(@,'worth another look')]]") == ["second"]
    equal = "[?properties.author=='azureml-user' && tags.quality=='fantastic run']"
    assert ids(workspace, "--query", equal) == ["first"]
    starting = "[?tags.quality && starts_with(tags.quality, 'fantastic')]"
    assert ids(workspace, "--query", starting) == ["other", "first"]


def test_last_counts_what_the_query_kept(workspace: Path) -> None:
    with Workspace(workspace) as opened:
        for number in range(520):
            opened.client.execute(StartRun(run_id=f"more-{number}", experiment="many"))
    assert ids(workspace, "--last", 1, "--query", "[?starts_with(run_id, 'fi')]") == ["first"]
    assert ids(workspace, "--last", 1, "--query", "[?tags.quality]") == ["other"]
    names = call("run", "list", "-w", workspace, "--last", 2, "--query", "[?tags.quality].run_id").json
    assert names == ["other", "second"]


def test_a_query_works_on_any_result(workspace: Path) -> None:
    assert call("run", "show", "-r", "first", "-w", workspace, "--query", "status").out == '"Completed"\n'
    assert call("run", "list", "-w", workspace, "--query", "length(@)").out == "4\n"


def test_a_query_that_does_not_fit_is_wrong_usage(workspace: Path) -> None:
    done = call("run", "list", "-w", workspace, "--query", "[?keys(run_id)]")
    assert done.code == 2
    assert "does not fit" in done.err
    assert done.err.count("\n") == 1


class Counting:
    """A client that counts the runs that it hands out."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def runs(self, query: RunQuery) -> RunPage:
        page = self._client.runs(query)
        self.count += len(page.runs)
        return page


@pytest.mark.parametrize(
    ("query", "read"), [("[?properties.model=='a=b']", 1), ("[?starts_with(run_id, 'seco')]", 64), (None, 10)]
)
def test_no_more_runs_are_read_than_the_query_needs(workspace: Path, query: str | None, read: int) -> None:
    with Workspace(workspace) as opened:
        for number in range(60):
            opened.client.execute(StartRun(run_id=f"more-{number}", experiment="many"))
        counting = Counting(opened.client)
        found = collect(counting, RunQuery(), 10, None if query is None else Query.parse(query))
    assert counting.count == read
    assert query is None or [run["run_id"] for run in found] == ["second"]


def test_the_table_on_no_terminal_is_plain_and_never_cut(workspace: Path) -> None:
    long = "x" * 300
    call("run", "tag", "-w", workspace, "-r", "first", f"long={long}")
    lines = call("run", "list", "-w", workspace, "-o", "table").out.splitlines()
    assert lines[0].split() == ["RUN", "ID", "EXPERIMENT", "STATUS", "STARTED", "(UTC)", "DURATION", "NAME", "TAGS"]
    assert len(lines) == 5
    assert long in lines[4]
    assert "The first" in lines[4]
    assert lines[0].index("STATUS") == lines[4].index("Completed")
