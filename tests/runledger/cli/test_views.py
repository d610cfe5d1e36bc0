"""`view` and `run list --filter`, on a path and on a URL alike."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.commands import ChangeStatus, StartRun
from runledger.wiring import connect
from schemas.statuses import RunStatus
from tests.runledger.cli.calling import call
from tests.runledger.server.running import running


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    place = tmp_path_factory.mktemp("views")
    assert call("init", place).code == 0
    with closing(connect(str(place))) as client:
        for number, team in enumerate(["vision", "speech", "vision"]):
            client.execute(StartRun(run_id=f"r{number}", experiment="e", tags={"team": team}))
        client.execute(ChangeStatus(run_id="r0", status=RunStatus.FAILED))
    with running(place) as server:
        yield place, server.url


@pytest.fixture(params=["path", "url"])
def place(request: pytest.FixtureRequest, runs: tuple[Path, str]) -> str:
    return str(runs[0]) if request.param == "path" else runs[1]


def test_filters_narrow_a_list(place: str) -> None:
    done = call("run", "list", "-w", place, "--filter", "tag.team:is:vision", "--filter", "status:is-not:Failed")
    assert [run["run_id"] for run in done.json] == ["r2"]
    wrong = call("run", "list", "-w", place, "--filter", "tag.team:like:x")
    assert wrong.code == 2
    assert "FIELD:OPERATOR:VALUES" in wrong.err


def test_a_view_is_saved_opened_shared_and_deleted(place: str) -> None:
    saved = call("view", "save", "-w", place, "vision team", "--filter", "tag.team:is:vision", "--columns", "tag.team")
    assert (saved.code, saved.json["name"], saved.json["visibility"]) == (0, "vision team", "personal")
    assert [each["name"] for each in call("view", "list", "-w", place).json] == ["vision team"]
    opened = call("view", "open", "-w", place, "vision team")
    assert [run["run_id"] for run in opened.json] == ["r2", "r0"]
    shared = call("view", "share", "-w", place, "vision team", "--everybody", "view", "--with", "bo=edit").json
    assert (shared["everybody"], shared["users"]) == ("view", {"bo": "edit"})
    assert call("view", "delete", "-w", place, saved.json["view_id"][:8]).code == 0
    missing = call("view", "open", "-w", place, "vision team")
    assert missing.code == 3
    assert "runledger view list" in missing.err
    none = call("view", "list", "-w", place)
    assert (none.json, "No views yet" in none.err) == ([], True)
