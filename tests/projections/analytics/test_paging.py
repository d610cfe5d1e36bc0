"""Tables page by page: all pages together are the table, whatever is recorded meanwhile."""

from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidNameError
from ledger.tables import TableName, TableQuery
from projections.analytics.asking import ArrowTables
from projections.analytics.paging import Cursor, TablePage, for_anybody
from projections.analytics.selection import Range
from schemas.events import RunStartedEvent, RunTaggedEvent
from schemas.streams import values_stream
from tests.projections.analytics.ledgers import Made, logged, making

ranges = st.lists(st.tuples(st.integers(0, 1 << 50), st.integers(1, 1 << 10)), max_size=4).map(
    lambda pairs: [Range(begin, begin + size) for begin, size in pairs]
)


def pages(tables: ArrowTables, query: TableQuery, made: Made | None = None) -> pa.Table:
    """All pages as one table; while they are read, something happens."""
    found: list[TablePage] = []
    cursor: str | None = None
    while not found or cursor is not None:
        found.append(tables.page(query, cursor))
        cursor = found[-1].cursor
        if made is not None:
            made.event("run:late", RunTaggedEvent(key="k", value=str(len(found))))
    assert [page.read for page in found] == sorted(page.read for page in found)
    assert found[-1].read == found[-1].total
    return pa.Table.from_batches([page.rows for page in found])


@pytest.mark.parametrize("run_ids", [(), ("r1", "r3"), ("none",)])
@pytest.mark.parametrize("table", ["events", "metrics"])
@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_pages_are_the_table(made: Made, table: TableName, run_ids: tuple[str, ...], at_once: int) -> None:
    for number in range(5):
        made.event(f"run:r{number}", RunStartedEvent(experiment="e", experiment_id="x"))
        made.event(f"run:r{number}", RunTaggedEvent(key="k", value="v"))
        made.event(values_stream(f"r{number}", "w"), logged("loss", [float(number)]))
    tables = ArrowTables(made.source.database)
    query = TableQuery(table=table, run_ids=run_ids)
    expected = pa.Table.from_batches(tables.table(query))
    with (
        patch("projections.analytics.reading._EVENTS_AT_ONCE", at_once),
        patch("projections.analytics.asking._BATCHES_OF_A_PAGE", at_once),
    ):
        assert pages(tables, query).equals(expected)
        assert pages(tables, query, made).equals(expected)
    assert expected.num_rows == (0 if run_ids == ("none",) else (2 if run_ids else 5) * (2 if table == "events" else 1))


def test_an_empty_ledger_has_one_page(made: Made) -> None:
    for table in ("events", "metrics"):
        query = TableQuery(table=table)
        assert pages(ArrowTables(made.source.database), query).num_rows == 0


@given(ranges, st.integers(0, 1 << 60))
def test_a_cursor_is_read_as_it_was_written_and_by_its_own_log_alone(left: list[Range], total: int) -> None:
    cursor = Cursor(left, total)
    assert Cursor.parse(cursor.text("log"), "log") == cursor
    with pytest.raises(InvalidNameError, match="belongs to log log, this is log other: begin anew"):
        Cursor.parse(cursor.text("log"), "other")


@given(st.text(max_size=40))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError, match="is no cursor"):
        Cursor.parse(text, "log")


@given(st.sampled_from([b"", b"{", b"[]", b'{"address":5}', b'{"address":{"$enc":[]},"a":"\\u0142"}', b"\xff"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_payload_keeps_its_address(tmp_path_factory: pytest.TempPathFactory, value: bytes) -> None:
    with making(tmp_path_factory.mktemp("strange")) as made:
        made.append("run:r", "runledger.run.strange.v1", value)
        made.append("recipient:x", "runledger.recipient.suppressed.v1", b'{"recipient":"a@example.org"}')
        rows = for_anybody(ArrowTables(made.source.database).page(TableQuery(table="events"), None).rows)
    assert rows.num_rows == 2
    assert rows.column("payload")[1].as_py() is None
    assert '"address":5' not in (rows.column("payload")[0].as_py() or "")
