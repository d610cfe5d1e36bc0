"""A page of a run's metrics."""

import pytest

from projections.metrics.paging import MetricPageQuery
from tests.projections.metrics.conftest import RUN, Opened, scalars


@pytest.fixture
def named(opened: Opened) -> Opened:
    opened.log_series(*(scalars(f"{'Val' if place % 3 else 'train'}/{place}", [1.0]) for place in range(30)))
    return opened


def names(opened: Opened, **asked: object) -> list[str]:
    query = MetricPageQuery(run_id=RUN, **asked)  # type: ignore[arg-type]
    return [metric.name for metric in opened.metrics.page(query).metrics]


def test_pages_follow_one_another_in_the_order_of_first_use(named: Opened) -> None:
    assert names(named, limit=3) == ["train/0", "Val/1", "Val/2"]
    assert names(named, limit=3, skip=3) == ["train/3", "Val/4", "Val/5"]
    assert names(named, limit=3, skip=30) == []


def test_a_search_is_in_whatever_case_and_has_no_wildcards(named: Opened) -> None:
    page = named.metrics.page(MetricPageQuery(run_id=RUN, search="VAL/", limit=5))
    assert [metric.name for metric in page.metrics] == ["Val/1", "Val/2", "Val/4", "Val/5", "Val/7"]
    assert (page.found, page.total) == (20, 30)
    assert names(named, search="%") == []
    assert names(named, search="\x00") == []


def test_metrics_by_name_come_as_they_are_named(named: Opened) -> None:
    found = named.metrics.named(RUN, ["Val/1", "nowhere", "train/0", "Val/1"])
    assert [metric.name for metric in found] == ["Val/1", "train/0"]


def test_a_run_without_metrics_has_an_empty_page(opened: Opened) -> None:
    page = opened.metrics.page(MetricPageQuery(run_id="nobody"))
    assert (page.metrics, page.found, page.total) == ([], 0, 0)
