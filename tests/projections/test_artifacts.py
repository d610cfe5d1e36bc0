"""The table of files: of each run and name the newest, however the events are cut into batches."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commands import AddArtifacts, StartRun
from ledger.errors import RunNotFoundError
from projections.artifacts.projection import ArtifactsProjection
from projections.rebuild import rebuild
from projections.runner import catch_up
from projections.view import View
from tests.projections.conftest import Workspace, open_workspace

RUNS, NAMES, DIGESTS = ["r1", "r2"], ["a", "b/ü", "b/c", "B"], ["a" * 64, "b" * 64]
TABLE = ArtifactsProjection()
ADDED = st.tuples(st.sampled_from(RUNS), st.sampled_from(NAMES), st.sampled_from(DIGESTS))


def add(run_id: str, name: str, digest: str) -> AddArtifacts:
    return AddArtifacts(run_id=run_id, artifacts=[{"name": name, "sha256": digest, "size": 3}])


@contextmanager
def fresh(folder: Path) -> Iterator[Workspace]:
    opened = open_workspace(folder)
    with closing(opened.database), closing(opened.view):
        yield opened


def rows(view: View) -> list[Any]:
    return view.reading().execute("SELECT * FROM artifacts ORDER BY 1, 2").fetchall()


def test_files_are_listed_by_name_with_who_added_them(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r1", experiment="e"), StartRun(run_id="r2", experiment="e"))
    *_, last = workspace.do(add("r1", "b/c", "a" * 64), add("r1", "a", "a" * 64), add("r1", "a", "b" * 64))
    found = workspace.answers.artifacts("r1", at_least=last.position)

    assert [(each["name"], each["sha256"][0]) for each in found] == [("a", "b"), ("b/c", "a")]
    assert (found[0]["added_by"], found[0]["position"], found[0]["size"]) == ("maria", last.position, 3)
    assert workspace.answers.artifacts("r2") == []
    with pytest.raises(RunNotFoundError):
        workspace.answers.artifacts("r3")


def test_names_are_found_by_how_they_begin(workspace: Workspace) -> None:
    workspace.do(StartRun(run_id="r1", experiment="e"))
    workspace.do(*(add("r1", name, "a" * 64) for name in ("logs/a", "logs/b", "logs_", "user_logs/x", "%", "ü/x")))

    def names(*prefixes: str) -> list[str]:
        return [each["name"] for each in workspace.answers.artifacts("r1", prefixes)]

    assert names("logs/") == ["logs/a", "logs/b"]
    assert names("user_logs/", "logs/", "logs/a") == ["logs/a", "logs/b", "user_logs/x"]
    assert names("%") == ["%"]
    assert names("ü") == ["ü/x"]
    assert names("nothing", "\0", "LOGS") == []


@settings(max_examples=20)
@given(st.lists(ADDED, max_size=12), st.integers(1, 5))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(added: list[tuple[str, str, str]], batch: int) -> None:
    with TemporaryDirectory() as folder, fresh(Path(folder)) as workspace:
        workspace.do(*(StartRun(run_id=run_id, experiment="e") for run_id in RUNS))
        expected = {}
        for run_id, name, digest in added:
            workspace.do(add(run_id, name, digest))
            expected[run_id, name] = digest
        catch_up(workspace.view, TABLE, workspace.feed, batch=batch)
        once = rows(workspace.view)
        rebuild(workspace.view, TABLE, workspace.feed, batch=3)

        assert rows(workspace.view) == once
        assert [row[:2] for row in once] == sorted(expected)
