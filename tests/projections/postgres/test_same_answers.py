"""Both stores give the same answers, whatever happened and whatever is asked."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.postgres_server import PostgresServer
from ledger.commands import Command
from ledger.filters import Filter
from ledger.metrics import Scalar, SeriesQuery
from ledger.queries import AuditQuery, KeyQuery, RunQuery
from projections.answers import PROJECTIONS, Answers
from projections.metrics.charting import ChartQuery
from projections.metrics.paging import MetricPageQuery
from projections.metrics.queries import Metrics
from projections.postgres.address import Address
from projections.postgres.view import PostgresView
from projections.rebuild import rebuild
from projections.runner import catch_up
from schemas.errors import LedgerError
from schemas.events.values import Series
from tests.projections.conftest import Workspace, open_workspace, rows
from tests.projections.metrics.conftest import RUN, open_metrics
from tests.projections.metrics.test_against_model import series
from tests.projections.stories import KEYS, RUNS, stories
from tests.projections.test_filters import CHIPS, metrics
from tests.projections.test_strange_events import Told, append, strange

ORDERS = [
    *("start", "-start", "end", "-duration", "name", "-name", "status", "-experiment", "metric.loss", "-metric.loss"),
    *("parameter.owner", "-parameter.owner", "tag.quality", "-tag.quality", "property.a b", "-property.owner"),
]
SEARCHES = ["r1", "r", "e1 run", "it's", "x y", "maria gpu", "qual", "-", "É", "loc run", "no-such", "a b"]
COLUMNS = ("metric.loss", "metric.acc", "tag.*", "parameter.owner", "property.a b")

questions = st.builds(
    RunQuery,
    filters=st.lists(st.sampled_from(CHIPS).map(Filter.parse), max_size=2).map(tuple),
    statuses=st.sampled_from([(), ("Running", "Failed")]),
    experiment=st.sampled_from([None, None, "e1"]),
    parent_run_id=st.sampled_from([None, None, None, "r1"]),
    tags=st.sampled_from([{}, {}, {"quality": "x"}]),
    search=st.none() | st.none() | st.sampled_from(SEARCHES),
    order_by=st.none() | st.sampled_from(ORDERS),
    include_children=st.booleans(),
    include_archived=st.booleans(),
    columns=st.none() | st.just(COLUMNS),
    count=st.booleans(),
    family=st.booleans(),
    within=st.sampled_from([None, None, 2]),
    limit=st.sampled_from([1, 2, 50]),
)


@contextmanager
def both(postgres: PostgresServer, logged: Mapping[str, Mapping[str, Scalar]]) -> Iterator[tuple[Workspace, Answers]]:
    """A workspace, and answers from a view of it in PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder), logged)
        address = Address.of_log(postgres.url, workspace.feed.log_id)
        with closing(workspace.database), closing(workspace.view), closing(PostgresView(address)) as view:
            yield (
                workspace,
                Answers(workspace.feed, view, lambda run_ids: {run_id: logged.get(run_id, {}) for run_id in run_ids}),
            )
            with view.writing():
                view.reading().run(f'DROP SCHEMA "{address.schema}" CASCADE')


def pages(answers: Answers, query: RunQuery) -> list[Any]:
    """Every page, with its cursor, or the error."""
    found: list[Any] = []
    while len(found) < 60:
        try:
            page = answers.runs(query)
        except LedgerError as error:
            return [*found, str(error)]
        found.append(page)
        if page.cursor is None:
            break
        query = RunQuery(**{name: getattr(query, name) for name in query.__slots__} | {"cursor": page.cursor})
    return found


def other_answers(answers: Answers) -> dict[str, Any]:
    """Everything that is asked beside pages of runs."""
    names = [KeyQuery(kind=kind) for kind in ("tag", "property", "parameter", "metric", "status", "target")]
    names += [KeyQuery(kind="tag", key=key, prefix=prefix) for key in KEYS for prefix in ("", "x")]
    names += [KeyQuery(kind="tag", experiment="e1", after="a"), KeyQuery(kind="experiment", limit=1)]
    audits = [
        AuditQuery(),
        AuditQuery(oldest_first=True, limit=2),
        AuditQuery(stream="run:r1"),
        AuditQuery(refused=True),
    ]
    audits += [AuditQuery(actor="maria", action="run.tagged"), AuditQuery(field="tags.quality", value="x")]
    audits += [AuditQuery(experiment="e1", refused=False), AuditQuery(as_of=5), AuditQuery(kind="run")]
    return {
        "names": [answers.keys(query) for query in names],
        "audit": [answers.audit(query) for query in audits],
        "experiments": answers.experiments(),
        "files": [_asked(answers.artifacts, run_id, prefixes) for run_id in RUNS for prefixes in ((), ("a", "é"))],
        "runs": [_asked(answers.run, run_id) for run_id in RUNS],
    }


def _asked(ask: Any, *values: Any) -> Any:
    try:
        return ask(*values)
    except LedgerError as error:
        return str(error)


@given(stories, metrics, st.lists(questions, min_size=3, max_size=8), st.sampled_from([None, 1, 3]), st.data())
@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
def test_any_history_gives_equal_answers(
    postgres: PostgresServer,
    story: list[Command],
    logged: dict[str, dict[str, Scalar]],
    asked: list[RunQuery],
    few: int | None,
    data: st.DataObject,
) -> None:
    with both(postgres, logged) as (workspace, answers), _few(few):
        for command in story:
            _asked(workspace.do, command)
        for query in asked:
            assert pages(answers, query) == pages(workspace.answers, query)
        then = data.draw(st.integers(1, max(workspace.feed.last_position(), 1)))
        as_of = RunQuery(as_of=str(then), order_by=data.draw(st.none() | st.sampled_from(ORDERS[:6])), limit=2)
        assert pages(answers, as_of) == pages(workspace.answers, as_of)
        experiments = [
            _asked(lambda asked: asked.experiments(as_of=str(then)), each) for each in (answers, workspace.answers)
        ]
        assert experiments[0] == experiments[1]
        assert other_answers(answers) == other_answers(workspace.answers)


@contextmanager
def _few(count: int | None) -> Iterator[None]:
    """As if so many runs were many: then other ways lead to the same answers."""
    with (
        patch("projections.runs.conditions.COUNTED", count or 10_001),
        patch("projections.runs.windows.FIRST", count or 1_000),
    ):
        yield


@given(strange, st.integers(1, 5))
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_strange_events_give_the_same_rows(postgres: PostgresServer, events: list[Told], batch: int) -> None:
    with both(postgres, {}) as (workspace, answers):
        for told in events:
            append(workspace, told)
        for projection in PROJECTIONS:
            catch_up(workspace.view, projection, workspace.feed, batch=batch)
            catch_up(answers._view, projection, workspace.feed, batch=batch)
        live = rows(answers._view)
        assert live == rows(workspace.view)
        assert other_answers(answers) == other_answers(workspace.answers)
        rebuild(answers._view, PROJECTIONS[0], workspace.feed, batch=batch)
        assert rows(answers._view) == live


@given(st.lists(st.tuples(st.sampled_from(["w1", "w2"]), st.lists(series(), max_size=3)), max_size=8))
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_values_give_equal_metrics(postgres: PostgresServer, batches: list[tuple[str, list[Series]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_metrics(Path(folder))
        address = Address.of_log(postgres.url, opened.log.id)
        with closing(opened.database), closing(opened.view), closing(PostgresView(address)) as view:
            metrics = Metrics(opened.database, view)
            for writer, brought in batches:
                opened.log_series(*brought, writer=writer)
                metrics.last_values([RUN])
            assert everything(metrics) == everything(opened.metrics)


def everything(metrics: Metrics) -> str:
    """All that is told of the values of a run; NaN is like itself."""
    summaries = metrics.summaries(RUN)
    names = [each.name for each in summaries]
    query = SeriesQuery(run_id=RUN)
    pages = [metrics.page(MetricPageQuery(run_id=RUN, search=text, limit=2, skip=1)) for text in ("", "A", "é", "%")]
    charts = metrics.charts(ChartQuery(run_ids=[RUN], names=names)) if names else []
    return repr(
        (summaries, metrics.series(query), metrics.thinned(query, buckets=3), pages, charts, metrics.last_values([RUN]))
    )
