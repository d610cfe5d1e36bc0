"""How the view is brought up to date: by whom, how far, from which ledger and by which version."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger.errors import LogRefusedError, WorkspaceError
from ledger.metrics import SeriesQuery
from ledger.store.database import Database
from ledger.store.fold import Head
from projections.metrics import tables
from projections.metrics.filling import fill
from projections.metrics.queries import Metrics
from projections.metrics.rebuild import drop, rebuild
from projections.metrics.source import skipped
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas import registry
from schemas.errors import LedgerError
from schemas.events import PresenceReportedEvent, RunLoggedEvent
from schemas.streams import values_streams
from tests.projections.metrics.conftest import RUN, Opened, batch, open_metrics, rows, scalars

ROOT = Path(__file__).resolve().parents[3]


def values(opened: Opened, metrics: Metrics | None = None, run_id: str = RUN) -> list[object]:
    [series] = (metrics or opened.metrics).series(SeriesQuery(run_id=run_id))
    assert series.values is not None
    return list(series.values)


def log_each(opened: Opened, count: int, *, writers: int = 1) -> None:
    for number in range(count):
        opened.log_series(scalars("a", [number], begin=number), writer=f"w{number % writers}")


def dump(view: View) -> dict[str, list[tuple[object, ...]]]:
    return {table: view.reading().execute(f"SELECT * FROM {table}").fetchall() for table in tables.TABLES}


@contextmanager
def locked(opened: Opened) -> Iterator[None]:
    """Somebody else writes views."""
    with closing(opened.another_view()) as other, other.writing():
        yield


def test_a_question_about_a_run_that_is_up_to_date_takes_no_lock(opened: Opened) -> None:
    log_each(opened, 3)
    values(opened)
    opened.log_series(scalars("b", [1]), run_id="r2")

    with locked(opened):
        assert values(opened) == [0, 1, 2]
        assert opened.metrics.summaries("nobody") == []


def test_a_question_brings_its_own_run_up_to_date_and_no_other(opened: Opened) -> None:
    log_each(opened, 2)
    opened.log_series(scalars("b", [1]), run_id="r2")

    opened.metrics.summaries("r2")

    assert opened.view.reading().execute("SELECT run_id FROM metric_runs").fetchall() == [("r2",)]


# On one store: it takes a transaction for each point.
@pytest.mark.parametrize("opened", ["sqlite"], indirect=True)
def test_points_logged_one_by_one_lie_in_few_chunks(opened: Opened) -> None:
    for number in range(600):
        opened.log_series(scalars("a", [number], begin=number))
        opened.metrics.summaries(RUN)

    assert values(opened) == list(range(600))
    assert opened.view.reading().execute("SELECT count FROM metric_chunks").fetchall() == [(256,), (256,), (88,)]


def test_a_view_goes_on_after_a_restart(tmp_path: Path) -> None:
    for begin in (0, 5, 10):
        opened = open_metrics(tmp_path)
        with closing(opened.database), closing(opened.view):
            opened.log_series(scalars("a", list(range(begin, begin + 5)), begin=begin))
            assert values(opened) == list(range(begin + 5))


def test_what_was_not_committed_is_folded_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process had ended in the middle of the last statement."""
    log_each(opened, 3)
    values(opened)
    log_each(opened, 6, writers=2)
    with monkeypatch.context() as patched:
        patched.setattr(tables, "UPDATE_STREAM", "UPDATE nothing_there SET seq = ?, skipped = ? WHERE stream = ?")
        with pytest.raises(LedgerError, match="nothing_there"):
            values(opened)

    assert sorted(map(str, values(opened))) == sorted("012012345")


def test_events_that_cannot_be_read_are_counted_and_passed_over(opened: Opened) -> None:
    assert skipped(opened.view.reading()) == 0
    log_each(opened, 1)
    for type_, value in [
        ("runledger.run.logged.v99", b"{}"),
        ("runledger.run.unheard-of.v1", b"\xff"),
        ("runledger.run.logged.v1", b'{"writer": "w1"'),
        ("runledger.run.logged.v1", b'{"writer": "w1", "first": 5, "last": 2}'),
    ]:
        opened.append(type_, value)
    opened.event(PresenceReportedEvent(server="s", writers=[]), writer="w2")
    opened.log_series(scalars("a", [1], begin=1))

    assert values(opened) == [0, 1]
    assert skipped(opened.view.reading()) == 5


def test_values_are_folded_again_once_their_program_can_read_what_it_passed_over(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = batch(scalars("a", [7]))
    opened.append("runledger.run.logged.v99", later.to_value())
    opened.log_series(scalars("a", [1], begin=1))
    before = values(opened)
    monkeypatch.setitem(registry._CURRENT, "runledger.run.logged.v99", RunLoggedEvent)

    assert (before, values(opened), skipped(opened.view.reading())) == ([1], [7, 1], 0)


def test_a_batch_that_names_another_writer_belongs_to_its_stream(opened: Opened) -> None:
    opened.event(batch(scalars("a", [7]), writer="w9"), writer="w1")

    assert values(opened) == [7]


def raw(series: str) -> bytes:
    return b'{"writer":"w1","first":0,"last":0,"series":[%s]}' % series.encode()


@pytest.mark.parametrize(
    "series",
    [
        *(
            f'{{"name":"n","kind":"scalar","index":[0],"times":[0],"values":[{"9" * digits}]}}'
            for digits in (4300, 4301)
        ),
        '{"name":"n","kind":"scalar","index":[0],"times":[0],"values":[1e999]}',
        r'{"name":"n","kind":"scalar","index":[0],"times":[0],"values":["\u0000"]}',
        r'{"name":"\ud800","kind":"scalar","index":[0],"times":[0],"values":[1]}',
        r'{"name":"n","kind":"row","index":[0],"times":[0],"columns":{"\udfff":[1]}}',
        '{"name":"n","kind":"row","index":[0],"times":[0],"columns":{}}',
        '{"name":"n","kind":"row","index":[0],"times":[0],"columns":{"x":[]}}',
        '{"name":"n","kind":"scalar","index":[0],"times":[0],"steps":[null],"values":[{"$float":"NaN"}]}',
        '{"name":"n","kind":"scalar","index":[0],"times":[0]}',
        '{"name":"n","kind":"scalar","index":[0,0],"times":[253402300799999999,0],"values":[[],{}]}',
    ],
)
def test_no_content_of_a_batch_spoils_what_was_logged_before_and_after(series: str, opened: Opened) -> None:
    log_each(opened, 1)
    opened.append("runledger.run.logged.v1", raw(series), writer="w0")
    opened.log_series(scalars("a", [1], begin=1), writer="w0")

    query = SeriesQuery(run_id=RUN, name="a")

    assert [each.values for each in opened.metrics.series(query)] == [[0, 1]]
    assert {each.name for each in opened.metrics.summaries(RUN)} <= {"a", "n"}
    assert opened.metrics.thinned(SeriesQuery(run_id=RUN), buckets=1)[0].buckets[0].count == 2
    assert opened.metrics.last_values([RUN])[RUN]["a"] == 1


def test_a_log_with_several_partitions_is_asked_by_its_own_places(opened: Opened) -> None:
    log_each(opened, 1)
    with opened.database.writing() as connection:
        connection.execute("INSERT INTO progress VALUES ('values', 5, 3, 0, X'00')")

    assert opened.metrics.summaries(RUN, at_least=5 << 40 | 2)[0].count == 1


def test_a_dropped_view_answers_the_same(opened: Opened) -> None:
    log_each(opened, 20, writers=3)
    opened.log_series(rows("r", {"x": [1, None]}))
    query = SeriesQuery(run_id=RUN)
    before = (opened.metrics.summaries(RUN), opened.metrics.series(query))

    drop(opened.view, opened.log.id)

    assert dump(opened.view)["metric_chunks"] == []
    assert (opened.metrics.summaries(RUN), opened.metrics.series(query)) == before


def test_a_rebuild_folds_every_run_and_tells_how_far_it_is(opened: Opened) -> None:
    for run_id in ("r1", "r2", "r2.child"):
        opened.log_series(scalars("a", [1, 2]), run_id=run_id)
    told: list[tuple[int, int]] = []

    rebuild(opened.view, opened.database, opened.log.id, lambda *done: told.append(done))

    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    with locked(opened):
        assert [values(opened, run_id=run_id) for run_id in ("r1", "r2", "r2.child")] == [[1, 2]] * 3


def test_a_rebuild_makes_the_rows_that_questions_made(opened: Opened) -> None:
    for number in range(300):
        opened.log_series(scalars("a", [number / 7], begin=number), writer=f"w{number % 2}")
        opened.metrics.summaries(RUN)
    live = dump(opened.view)

    rebuild(opened.view, opened.database, opened.log.id)

    for table in ("metric_runs", "metric_streams", "metrics"):
        assert dump(opened.view)[table] == live[table]


def test_tables_of_an_older_version_are_built_again(opened: Opened) -> None:
    log_each(opened, 5)
    values(opened)
    with opened.view.writing() as connection:
        connection.execute("UPDATE metric_source SET version = version - 1")
        connection.execute("DROP TABLE metric_chunks")
        connection.execute("ALTER TABLE metrics RENAME COLUMN shown TO formerly")

    assert values(opened) == [0, 1, 2, 3, 4]


def test_tables_of_a_newer_version_are_left_alone(opened: Opened) -> None:
    log_each(opened, 5)
    values(opened)
    with opened.view.writing() as connection:
        connection.execute("UPDATE metric_source SET version = version + 1")
    newer = dump(opened.view)
    log_each(opened, 1)

    with pytest.raises(WorkspaceError, match="use the version of runledger that wrote it"):
        values(opened)
    with pytest.raises(WorkspaceError, match="version 3 of the view 'metrics'"):
        rebuild(opened.view, opened.database, opened.log.id)
    assert dump(opened.view) == newer


def test_tables_that_a_newer_program_made_meanwhile_are_left_alone(opened: Opened) -> None:
    """Between looking at the tables and writing to them."""
    log_each(opened, 2)
    values(opened)
    log_each(opened, 2)
    newer: list[dict[str, list[tuple[object, ...]]]] = []

    class Watched(Database):
        def heads_of(self, prefix: str) -> dict[str, Head]:
            with opened.view.writing() as connection:
                connection.execute("UPDATE metric_source SET version = version + 1")
            newer.append(dump(opened.view))
            return super().heads_of(prefix)

    with (
        closing(Watched(opened.database.path, durable=False)) as database,
        pytest.raises(WorkspaceError, match="use the version of runledger that wrote it"),
    ):
        values(opened, Metrics(database, opened.view))
    assert dump(opened.view) == newer[0]


def test_a_view_of_another_ledger_is_refused_and_a_rebuild_cures_it(opened: Opened, tmp_path: Path) -> None:
    log_each(opened, 5)
    (tmp_path / "other").mkdir()
    other = open_metrics(tmp_path / "other")
    with closing(other.database), closing(other.view):
        log_each(other, 2)
        mixed = Metrics(other.database, opened.view)
        values(opened)

        with pytest.raises(LogRefusedError, match=r"was built from log .*(delete views.db|DROP SCHEMA)"):
            values(other, mixed)
        rebuild(opened.view, other.database, other.log.id)
        assert values(other, mixed) == [0, 1]


def test_an_older_ledger_beside_a_newer_view_is_refused(opened: Opened) -> None:
    """As when a backup of ledger.db was put back, and views.db was not."""
    log_each(opened, 5)
    opened.log_series(scalars("a", [9], begin=9), writer="w2")
    values(opened)
    with opened.database.writing() as connection:
        connection.execute("DELETE FROM streams WHERE name LIKE '%:w2'")

    with pytest.raises(
        LogRefusedError, match=r"event 1 of values:r1:w2 and the ledger ends at -1.*(delete views\.db|DROP SCHEMA)"
    ):
        values(opened)


def test_a_ledger_that_lacks_events_is_named_and_not_the_view(opened: Opened) -> None:
    log_each(opened, 5)
    with opened.database.writing() as connection:
        connection.execute("DELETE FROM values_events WHERE place > 3")

    with pytest.raises(WorkspaceError, match=r"ledger\.db lacks events of values:r1:w0 behind 3 and ends at 5"):
        values(opened)


@pytest.mark.parametrize("table", ["logs", "progress", "streams", "values_events"])
def test_a_damaged_ledger_is_named_and_not_the_view(table: str, opened: Opened) -> None:
    log_each(opened, 5)
    with opened.database.writing() as connection:
        connection.execute(f"DROP TABLE {table}")

    with pytest.raises(LedgerError, match=r"ledger\.db cannot be used"):
        opened.metrics.summaries(RUN, at_least=1)


def test_a_ledger_without_a_values_log_has_no_values(tmp_path: Path) -> None:
    with (
        closing(Database(tmp_path / "l.db", durable=False)) as database,
        closing(SqliteView(tmp_path / "v.db")) as view,
    ):
        assert Metrics(database, view).summaries(RUN) == []


_ASK = """
import sys
from pathlib import Path
from ledger.metrics import SeriesQuery
from projections.metrics.rebuild import drop
from tests.projections.metrics.conftest import open_metrics
opened = open_metrics(Path(sys.argv[1]), sys.argv[3] or None)
print("ready", flush=True)
sys.stdin.readline()
for count in range(30):
    if sys.argv[2] == "drop":
        drop(opened.view, opened.log.id)
    [series] = opened.metrics.series(SeriesQuery(run_id="r1"))
    assert len(series.values) >= 200, len(series.values)
    assert list(series.values) == list(range(len(series.values))), series.values
"""


def ask(opened: Opened, what: str) -> "subprocess.Popen[str]":
    """Another process, ready to do what it is told by a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _ASK, str(opened.database.path.parent), what, opened.postgres or ""],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("others", [["ask", "ask", "ask"], ["ask", "drop", "drop"]])
def test_processes_that_ask_while_values_come_in_all_see_every_point_once(others: list[str], opened: Opened) -> None:
    """One may even drop the view between another's catching up and its reading."""
    log_each(opened, 200, writers=3)
    processes = [ask(opened, what) for what in others]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for number in range(200, 300):
        opened.log_series(scalars("a", [number], begin=number), writer=f"w{number % 3}")
    errors = [process.communicate(timeout=120)[1] for process in processes]

    assert errors == [""] * len(others)
    assert values(opened) == list(range(300))


def test_threads_that_ask_at_once_fold_each_point_once(opened: Opened) -> None:
    log_each(opened, 300, writers=4)
    found: list[list[object]] = []
    threads = [threading.Thread(target=lambda: found.append(values(opened))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [list(range(300))] * 6


def test_values_that_come_in_after_a_fill_began_are_for_the_next_question(opened: Opened) -> None:
    """So a run that logs without end does not hold a question."""
    log_each(opened, 2, writers=2)

    ends = fill(opened.view, opened.database, opened.log.id, RUN)
    log_each(opened, 2, writers=2)

    assert ends == dict.fromkeys((f"{values_streams(RUN)}w0", f"{values_streams(RUN)}w1"), 1)
    assert opened.view.reading().execute("SELECT count FROM metrics").fetchall() == [(2,)]
