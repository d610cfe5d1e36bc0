"""Search and order of runs: the same as plain filters and sorts over all documents, page by page."""

import re
import unicodedata
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.commands import Command, DescribeRun, StartRun, TagRun
from ledger.queries import RunDocument, RunQuery
from projections.answers import PROJECTIONS
from projections.runner import catch_up
from projections.runs.matching import Source
from projections.runs.queries import find_runs
from tests.projections.conftest import Workspace
from tests.projections.stories import stories
from tests.projections.test_runs import fresh, tell

TEXTS = ("x", "fantastic", "fan", "fantastic run", "running", "e1", "a", "it", "r1", "owner", "d", "x y", "maria", "no")
ORDERS = ("start", "name", "status", "experiment", "parameter.quality", "tag.owner", "property.a b")


def all_pages(workspace: Workspace, **fields: Any) -> list[RunDocument]:
    found: list[RunDocument] = []
    cursor = None
    while True:
        page = workspace.answers.runs(RunQuery(**fields, limit=2, cursor=cursor))
        found += page.runs
        cursor = page.cursor
        if cursor is None:
            return found


def words_of(run: RunDocument) -> list[str]:
    texts = [run["run_id"], run["experiment_name"], run["status"], run["created_by"], run.get("target", "")]
    texts += [run.get("display_name", ""), run.get("description", ""), run.get("error", {}).get("message", "")]
    texts += [text or "" for name in ("tags", "properties") for pair in run[name].items() for text in pair]
    return [word for text in texts for word in re.findall(r"\w+", text.lower())]


def has_words(run: RunDocument, search: str) -> bool:
    return all(any(each.startswith(word) for each in words_of(run)) for word in search.lower().split())


@given(
    stories,
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([1, 10_001]),
    st.sampled_from([0, 20]),
    st.sampled_from([None, 2]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_search_finds_what_a_plain_filter_finds(
    story: list[Command], searches: list[str], children: bool, counted: int, terms: int, within: int | None
) -> None:
    with fresh() as workspace:
        tell(workspace, story)
        everything = all_pages(workspace, include_children=children)
        with (
            patch("projections.runs.conditions.COUNTED", counted),
            patch("projections.sqlite.searching._TERMS", terms),
            patch("projections.runs.windows.FIRST", 2),
        ):
            for search in searches:
                found = all_pages(workspace, include_children=children, search=search, within=within)
                assert found == [run for run in everything if has_words(run, search)]


@pytest.mark.parametrize("terms", [0, 2, 20])
def test_a_beginning_of_several_words_finds_each_of_them(workspace: Workspace, terms: int) -> None:
    names = ["apple", "apply pressure", "apt", "an app", "grape", "apple tree"]
    workspace.do(*(StartRun(run_id=f"r{n}", experiment="e", display_name=name) for n, name in enumerate(names)))
    with patch("projections.sqlite.searching._TERMS", terms):
        found = {
            search: [run["run_id"] for run in workspace.answers.runs(RunQuery(search=search)).runs]
            for search in ("app", "ap", "app pre", "appl tr", "apx", "app apx")
        }
    assert found == {
        "app": ["r5", "r3", "r1", "r0"],
        "ap": ["r5", "r3", "r2", "r1", "r0"],
        "app pre": ["r1"],
        "appl tr": ["r5"],
        "apx": [],
        "app apx": [],
    }


def value_of(run: RunDocument, order: str) -> Any:
    field, _, key = order.partition(".")
    named = {"parameter": "parameters", "tag": "tags", "property": "properties"}
    if field in named:
        return run[named[field]].get(key)
    return run[{"start": "created_utc", "experiment": "experiment_name"}.get(field, field)]


def place_of(value: Any) -> tuple[int, Any]:
    # Numbers stand before texts.
    return (0, float(value)) if isinstance(value, int | float) else (1, value)


@given(stories, st.sampled_from(ORDERS), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_order_is_that_of_a_plain_sort(story: list[Command], order: str, descending: bool) -> None:
    with fresh() as workspace:
        tell(workspace, story)
        everything = all_pages(workspace, include_children=True, include_archived=True)
        valued = [run for run in everything if value_of(run, order) is not None]
        # Runs of one value come as they were created upwards, the newest first downwards.
        valued.reverse()
        expected = sorted(valued, key=lambda run: place_of(value_of(run, order)))
        expected = expected[::-1] if descending else expected
        found = all_pages(
            workspace, include_children=True, include_archived=True, order_by=f"{'-' if descending else ''}{order}"
        )
        assert found == expected + [run for run in everything if value_of(run, order) is None]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_search_is_answered(searches: list[str]) -> None:
    with fresh() as workspace:
        workspace.do(StartRun(run_id="r", experiment="e", display_name="word"))
        for search in searches:
            assert len(workspace.answers.runs(RunQuery(search=search)).runs) in {0, 1}


@pytest.mark.parametrize("name", ["Größe", "groesse", "naïve", "データ", "snake_case", "v1.2.3", "a-b-c"])
def test_a_name_is_found_by_itself_and_by_its_beginning(workspace: Workspace, name: str) -> None:
    workspace.do(StartRun(run_id="r", experiment="e", display_name=name), StartRun(run_id="s", experiment="e"))
    for search in (name, name.upper(), name[:2], unicodedata.normalize("NFD", name)):
        assert [run["run_id"] for run in workspace.answers.runs(RunQuery(search=search)).runs] == ["r"], search


def test_words_that_were_changed_find_a_run_no_more(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r", experiment="e", description="apple pie"))
    assert workspace.answers.runs(RunQuery(search="apple")).runs
    workspace.do(DescribeRun(run_id="r", changes={"description": "pear pie"}), TagRun(run_id="r", tags={"plum": None}))
    found = {word: len(workspace.answers.runs(RunQuery(search=word)).runs) for word in ("apple", "pear", "plum", "pie")}
    assert found == {"apple": 0, "pear": 1, "plum": 1, "pie": 1}


def test_few_matches_and_many_are_found_alike(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search leads where it finds the fewest runs; elsewhere it is looked up for each run."""
    workspace.do(*(StartRun(run_id=f"r{n}", experiment=f"e{n % 3}", tags={f"t{n % 5}": "common"}) for n in range(30)))
    queries = [RunQuery(search=s, experiment=e) for s in ("common", "t1", "t1 common") for e in (None, "e1", "nowhere")]

    def answers() -> list[list[str]]:
        catch_up(workspace.view, PROJECTIONS[0], workspace.feed)
        connection = workspace.view.reading()
        return [
            [run["run_id"] for run in find_runs([Source(connection)], workspace.feed.log_id, each).runs]
            for each in queries
        ]

    leading = answers()
    monkeypatch.setattr("projections.runs.conditions.COUNTED", 1)
    assert answers() == leading
    assert [len(found) for found in leading] == [30, 10, 0, 6, 2, 0, 6, 2, 0]
