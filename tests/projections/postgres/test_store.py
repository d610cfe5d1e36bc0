"""What PostgreSQL has otherwise: places for values, long texts, words; and what is said when it cannot be used."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from examples.postgres_server import PostgresServer
from ledger.commands import AddParameters, ChangeStatus, StartRun, TagRun
from ledger.errors import UnavailableError, WorkspaceError
from ledger.feed import Feed, FeedEvent
from ledger.filters import Filter
from ledger.queries import KeyQuery, RunQuery
from projections.answers import PROJECTIONS, Answers
from projections.postgres.address import Address
from projections.postgres.long_texts import LONGEST, is_long, shortened
from projections.postgres.places import place_of
from projections.postgres.statements import insertion, translated
from projections.postgres.tokens import tokens_of
from projections.postgres.view import PostgresView, is_made
from projections.rebuild import rebuild
from projections.runner import catch_up
from schemas.statuses import RunStatus
from tests.projections.conftest import open_workspace

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
near = st.builds(lambda power, more: 2**power + more, st.integers(50, 62), st.integers(-3, 3))


@pytest.fixture
def address(postgres: PostgresServer) -> Iterator[Address]:
    found = Address.of_log(postgres.url, str(uuid4()))
    yield found
    with psycopg.connect(found.url) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{found.schema}" CASCADE')


@given(st.lists(numbers | near | near.map(float) | texts, max_size=8))
@example([2**53, 2**53 + 1, float(2**53), -(2**53) - 1, -0.0, 0, 1, 1.0, "", "1"])
@settings(max_examples=300)
def test_values_are_in_the_order_that_sqlite_has_them_in(values: list[float | str]) -> None:
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute("CREATE TABLE v (place INTEGER, value)")
        memory.executemany("INSERT INTO v VALUES (?, ?)", enumerate(values))
        found = memory.execute("SELECT place FROM v ORDER BY value, place").fetchall()
        same = memory.execute("SELECT a.place, b.place FROM v a, v b WHERE a.value = b.value").fetchall()
    places = [place_of(value) for value in values]
    assert [place for (place,) in found] == sorted(range(len(values)), key=lambda place: (places[place], place))
    assert sorted(same) == [(a, b) for a in range(len(values)) for b in range(len(values)) if places[a] == places[b]]


@given(st.text("aé漢😀", max_size=700))
def test_a_text_that_an_index_holds_is_itself_and_a_longer_one_is_short(text: str) -> None:
    short = shortened(text)
    assert len(short.encode()) <= LONGEST
    assert (short == text) == (not is_long(text)) == (len(text.encode()) <= LONGEST)
    assert shortened(short) == short


def test_a_statement_for_one_row_is_one_for_many() -> None:
    found = insertion(translated("INSERT INTO t_1 (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b"))
    assert found is not None
    assert (
        found.of(2) == "INSERT INTO t_1 (a, b) VALUES (%s, %s), (%s, %s) ON CONFLICT (a) DO UPDATE SET b = excluded.b"
    )
    assert insertion(translated("UPDATE t SET a = ? WHERE b = ?")) is None
    assert translated("SELECT 10 % 3, instr(a, ?)") == "SELECT 10 %% 3, strpos(a, %s)"


@given(st.lists(texts, max_size=6))
def test_words_are_those_of_sqlite(found: list[str]) -> None:
    assert len(tokens_of(found)) == len(found)
    assert tokens_of(["It's Émile, 2-b ² x"]) == [["it", "s", "emile", "2", "b", "²", "x"]]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_search_finds_the_same(postgres: PostgresServer, searches: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder))
        address = Address.of_log(postgres.url, workspace.feed.log_id)
        with closing(workspace.database), closing(workspace.view), closing(PostgresView(address)) as view:
            names = [text for text in searches if not any(map(_unstorable, text))]
            workspace.do(*(StartRun(run_id=f"r{n}", experiment="e", display_name=x) for n, x in enumerate(names)))
            answers = Answers(workspace.feed, view)
            for search in searches:
                for text in (search, search[: len(search) // 2 + 1], search * 2):
                    query = RunQuery(search=text.replace("\0", " "))
                    assert answers.runs(query) == workspace.answers.runs(query)


def _unstorable(letter: str) -> bool:
    return letter == "\0" or letter.isspace()


def test_long_texts_are_found_shown_and_told_apart(address: Address, tmp_path: Path) -> None:
    long, other = "é" * 2_000 + "x", "é" * 2_000 + "y"
    word = "w" * 3_000
    workspace = open_workspace(tmp_path, {"r1": {"m" + "漢" * 900: 0.5, "text": long}})
    with closing(workspace.database), closing(workspace.view), closing(PostgresView(address)) as view:
        workspace.do(
            StartRun(run_id="r1", experiment="e", tags={"t": long}, display_name="n" * 900),
            StartRun(run_id="r2", experiment="e", tags={"t": other}, description=word),
            AddParameters(run_id="r1", parameters={"p": long}),
            AddParameters(run_id="r2", parameters={"p": other}),
            ChangeStatus(run_id="r1", status=RunStatus.COMPLETED),
        )
        answers = Answers(workspace.feed, view)
        columns = ("metric.text", "metric.m" + "漢" * 900, "tag.*")
        queries = [
            *(RunQuery(tags={"t": text}, columns=columns) for text in (long, other)),
            *(RunQuery(order_by=order, limit=1) for order in ("parameter.p", "-tag.t", "-metric.text", "name")),
            *(RunQuery(search=text) for text in (word, word[:1_000], word + "x", "é" * 2_001)),
            *(
                RunQuery(filters=(Filter.parse(f"{chip}"),))
                for chip in ("tag.t:starts-with:éé", f"name:is:{'n' * 900}")
            ),
            *(RunQuery(filters=(Filter.parse(f"parameter.p:is:{text}"),)) for text in (long, other)),
        ]
        for query in queries:
            assert answers.runs(query) == workspace.answers.runs(query)
            assert answers.runs(query).runs or query.search in {word + "x", "é" * 2_001}
        names = [each.keys(KeyQuery(kind="metric")) for each in (answers, workspace.answers)]
        assert names[0] == names[1]
        assert names[0][0].name == "m" + "漢" * 900
        workspace.do(TagRun(run_id="r1", tags={"t": other}))
        assert [run["run_id"] for run in answers.runs(RunQuery(tags={"t": other})).runs] == ["r2", "r1"]


@pytest.mark.parametrize(
    "url",
    [
        "s3cret",
        "postgresql://u:s3cret/x@h/d",
        "postgresql://u:1/s3cret@h/d",
        "mysql://u:s3cret@h/d",
        "postgresql://u:s3cret@[h/d",
    ],
)
def test_what_is_no_address_is_refused_and_its_password_not_told(url: str) -> None:
    with pytest.raises(WorkspaceError, match="RUNLEDGER_VIEWS") as refused:
        Address.of_log(url, str(uuid4()))
    assert "s3cret" not in str(refused.value)


def test_a_database_that_is_not_there_is_named_without_the_password() -> None:
    address = Address.of_log("postgresql://maria:s3cret@127.0.0.1:1/views?connect_timeout=2", str(uuid4()))
    with pytest.raises(
        UnavailableError, match=r"postgresql://maria@127\.0\.0\.1:1/views cannot be used now"
    ) as refused:
        PostgresView(address)
    assert "s3cret" not in str(refused.value)


def test_a_user_without_rights_is_told_which(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    url = postgres.url.replace("postgres@", "guest@")
    with pytest.raises(WorkspaceError, match="CREATE on the database"):
        PostgresView(Address.of_log(url, str(uuid4())))


def test_an_encoding_that_does_not_hold_all_texts_is_refused(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute("CREATE DATABASE latin ENCODING latin1 LOCALE 'C' TEMPLATE template0")
    with pytest.raises(WorkspaceError, match="not UTF8"):
        PostgresView(Address.of_log(postgres.url_of("latin"), str(uuid4())))


def test_tables_of_a_newer_version_are_refused(address: Address) -> None:
    with closing(PostgresView(address)) as view, view.writing():
        view.reading().execute("UPDATE store SET version = 99")
    with pytest.raises(WorkspaceError, match="schema version 99"):
        PostgresView(address)


def test_several_that_come_at_once_make_one_schema(address: Address) -> None:
    assert not is_made(address)
    made: list[PostgresView] = []
    threads = [Thread(target=lambda: made.append(PostgresView(address))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for view in made:
        view.close()
    assert len(made) == 6
    assert is_made(address)


def test_a_connection_that_died_is_replaced_and_a_transaction_that_was_lost_is_said(
    address: Address, postgres: PostgresServer
) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'runledger %'"
    with closing(PostgresView(address)) as view, psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute(kill)
        with view.snapshot() as connection:
            assert connection.execute("SELECT count(*) FROM checkpoints").fetchall() == [(0,)]
        with pytest.raises(UnavailableError, match="cannot be used now"):
            write(view, lambda: other.execute(kill))
        assert view.reading().execute("SELECT version FROM store").fetchall() == [(1,)]


def test_who_waits_for_a_lock_too_long_is_told_who_has_it(address: Address) -> None:
    with (
        patch.dict("projections.postgres.view._SETTINGS", {"lock_timeout": "100ms"}),
        closing(PostgresView(address)) as one,
        closing(PostgresView(address)) as other,
        one.writing(),
        pytest.raises(UnavailableError, match="locked by another server"),
        other.writing(),
    ):
        pass


def write(view: PostgresView, between: Callable[[], object]) -> None:
    with view.writing() as connection:
        connection.execute("INSERT INTO store VALUES (?)", (7,))
        between()
        connection.execute("INSERT INTO store VALUES (?)", (8,))


def test_a_frozen_server_loses_the_lock_and_finds_out(address: Address) -> None:
    with (
        patch.dict("projections.postgres.view._SETTINGS", {"idle_in_transaction_session_timeout": "200ms"}),
        closing(PostgresView(address)) as frozen,
        closing(PostgresView(address)) as other,
    ):
        # The other waits for the lock, and has it as soon as PostgreSQL has lost patience.
        with pytest.raises(UnavailableError, match="cannot be used now"):
            write(frozen, lambda: other.writing().__enter__())
        other.reading().roll_back()
        assert other.reading().execute("SELECT version FROM store").fetchall() == [(1,)]


def test_a_view_that_was_closed_says_so(address: Address) -> None:
    view = PostgresView(address)
    view.close()
    with pytest.raises(UnavailableError, match="was closed"):
        view.reading()


def test_without_the_driver_its_extra_is_named(tmp_path: Path) -> None:
    from runledger.stores import postgres_address  # noqa: PLC0415

    with patch.dict("sys.modules", {"projections.postgres.address": None}), pytest.raises(UnavailableError) as refused:
        postgres_address(f"postgresql://{tmp_path.name}/x", "log")
    assert "pip install 'runledger[postgres]'" in str(refused.value)


def test_long_texts_that_no_row_has_any_more_are_gone_when_it_is_scrubbed(address: Address, tmp_path: Path) -> None:
    kept, gone = "k" * 2_000, "g" * 2_000
    workspace = open_workspace(tmp_path)
    with closing(workspace.database), closing(workspace.view), closing(PostgresView(address)) as view:
        workspace.do(StartRun(run_id="r1", experiment="e", tags={"a": kept}, properties={"b": gone}))
        answers = Answers(workspace.feed, view)
        answers.run("r1")
        with view.writing() as connection:
            connection.execute("DELETE FROM attributes WHERE value = ?", (gone,))
            connection.execute("DELETE FROM facets WHERE value = ?", (gone,))
        view.scrub()
        assert [whole for (whole,) in view.reading().run("SELECT whole FROM long_texts").fetchall()] == [kept]
        assert answers.runs(RunQuery(tags={"a": kept})).runs


class Behind(Feed):
    """A replica that has not read so far yet."""

    upto = 0

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        return [event for event in super().after(position, limit) if event.position <= self.upto]

    def last_position(self) -> int:
        return min(super().last_position(), self.upto)


def test_a_server_that_has_read_less_uses_what_another_has_filled(address: Address, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    behind = Behind(workspace.feed.log_id, workspace.database)
    with (
        closing(workspace.database),
        closing(workspace.view),
        closing(PostgresView(address, others_fill=True)) as ours,
        closing(PostgresView(address, others_fill=True)) as theirs,
    ):
        workspace.do(*(StartRun(run_id=f"r{n}", experiment="e") for n in range(10)))
        end, behind.upto = workspace.feed.last_position(), 4
        assert catch_up(ours, PROJECTIONS[0], workspace.feed) == end
        assert catch_up(theirs, PROJECTIONS[0], behind, at_least=end) == end
        assert Answers(behind, theirs).run("r9")["run_id"] == "r9"

        # Nor does it put older tables in the place of newer ones.
        with pytest.raises(UnavailableError, match="has not arrived yet"):
            rebuild(theirs, PROJECTIONS[0], behind)
        assert catch_up(theirs, PROJECTIONS[0], behind) == end
        assert rebuild(ours, PROJECTIONS[0], workspace.feed).position == end
