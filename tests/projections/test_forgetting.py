"""Views of an encrypted ledger, and what is left in them of a run that was erased."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.postgres_server import PostgresServer
from ledger.commands import ChangeStatus, Command, DescribeRun, StartRun, TagRun
from ledger.commands.privacy import NoteErased
from ledger.errors import CommandReusedError
from ledger.feed import Feed
from ledger.metrics import Scalar
from ledger.privacy.cipher import PLAIN, Cipher
from ledger.queries import AuditQuery, RunQuery
from projections.answers import PROJECTIONS
from projections.forgetting import is_to_scrub, scrub
from projections.purging import purge
from projections.rebuild import rebuild
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas.errors import LedgerError
from schemas.personal import MARK
from schemas.statuses import RunStatus
from schemas.streams import run_stream
from tests.ledger.privacy.stores import MemoryKeys, cipher_with
from tests.projections.conftest import CALLER, Workspace, open_workspace, url_of
from tests.projections.stories import RUNS, stories

METRICS: Mapping[str, Mapping[str, Scalar]] = {"r1": {"loss": 0.5, "best": "epoch 3"}, "r2": {"loss": 1}}
ZEBRA = "zebra quagga"


@contextmanager
def opened(cipher: Cipher) -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder), METRICS, cipher)
        with closing(workspace.database), closing(workspace.view):
            yield workspace


def play(workspace: Workspace, story: list[Command]) -> None:
    for command in story:
        with suppress(LedgerError):
            workspace.do(command)


def erase(workspace: Workspace, keys: MemoryKeys, run_id: str) -> None:
    stream = run_stream(run_id)
    key = keys.of(stream)
    keys.destroy(stream)
    workspace.do(NoteErased(stream=stream, keys=[key.id] if key else [], reason="asked to"))


def project(view: View, feed: Feed, batch: int = 1_000) -> None:
    for projection in PROJECTIONS:
        catch_up(view, projection, feed, batch=batch)


def content(view: View) -> dict[str, Any]:
    """All rows; what is numbered in the order of its coming stands for itself, since numbers may differ."""
    connection = view.reading()
    plain = [
        table
        for projection in PROJECTIONS
        for table in projection.tables
        if table not in {"attributes", "run_attributes", "audit_names", "audit_marks", "audit_changes", "audit_streams"}
    ]
    selects = {table: f"SELECT * FROM {table}" for table in plain}
    joined = {
        "attributes": "SELECT kind, key, value FROM attributes",
        "run_attributes": "SELECT kind, key, value, created, run FROM run_attributes JOIN attributes USING (attribute)",
        "names": "SELECT kind, name FROM audit_names",
        "marks": "SELECT n.kind, n.name, m.position FROM audit_marks m JOIN audit_names n ON n.id = m.name",
    }
    return {
        name: sorted(connection.execute(select).fetchall(), key=repr) for name, select in {**selects, **joined}.items()
    }


def seen(workspace: Workspace) -> Any:
    """What is answered, without what differs between two ledgers."""
    runs = workspace.answers.runs(RunQuery(include_children=True, include_archived=True)).runs
    hidden = ("experiment_id", "duration_seconds")
    documents = [{key: run[key] for key in run if key not in hidden and not key.endswith("_utc")} for run in runs]
    changes = [
        (entry.event, change.field, change.before, change.after)
        for run in runs
        for entry in workspace.answers.history(run["run_id"])
        for change in entry.changes
        if change.field not in hidden
    ]
    audit = workspace.answers.audit(AuditQuery(limit=100)).entries
    return documents, changes, [(each["action"], each["reason"], each["changes"]) for each in audit]


@given(stories)
@settings(max_examples=10)
def test_every_answer_is_the_same_with_encryption_and_without(story: list[Command]) -> None:
    with opened(PLAIN) as plain, opened(cipher_with(MemoryKeys())) as encrypted:
        for workspace in (plain, encrypted):
            play(workspace, story)

        assert seen(encrypted) == seen(plain)
        assert not any(MARK in each.envelope.value for each in plain.feed.after(0, 1_000))
        assert all(MARK in each.envelope.value for each in encrypted.feed.after(0, 1_000))


@given(stories, stories, st.sampled_from(RUNS), st.integers(1, 9))
@settings(max_examples=12)
def test_what_is_left_is_what_is_built_from_the_log(
    before: list[Command], after: list[Command], run_id: str, batch: int
) -> None:
    keys = MemoryKeys()
    with opened(cipher_with(keys)) as workspace:
        play(workspace, [StartRun(run_id=run_id, experiment="e1", tags={"quality": ZEBRA}), *before])
        project(workspace.view, workspace.feed, batch)
        erase(workspace, keys, run_id)
        play(workspace, after)
        project(workspace.view, workspace.feed, batch)
        live = content(workspace.view)
        with tempfile.TemporaryDirectory() as folder, closing(SqliteView(Path(folder) / "views.db")) as fresh:
            project(fresh, workspace.feed)
            assert content(fresh) == live
        for projection in PROJECTIONS:
            rebuild(workspace.view, projection, workspace.feed, batch=batch)
        assert content(workspace.view) == live


@pytest.fixture(params=["sqlite", "postgres"])
def erased(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """As `once_erased`, on each store."""
    with once_erased(tmp_path, url_of(request)) as workspace:
        yield workspace


@contextmanager
def once_erased(folder: Path, postgres: str | None) -> Iterator[Workspace]:
    """A run whose text was overwritten, searched for and asked as of a position before it was erased."""
    keys = MemoryKeys()
    workspace = open_workspace(folder, METRICS, cipher_with(keys), postgres=postgres)
    with closing(workspace.database), closing(workspace.view):
        if postgres is None:
            # Some systems build SQLite so that it overwrites what it deletes; others must be as safe.
            workspace.view.reading().execute("PRAGMA secure_delete=OFF")
        workspace.do(
            StartRun(run_id="r1", experiment="e", tags={"t": f"{ZEBRA} 1"}, display_name=f"{ZEBRA} 2"),
            StartRun(run_id="other", experiment="e", tags={"t": "giraffe"}),
            TagRun(run_id="r1", tags={"t": f"{ZEBRA} 3"}, on_behalf_of=f"{ZEBRA} 4", reason=f"{ZEBRA} 5"),
            DescribeRun(run_id="r1", changes={"description": f"{ZEBRA} 6"}),
            ChangeStatus(run_id="r1", status=RunStatus.COMPLETED),
        )
        described = DescribeRun(run_id="r1", changes={"description": f"{ZEBRA} 8"})
        workspace.ledger.handle(described, replace(CALLER, address=f"{ZEBRA} 7"))
        assert [run["run_id"] for run in workspace.answers.runs(RunQuery(search="quagga")).runs] == ["r1"]
        assert workspace.answers.audit(AuditQuery(address=f"{ZEBRA} 7")).entries
        assert workspace.answers.audit(AuditQuery(actor=f"{ZEBRA} 4")).entries
        assert ZEBRA in repr(workspace.answers.runs(RunQuery(as_of="4")).runs)
        erase(workspace, keys, "r1")
        project(workspace.view, workspace.feed)
        yield workspace


def test_nothing_of_it_is_found_or_shown_any_more(erased: Workspace) -> None:
    answers = erased.answers
    assert not answers.runs(RunQuery(search="quagga")).runs
    assert [run["run_id"] for run in answers.runs(RunQuery(search="giraffe")).runs] == ["other"]
    assert not answers.audit(AuditQuery(actor=f"{ZEBRA} 4")).entries
    assert not answers.audit(AuditQuery(address=f"{ZEBRA} 7")).entries
    assert ZEBRA not in repr([answers.run("r1"), answers.history("r1"), answers.audit(AuditQuery())])
    assert ZEBRA not in repr(answers.runs(RunQuery(as_of="4")).runs)
    assert answers.run("r1")["tags"] == {"t": "(erased)"}
    assert answers.run_at("r1", "4")["display_name"] == "(erased)"
    assert answers.audit(AuditQuery(actor="(erased)")).entries


def test_nothing_of_it_is_in_the_file_once_that_was_scrubbed(erased: Workspace, tmp_path: Path) -> None:
    assert is_to_scrub(erased.view)
    scrub(erased.view)

    assert not is_to_scrub(erased.view)
    for file in tmp_path.glob("*"):
        assert b"quagga" not in file.read_bytes(), file
    assert [run["run_id"] for run in erased.answers.runs(RunQuery(search="giraffe")).runs] == ["other"]


def test_a_rebuild_that_was_begun_before_leaves_no_trace_of_it(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(position: int, _: int) -> None:
        if position:
            raise StoppedError

    keys = MemoryKeys()
    workspace = open_workspace(tmp_path, METRICS, cipher_with(keys))
    with closing(workspace.database), closing(workspace.view):
        workspace.view.reading().execute("PRAGMA secure_delete=OFF")
        workspace.do(StartRun(run_id="r1", experiment="e", tags={"t": ZEBRA}))
        workspace.do(StartRun(run_id="r2", experiment="e"))
        project(workspace.view, workspace.feed)
        with pytest.raises(StoppedError):
            rebuild(workspace.view, PROJECTIONS[0], workspace.feed, stop, batch=2)
        erase(workspace, keys, "r1")

        purge(workspace.view, PROJECTIONS, workspace.feed)

        for file in tmp_path.glob("*"):
            assert b"quagga" not in file.read_bytes(), file
        rebuild(workspace.view, PROJECTIONS[0], workspace.feed)
        assert workspace.answers.run("r1")["tags"] == {"t": "(erased)"}


def test_nothing_of_it_is_in_a_database_once_that_was_scrubbed(tmp_path: Path, postgres: PostgresServer) -> None:
    of_others = traces_in(postgres)
    with once_erased(tmp_path, postgres.url) as erased:
        assert traces_in(postgres) - of_others
        scrub(erased.view)

        assert not is_to_scrub(erased.view)
        assert not traces_in(postgres) - of_others
        assert [run["run_id"] for run in erased.answers.runs(RunQuery(search="giraffe")).runs] == ["other"]


def traces_in(postgres: PostgresServer) -> set[Path]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return {file for file in (postgres.data / "base").rglob("*") if holds(file)}


def holds(file: Path) -> bool:
    # Other tests drop tables of that server meanwhile.
    with suppress(FileNotFoundError):
        return file.is_file() and b"quagga" in file.read_bytes()
    return False


def test_a_command_that_is_sent_again_is_answered_before_and_after_the_text_is_gone(tmp_path: Path) -> None:
    keys = MemoryKeys()
    workspace = open_workspace(tmp_path, cipher=cipher_with(keys))
    with closing(workspace.database), closing(workspace.view):
        command = StartRun(run_id="r1", experiment="e", tags={"t": ZEBRA})
        (first,) = workspace.do(command)
        assert workspace.do(command) == [first]
        with pytest.raises(CommandReusedError):
            workspace.do(StartRun(command=command.command, run_id="r1", experiment="e", tags={"t": "other"}))
        erase(workspace, keys, "r1")

        assert workspace.do(command) == [first]
        assert not any(command.digest().encode() in each.envelope.value for each in workspace.feed.of_run("r1"))


def test_a_long_run_that_is_kept_in_memory_is_not_decided_on_by_a_text_that_is_gone(tmp_path: Path) -> None:
    keys = MemoryKeys()
    workspace = open_workspace(tmp_path, cipher=cipher_with(keys))
    with closing(workspace.database), closing(workspace.view):
        workspace.do(StartRun(run_id="r1", experiment="e"))
        workspace.do(*(TagRun(run_id="r1", tags={"t": f"{ZEBRA} {number}"}) for number in range(60)))
        (same,) = workspace.do(TagRun(run_id="r1", tags={"t": f"{ZEBRA} 59"}))
        assert not same.changed
        erase(workspace, keys, "r1")

        (again,) = workspace.do(TagRun(run_id="r1", tags={"t": f"{ZEBRA} 59"}))
        assert again.changed
        assert workspace.answers.run("r1")["tags"] == {"t": f"{ZEBRA} 59"}
