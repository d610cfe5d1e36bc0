"""Whatever was logged by whom, and however it was caught up: the answers are those of a plain model."""

import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.metrics import SeriesQuery
from projections.metrics.filling import Portion, fill
from projections.metrics.queries import Metrics
from projections.metrics.rebuild import drop, rebuild
from projections.sqlite.view import SqliteView
from schemas.events import RunLoggedEvent
from schemas.events.values import Series
from tests.projections.metrics.conftest import RUN, Opened, open_metrics
from tests.projections.metrics.model import Model, Told

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([2**63, 2**63 - 1, -(2**63), 1.0, -0.0, 1e308])
    | st.floats()
    | st.sampled_from(["", "1", "NaN", "é'\n"])
)
columns_of_one_type = [st.floats(), st.floats(-1, 1), st.integers(-9, 9), st.booleans(), scalars, scalars]
steps = st.none() | st.integers(-5, 20) | st.sampled_from([2**63 - 1, -(2**63)])


@st.composite
def series(draw: st.DrawFn) -> Series:
    count = draw(st.integers(0, 6))

    def listed(each: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(each, min_size=count, max_size=count))

    def column() -> list[object]:
        return listed(draw(st.sampled_from(columns_of_one_type)))

    content: dict[str, object] = {}
    if draw(st.booleans()):
        content["values"] = column()
    else:
        names = draw(st.lists(st.sampled_from(["", "x", "y"]), max_size=3, unique=True))
        content["columns"] = {name: column() for name in names}
    if draw(st.booleans()):
        content["steps"] = listed(steps)
    index = listed(st.integers(0, 9))
    return Series.model_validate(
        {
            "name": draw(st.sampled_from(["a", "b", "a (rows)", "a (values)", ""])),
            "kind": draw(st.sampled_from(["scalar", "list", "row", "table", "unheard-of"])),
            "index": index if draw(st.booleans()) else sorted(index),
            "times": listed(st.integers(0, 12)),
            **content,
        }
    )


batches = st.builds(RunLoggedEvent, writer=st.just("w"), first=st.just(0), last=st.just(9), series=st.lists(series()))
told: st.SearchStrategy[Told] = st.tuples(st.sampled_from(["w1", "w2", "a"]), batches | st.none())
stories = st.lists(st.tuples(told, st.booleans()), max_size=14)
bounds = st.none() | st.integers(-6, 21)
portions = st.builds(Portion, st.integers(0, 4), st.sampled_from([1, 900, 10**9]))


def append(opened: Opened, each: Told) -> None:
    writer, event = each
    if event is None:
        opened.append("runledger.run.logged.v9", b"{}", writer=writer)
    else:
        opened.event(event, writer=writer)


def check(metrics: Metrics, model: Model, first: int | None = None, last: int | None = None) -> None:
    """Equal, and of equal types: 1, 1.0 and True are told apart, and NaN is NaN."""
    query = SeriesQuery(run_id=RUN, first_step=first, last_step=last)
    assert repr(metrics.series(query)) == repr(model.series(first, last))
    summaries = metrics.summaries(RUN)
    assert repr(summaries) == repr(model.summaries())
    values = {each.name: each.last for each in summaries if each.count and each.kind in {"scalar", "list"}}
    assert repr(metrics.last_values([RUN])) == repr({RUN: values})


@given(stories, portions, bounds, bounds)
@settings(max_examples=300, deadline=None)
def test_every_way_of_catching_up_gives_what_the_model_gives(
    story: list[tuple[Told, bool]], portion: Portion, first: int | None, last: int | None
) -> None:
    with tempfile.TemporaryDirectory() as name, closing(SqliteView(Path(name) / "other.db")) as other:
        opened, model = open_metrics(Path(name)), Model()
        with closing(opened.database), closing(opened.view):
            for each, asked in story:
                append(opened, each)
                model.take(each)
                if asked:
                    check(opened.metrics, model)
            check(opened.metrics, model)
            fill(other, opened.database, opened.log.id, RUN, portion=portion)
            check(Metrics(opened.database, other), model, first, last)
            drop(opened.view, opened.log.id)
            check(opened.metrics, model, first, last)
            rebuild(other, opened.database, opened.log.id)
            check(Metrics(opened.database, other), model)


@given(stories, st.integers(1, 30), bounds, bounds)
@settings(max_examples=200, deadline=None)
def test_a_thinned_metric_tells_of_each_point_once(
    story: list[tuple[Told, bool]], buckets: int, first: int | None, last: int | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        opened = open_metrics(Path(name))
        with closing(opened.database), closing(opened.view):
            for each, _ in story:
                append(opened, each)
            query = SeriesQuery(run_id=RUN, first_step=first, last_step=last)
            counts = {each.name: len(each.times) for each in opened.metrics.series(query)}
            for thinned in opened.metrics.thinned(query, buckets=buckets):
                ends = [(bucket.first_step, bucket.last_step) for bucket in thinned.buckets]
                assert len(ends) == counts[thinned.name] or len(ends) <= buckets < counts[thinned.name]
                assert sum(bucket.count for bucket in thinned.buckets) == counts[thinned.name]
                assert [step for both in ends for step in both] == sorted(step for both in ends for step in both)
                for bucket in thinned.buckets:
                    assert (bucket.minimum is None) == (bucket.maximum is None) == (bucket.mean is None)
                    if bucket.minimum is not None and bucket.mean is not None and bucket.maximum is not None:
                        slack = 1e-9 * max(abs(bucket.minimum), abs(bucket.maximum))
                        assert bucket.minimum - slack <= bucket.mean <= bucket.maximum + slack
