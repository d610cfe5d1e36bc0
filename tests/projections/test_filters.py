"""Filters: the same as plain filters over documents, whichever condition leads; columns, counts, names to choose."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.commands import AddParameters, ChangeStatus, Command, ResumeRun, StartRun, TagRun
from ledger.errors import InvalidNameError, LimitExceededError
from ledger.filters import Filter, Operator, number_of
from ledger.metrics import Scalar
from ledger.queries import KeyQuery, Named, RunDocument, RunQuery
from projections.sql import upper
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace, open_workspace
from tests.projections.stories import RUNS, stories
from tests.projections.test_runs import tell

Metrics = Mapping[str, Mapping[str, Scalar]]

CHIPS = (
    *("status:is:Running,Failed", "status:is-not:Completed", "experiment:is:e1", "experiment:starts-with:e"),
    *("experiment:is-not:e2", "submitter:is:maria", "submitter:is-not:maria", "submitter:starts-with:x"),
    *("name:starts-with:R1", "name:is:r2,R3", "name:is-not:r2", "run_id:is:r1,r4", "run_id:starts-with:r"),
    *("run_id:is-not:r1", "target:is:gpu", "target:starts-with:g", "target:is-not:gpu"),
    *(
        "tag.quality:is:x,y",
        "tag.quality:is:",
        "tag.quality:is-not:x",
        "tag.quality:has-key",
        "tag.owner:starts-with:it",
    ),
    *("tag.owner:starts-with:", "property.a b:is:x", "property.a b:has-key", "property.quality:starts-with:y"),
    *("parameter.owner:is:1", "parameter.owner:is:true,x", "parameter.owner:is-not:1", "parameter.owner:has-key"),
    *("parameter.owner:>:0.5", "parameter.owner:<:0.5", "parameter.owner:between:1,2", "parameter.owner:starts-with:1"),
    *("metric.loss:>:0.5", "metric.loss:<:0.5", "metric.loss:between:0,1", "metric.loss:is:1", "metric.loss:is-not:1"),
    *("metric.loss:has-key", "metric.acc:>:-inf", "ended:>:2020-01-01", "ended:<:2020-01-01", "started:>:2020-01-01"),
    *("created:between:2020-01-01,2100-01-01", "created:<:2020-01-01", "duration:<:1h", "duration:>:1h"),
)
NAMES = {
    "ended": "end_time_utc",
    "started": "start_time_utc",
    "created": "created_utc",
    "duration": "duration_seconds",
    "submitter": "created_by",
    "experiment": "experiment_name",
}
values = st.sampled_from([0.25, 0.5, 1, 1.0, 2**70, float("inf"), float("nan"), "text", True, None])
metrics = st.dictionaries(
    st.sampled_from(RUNS), st.dictionaries(st.sampled_from(["loss", "acc"]), values, max_size=2), max_size=5
)
chips = st.lists(st.sampled_from(CHIPS).map(Filter.parse), min_size=1, max_size=3)


@contextmanager
def fresh(logged: Metrics) -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_workspace(Path(folder), logged)
        with closing(opened.database), closing(opened.view):
            yield opened


def all_runs(workspace: Workspace, **fields: Any) -> list[RunDocument]:
    found: list[RunDocument] = []
    cursor = None
    while True:
        page = workspace.answers.runs(RunQuery(**{"limit": 2, "include_children": True} | fields, cursor=cursor))
        found += page.runs
        cursor = page.cursor
        if cursor is None:
            return found


def value_of(run: RunDocument, chip: Filter, logged: Metrics) -> Any:
    """What a document has of a field; None for nothing."""
    if chip.field == "metric":
        # What never ran has logged nothing, and what is over is known by its seal.
        return None if run["status"] == "NotStarted" else logged.get(run["run_id"], {}).get(chip.key)
    if chip.key:
        value = run[{"property": "properties"}.get(chip.field, f"{chip.field}s")].get(chip.key)
        return str(value).lower() if isinstance(value, bool) else value
    value = run.get(NAMES.get(chip.field, chip.field))
    return str(value).casefold() if chip.field == "name" else value


def holds(run: RunDocument, chip: Filter, logged: Metrics) -> bool:
    value = value_of(run, chip, logged)
    match chip.operator:
        case Operator.IS_NOT:
            return not holds(run, Filter(chip.field, Operator.IS, chip.values, chip.key), logged)
        case Operator.HAS_KEY if chip.field == "tag":
            return chip.key in run["tags"]
        case Operator.HAS_KEY:
            return value is not None and value == value  # noqa: PLR0124
        case Operator.STARTS_WITH:
            prefix = chip.values[0].casefold() if chip.field == "name" else chip.values[0]
            return isinstance(value, str) and value.startswith(prefix)
        case Operator.IS:
            return any(is_equal(value, wanted, chip.field) for wanted in chip.values)
        case _:
            return lies(value, chip)


def is_equal(value: Any, wanted: str, field: str) -> bool:
    if isinstance(value, int | float):
        return value == number_of(wanted)
    return field != "metric" and value == (wanted.casefold() if field == "name" else wanted)


def lies(value: Any, chip: Filter) -> bool:
    if chip.field in {"created", "started", "ended"}:
        bounds: list[Any] = list(chip.values)
        if value is None:
            return False
    elif chip.field == "duration":
        bounds = [3600]
    else:
        bounds = [number_of(text) for text in chip.values]
    if value is None or (isinstance(value, str) and chip.field in {"metric", "parameter"}):
        return False
    if chip.operator is Operator.BETWEEN:
        return bool(bounds[0] <= value <= bounds[1])
    return bool(value > bounds[0] if chip.operator is Operator.ABOVE else value < bounds[0])


@given(
    stories,
    metrics,
    st.lists(chips, min_size=1, max_size=6),
    st.sampled_from([1, 10_001]),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([1, 2, 1_000]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_filters_find_what_a_plain_filter_finds(
    story: list[Command], logged: Metrics, asked: list[list[Filter]], counted: int, within: int | None, first: int
) -> None:
    with fresh(logged) as workspace:
        tell(workspace, story)
        everything = all_runs(workspace, include_archived=True)
        with (
            patch("projections.runs.conditions.COUNTED", counted),
            patch("projections.runs.windows.FIRST", first),
            patch("projections.runs.windows.FURTHER", first + 1),
        ):
            for wanted in asked:
                found = all_runs(workspace, include_archived=True, filters=wanted, within=within)
                expected = [run for run in everything if all(holds(run, chip, logged) for chip in wanted)]
                assert [run["run_id"] for run in found] == [run["run_id"] for run in expected], [*map(str, wanted)]


@given(stories, metrics, chips, st.sampled_from(["-metric.loss", "metric.loss"]), st.sampled_from([1, 10_001]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_order_by_a_metric_has_each_match_once(
    story: list[Command], logged: Metrics, wanted: list[Filter], order: str, counted: int
) -> None:
    with fresh(logged) as workspace, patch("projections.runs.conditions.COUNTED", counted):
        tell(workspace, story)
        matching = all_runs(workspace, filters=wanted)
        found = [run["run_id"] for run in all_runs(workspace, filters=wanted, order_by=order)]
        assert sorted(found) == sorted(run["run_id"] for run in matching)
        key = {run["run_id"]: value_of(run, Filter.parse("metric.loss:has-key"), logged) for run in matching}
        numbers = [key[run] for run in found if isinstance(key[run], int | float) and key[run] == key[run]]
        assert numbers == sorted(numbers, reverse=order.startswith("-"))
        valueless = [run for run in found if key[run] is None or key[run] != key[run]]
        assert found[len(found) - len(valueless) :] == valueless


@given(stories, metrics)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_names_and_counters_are_those_of_the_documents(story: list[Command], logged: Metrics) -> None:
    with fresh(logged) as workspace:
        tell(workspace, story)
        everything = all_runs(workspace, include_archived=True)
        for experiment in (None, "e1"):
            runs = [run for run in everything if experiment in {None, run["experiment_name"]}]
            for kind, name in (("tag", "tags"), ("property", "properties"), ("parameter", "parameters")):
                counts = Counter(key for run in runs for key in run[name])
                found = workspace.answers.keys(KeyQuery(kind=kind, experiment=experiment))
                assert found == [Named(key, counts[key]) for key in sorted(counts)]
            texts = Counter(text for run in runs if (text := run["tags"].get("owner")) is not None)
            found = workspace.answers.keys(KeyQuery(kind="tag", key="owner", experiment=experiment))
            assert found == [Named(text, texts[text]) for text in sorted(texts)]
        for each in workspace.answers.experiments():
            inside = [run for run in everything if run["experiment_name"] == each["name"]]
            assert each["statuses"] == Counter(run["status"] for run in inside)
        for run in all_runs(workspace, include_archived=True, family=True):
            below = Counter(each["status"] for each in everything if each.get("parent_run_id") == run["run_id"])
            assert run.get("children", {"statuses": {}})["statuses"] == below


def test_names_of_metrics_come_from_runs_that_ended_and_from_those_that_go_on(tmp_path: Path) -> None:
    logged = {"r1": {"loss": 1.0, "lift": 2}, "r2": {"loss": 3.0, "late": 1}}
    workspace = open_workspace(tmp_path, logged)
    with closing(workspace.database), closing(workspace.view):
        workspace.do(
            StartRun(run_id="r1", experiment="e1"),
            StartRun(run_id="r2", experiment="e2"),
            ChangeStatus(run_id="r1", status=RunStatus.COMPLETED),
        )
        found = workspace.answers.keys(KeyQuery(kind="metric", prefix="l"))
        assert found == [Named("late", 1), Named("lift", 1), Named("loss", 2)]
        assert workspace.answers.keys(KeyQuery(kind="metric", experiment="e2")) == [Named("late", 1), Named("loss", 1)]
        assert workspace.answers.keys(KeyQuery(kind="metric", after="lift", limit=1)) == [Named("loss", 2)]


def test_a_resumed_run_counts_by_what_it_logs_now(tmp_path: Path) -> None:
    logged: dict[str, dict[str, Scalar]] = {"r1": {"loss": 1.0}}
    workspace = open_workspace(tmp_path, logged)
    with closing(workspace.database), closing(workspace.view):
        workspace.do(StartRun(run_id="r1", experiment="e"), ChangeStatus(run_id="r1", status=RunStatus.COMPLETED))
        low = RunQuery(filters=[Filter.parse("metric.loss:<:5")], columns=["metric.loss"])
        assert [run["metrics"] for run in workspace.answers.runs(low).runs] == [{"loss": 1.0}]
        logged["r1"] = {"loss": 9.0}
        assert workspace.answers.runs(low).runs[0]["metrics"] == {"loss": 1.0}
        workspace.do(ResumeRun(run_id="r1"))
        assert workspace.answers.runs(low).runs == []
        workspace.do(ChangeStatus(run_id="r1", status=RunStatus.COMPLETED))
        high = RunQuery(filters=[Filter.parse("metric.loss:>:5")], columns=["metric.loss"])
        assert [run["metrics"] for run in workspace.answers.runs(high).runs] == [{"loss": 9.0}]


def test_a_list_sends_what_was_chosen_and_no_more(workspace: Workspace) -> None:
    workspace.do(
        StartRun(run_id="r1", experiment="e", tags={"team": "a", "other": "b"}, properties={"p": "q"}),
        AddParameters(run_id="r1", parameters={"lr": 0.1, "depth": 3}),
    )
    (run,) = workspace.answers.runs(RunQuery(columns=["tag.team", "parameter.lr", "tag.nowhere"])).runs
    assert (run["tags"], run["properties"], run["parameters"]) == ({"team": "a"}, {}, {"lr": 0.1})
    for wrong in ("team", "tag.", "colour.red"):
        with pytest.raises(InvalidNameError, match="no column"):
            workspace.answers.runs(RunQuery(columns=[wrong]))
    with pytest.raises(LimitExceededError, match="100 columns"):
        workspace.answers.runs(RunQuery(columns=[f"tag.{number}" for number in range(101)]))


def test_matches_are_counted_up_to_a_thousand(workspace: Workspace) -> None:
    with patch("projections.runs.queries.COUNTED", 3):
        for number in range(5):
            workspace.do(StartRun(run_id=f"r{number}", experiment="e", tags={"odd": str(number % 2)}))
        page = workspace.answers.runs(RunQuery(count=True, limit=1))
        assert (page.count, page.count_exact) == (3, False)
        page = workspace.answers.runs(RunQuery(count=True, limit=1, filters=[Filter.parse("tag.odd:is:0")]))
        assert (page.count, page.count_exact) == (3, True)
        assert workspace.answers.runs(RunQuery(count=True, experiment="nowhere")).count == 0
        assert workspace.answers.runs(RunQuery()).count is None


def test_children_that_match_come_with_their_parents(workspace: Workspace) -> None:
    workspace.do(
        StartRun(run_id="parent", experiment="e"),
        *(StartRun(run_id=f"c{n}", experiment="e", parent_run_id="parent", tags={"n": str(n)}) for n in range(3)),
        ChangeStatus(run_id="c1", status=RunStatus.FAILED),
    )
    page = workspace.answers.runs(RunQuery(include_children=True, family=True, filters=[Filter.parse("tag.n:is:1")]))
    assert [run["run_id"] for run in page.runs] == ["c1"]
    assert [run["run_id"] for run in page.parents] == ["parent"]
    assert page.parents[0]["children"] == {"count": 3, "statuses": {"Failed": 1, "Running": 2}}


def test_a_page_may_be_short_where_it_looks_at_few_runs(workspace: Workspace) -> None:
    for number in range(12):
        workspace.do(
            StartRun(
                run_id=f"r{number}", experiment="e", tags={"odd": str(number % 2), "first": str(number < 2).lower()}
            )
        )
    asked = [Filter.parse("tag.odd:is:0"), Filter.parse("tag.first:is-not:false")]
    with patch("projections.runs.conditions.COUNTED", 1):
        page = workspace.answers.runs(RunQuery(filters=asked, include_children=True, within=4, count=True))
        assert (page.runs, page.count, page.count_exact) == ([], 0, False)
        page = workspace.answers.runs(RunQuery(filters=asked, include_children=True, within=4, cursor=page.cursor))
        assert ([run["run_id"] for run in page.runs], page.cursor) == (["r0"], None)
        whole = workspace.answers.runs(RunQuery(filters=asked, include_children=True, count=True))
        assert ([run["run_id"] for run in whole.runs], whole.count, whole.cursor) == (["r0"], 1, None)


def test_many_texts_that_begin_alike_are_found_as_few_are(workspace: Workspace) -> None:
    for number in range(70):
        workspace.do(StartRun(run_id=f"r{number}", experiment=f"e{number}", tags={"k": f"x{number}"}))
    workspace.do(TagRun(run_id="r3", tags={"k": "y"}))
    for counted in (1, 10_001):
        with patch("projections.runs.conditions.COUNTED", counted):
            found = all_runs(workspace, filters=[Filter.parse("tag.k:starts-with:x")], limit=50)
            assert len(found) == 69
            found = all_runs(workspace, filters=[Filter.parse("experiment:starts-with:e")], limit=50)
            assert len(found) == 70
            ordered = [run["tags"]["k"] for run in all_runs(workspace, order_by="tag.k", limit=9)]
            assert ordered == sorted(ordered)


@given(st.text(min_size=1), st.text())
def test_all_texts_with_a_prefix_lie_before_its_end(prefix: str, text: str) -> None:
    end = upper(prefix)
    assert end is None or prefix + text < end
    assert (
        end is None
        or not (text.encode() >= prefix.encode() and text.encode() < end.encode())
        or text[: len(prefix)] == prefix
    )
