"""One history for every surface, and the workspace as its boundary (parity section A)."""

import json
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.remote.client import RemoteClient
from ledger.workspace.folder import make_folder
from runledger import Experiment, LedgerError, Workspace
from tests.runledger.cli.calling import call

ROOT = Path(__file__).resolve().parents[1]


def test_a1_what_one_surface_writes_every_other_shows(served: tuple[Path, str]) -> None:
    """Made by the SDK in a folder, tagged by a command over HTTP, described by a plain request: each shows all."""
    folder, url = served
    with Workspace(folder) as workspace:
        run = Experiment(workspace, "surfaces").start_logging(display_name="made in Python")
        assert call("run", "tag", "-w", url, "-r", run.id, "quality=great run").code == 0
        with closing(RemoteClient(url)) as client:
            command = {"type": "describe-run", "command": str(uuid4()), "run_id": run.id}
            client._server.call("POST", "/commands", command | {"changes": {"description": "# Why"}})

        by_sdk = (run.name, run.get_tags(), run.description)
        by_command = call("run", "show", "-w", folder, "-r", run.id).json
        with closing(RemoteClient(url)) as client:
            by_http = client.run(run.id)
    expected = ("made in Python", {"quality": "great run"}, "# Why")
    assert by_sdk == expected
    for document in (by_command, by_http):
        assert (document["name"], document["tags"], document["description"]) == expected


def test_a2_each_task_of_the_article_has_tests_of_its_own() -> None:
    """Monitor, mail, tag and find, describe, search, cancel and fail, children: a file of tests for each."""
    files = ("parity/test_c_monitor.py", "alerts", "parity/test_f_tags.py", "parity/test_e_description.py")
    for file in (*files, "runledger/cli/test_listing.py", "parity/test_g_submit.py", "parity/test_h_children.py"):
        assert (ROOT / file).exists(), file


def test_a3_a_workspace_is_a_boundary(
    place: Path, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Runs and experiments of one workspace are not those of another; it has the name of its folder or server."""
    other = tmp_path_factory.mktemp("other")
    make_folder(other, log="sqlite")
    run = Experiment(workspace, "mine").start_logging()
    with Workspace(other) as elsewhere:
        assert elsewhere.experiments == {}
        with pytest.raises(LedgerError, match=run.id):
            elsewhere.get_run(run.id)
        assert (workspace.name, elsewhere.name) == (place.resolve().name, other.resolve().name)
    assert list(workspace.experiments) == ["mine"]


@pytest.mark.parametrize(("name", "is_one"), [("ab", True), ("a" * 33, True), ("a" * 101, False)])
@pytest.mark.parametrize("prefix", ["", "-", " "])
def test_a3_the_name_of_a_ledger_is_checked_before_any_call(
    name: str, is_one: bool, prefix: str, tmp_path: Path
) -> None:
    """Where a workspace has a name, in the address of its log: 1 to 100 letters, digits, _ and -, a letter first."""
    made = call("init", tmp_path, "--log", f"kafka://127.0.0.1:9/{prefix}{name}")

    assert (made.code == 0) == (is_one and not prefix)
    assert (tmp_path / ".runledger").exists() == (made.code == 0)
    assert made.code == 0 or "kafka://HOST:PORT[,HOST:PORT...]/NAME" in made.err


def test_a5_the_commands_of_the_original_are_there(place: Path) -> None:
    """`run --help` lists the commands of 2.B, but for pipelines, hyperdrive and TensorBoard."""
    assert "run" in call("--help").out
    shown = call("run", "--help").out
    for command in ("cancel", "download-logs", "list", "monitor-logs", "show", "submit-script", "update"):
        assert f"\n  {command} " in shown
    assert call("run", "submit-pipeline").code == 2
    assert json.loads(call("run", "list", "-w", place).out) == []
