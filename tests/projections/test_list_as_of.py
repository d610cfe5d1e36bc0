"""The list of runs as of a position: what a view of the events up to it answers, page by page."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.commands import AddProperties, ArchiveRun, ChangeStatus, Command, StartRun, TagRun
from ledger.errors import InvalidNameError, LimitExceededError
from ledger.feed import Feed, FeedEvent
from ledger.metrics import Scalar
from ledger.queries import RunPage, RunQuery
from projections.answers import Answers
from projections.runs.changed import fork_of, forks_at
from projections.runs.folded import Folds, folded
from projections.sqlite.view import SqliteView
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace, now, open_workspace
from tests.projections.stories import starts, stories
from tests.projections.test_filters import chips, metrics
from tests.projections.test_finding import TEXTS
from tests.projections.test_runs import conditions, tell


class Earlier(Feed):
    """The log as it was when `until` was its last position."""

    until = 0

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        return [event for event in super().after(position, limit) if event.position <= self.until]

    def last_position(self) -> int:
        return self.until


ORDERS = (
    *("start", "end", "duration", "name", "status", "experiment", "parameter.quality", "tag.owner"),
    *("property.a b", "metric.loss"),
)
orders = st.builds(lambda sign, order: sign + order, st.sampled_from(["", "-"]), st.sampled_from(ORDERS))


@st.composite
def few_conditions(draw: st.DrawFn) -> dict[str, Any]:
    """One condition, or two: with many, hardly a run is found."""
    fields = draw(conditions)
    return {name: fields[name] for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True))}


queries = st.builds(
    lambda fields, **others: RunQuery(**fields, **others),
    st.one_of(st.just({"include_children": True, "include_archived": True}), few_conditions()),
    filters=st.one_of(st.just(()), chips.map(lambda several: tuple(several[:1]))),
    search=st.sampled_from([None, None, None, *TEXTS]),
    order_by=st.one_of(st.none(), orders),
    columns=st.sampled_from([None, ("tag.quality", "metric.loss")]),
    count=st.booleans(),
    family=st.booleans(),
    limit=st.integers(1, 3),
    within=st.sampled_from([None, None, 2]),
)


@given(
    st.lists(starts, min_size=1, max_size=5),
    stories,
    metrics,
    st.lists(queries, min_size=1, max_size=3),
    st.sampled_from([1, 10_001]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_list_as_of_any_position_is_that_of_a_view_of_the_events_up_to_it(
    begun: list[Command],
    story: list[Command],
    logged: Mapping[str, Mapping[str, Scalar]],
    asked: list[RunQuery],
    counted: int,
) -> None:
    with opened(logged) as (workspace, earlier), patch("projections.runs.conditions.COUNTED", counted):
        tell(workspace, begun + story)
        for position in range(1, workspace.feed.last_position() + 1):
            before = earlier(position)
            for query in asked:
                expected = pages(before, query)
                assert pages(workspace.answers, replace(query, as_of=str(position))) == expected, position


def pages(answers: Answers, query: RunQuery) -> list[Any]:
    """All pages; of those that look at some runs only, their runs one behind the other."""
    found: list[RunPage] = []
    while True:
        page = answers.runs(query)
        found.append(page)
        if page.cursor is None:
            break
        query = replace(query, cursor=page.cursor)
    if query.within is not None:
        return [run for page in found for run in page.runs]
    return [(page.runs, page.parents, page.count, page.count_exact) for page in found]


@contextmanager
def opened(logged: Mapping[str, Mapping[str, Scalar]]) -> Iterator[tuple[Workspace, Any]]:
    """A workspace, and answers as they were given at a position; these are asked upwards."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder), logged)
        with (
            closing(workspace.database),
            closing(workspace.view),
            closing(SqliteView(Path(folder) / "then.db")) as view,
        ):
            feed = Earlier(workspace.feed.log_id, workspace.database)

            def earlier(position: int) -> Answers:
                feed.until = position
                return Answers(feed, view)

            yield workspace, earlier


@given(st.integers(1, 200), st.integers(0, 100), st.integers(1, 300))
def test_a_run_that_changed_behind_a_position_has_one_of_its_forks(first: int, more: int, position: int) -> None:
    fork = fork_of(first, first + more)
    if first <= position < first + more:
        assert fork in forks_at(position)
    assert (fork is None) == (more == 0)


def test_a_time_is_the_last_position_recorded_by_then(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r1", experiment="e"))
    then = workspace.answers.history("r1")[0].recorded_at
    while workspace.answers.history("r1")[-1].recorded_at == then:
        workspace.do(TagRun(run_id="r1", tags={"at": str(len(workspace.answers.history("r1")))}))

    def asked(moment: str) -> list[str]:
        return [run["status"] + str(run["tags"]) for run in workspace.answers.runs(RunQuery(as_of=moment)).runs]

    assert asked("2020-01-01") == asked("0") == []
    last = str(workspace.feed.last_position())
    assert asked(now().isoformat()) == asked(last) == [f"Running{workspace.answers.run('r1')['tags']}"]
    assert asked(then) != asked(last)


def test_what_is_no_moment_of_the_ledger_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidNameError, match="name a position such as 17, or a time"):
        workspace.answers.runs(RunQuery(as_of="tags.a=1"))


def test_too_many_runs_that_have_changed_since_are_refused(workspace: Workspace) -> None:
    workspace.do(*(StartRun(run_id=f"r{n}", experiment="e") for n in range(3)))
    then = str(workspace.feed.last_position())
    workspace.do(*(AddProperties(run_id=f"r{n}", properties={"p": "1"}) for n in range(3)))
    with patch("projections.runs.as_of.CHANGED_RUNS", 3):
        assert len(workspace.answers.runs(RunQuery(as_of=then)).runs) == 3
    with (
        patch("projections.runs.as_of.CHANGED_RUNS", 2),
        pytest.raises(LimitExceededError, match=f"more than 2 runs have changed since position {then}"),
    ):
        workspace.answers.runs(RunQuery(as_of=then))


def test_children_are_told_as_they_were(workspace: Workspace) -> None:
    workspace.do(
        StartRun(run_id="top", experiment="e"),
        *(StartRun(run_id=f"c{n}", experiment="e", parent_run_id="top") for n in range(3)),
        ChangeStatus(run_id="c0", status=RunStatus.COMPLETED),
    )
    then = str(workspace.feed.last_position())
    workspace.do(
        ChangeStatus(run_id="c1", status=RunStatus.FAILED),
        StartRun(run_id="c3", experiment="e", parent_run_id="top"),
        ArchiveRun(run_id="top"),
    )
    (top,) = workspace.answers.runs(RunQuery(as_of=then, family=True)).runs
    assert top["children"] == {"count": 3, "statuses": {"Running": 2, "Completed": 1}}
    below = workspace.answers.runs(RunQuery(as_of=then, parent_run_id="top")).runs
    assert [(run["run_id"], run["status"]) for run in below] == [
        ("c2", "Running"),
        ("c1", "Running"),
        ("c0", "Completed"),
    ]


def test_a_run_keeps_its_number_though_the_ones_before_it_are_not_made_anew(workspace: Workspace) -> None:
    workspace.do(*(StartRun(run_id=f"r{n}", experiment="e") for n in range(3)))
    then = str(workspace.feed.last_position())
    workspace.do(TagRun(run_id="r2", tags={"late": None}))
    found = workspace.answers.runs(RunQuery(as_of=then)).runs
    assert [(run["run_number"], run["tags"]) for run in found] == [(3, {}), (2, {}), (1, {})]


def test_runs_are_folded_once_for_all_questions_about_a_position(workspace: Workspace) -> None:
    workspace.do(*(StartRun(run_id=f"r{n}", experiment="e") for n in range(4)))
    query = RunQuery(as_of=str(workspace.feed.last_position()), limit=2)
    workspace.do(*(TagRun(run_id=f"r{n}", tags={"late": None}) for n in range(3)))
    first = workspace.answers.runs(query)
    with patch("projections.runs.folded.folded", side_effect=AssertionError):
        second = workspace.answers.runs(replace(query, cursor=first.cursor))
        assert workspace.answers.runs(replace(query, search="late")).runs == []
    assert [run["run_id"] for run in first.runs + second.runs] == ["r3", "r2", "r1", "r0"]
    workspace.do(TagRun(run_id="r3", tags={"late": None}))
    with patch("projections.runs.folded.folded", side_effect=folded) as anew:
        assert [run["tags"] for run in workspace.answers.runs(query).runs] == [{}, {}]
    assert anew.call_args.args[2] == ["r3"]


def test_no_more_runs_are_kept_than_that_and_the_latest_positions_first(workspace: Workspace) -> None:
    workspace.do(*(StartRun(run_id=f"r{n}", experiment="e") for n in range(4)))
    last = workspace.feed.last_position()
    run_ids = [f"r{n}" for n in range(4)]
    folds = Folds(workspace.feed)
    with patch("projections.runs.folded.KEPT_RUNS", 5):
        for position in range(1, last + 1):
            found = folds.at(position, run_ids)
            assert found == folded(workspace.feed, position, run_ids)
    assert list(folds._kept) == [last]
