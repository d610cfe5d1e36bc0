"""Saved views through a server: who may see and change one, and two who change it at once (parity C10)."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ledger.commands import ChangeView, DeleteView, SaveView, ShareView
from ledger.errors import ForbiddenError, ViewNotFoundError
from ledger.remote.client import RemoteClient
from ledger.users.rights import Right, rights_of
from schemas.roles import Role
from tests.runledger.server.running import JSON, Reply, Server, running
from tests.runledger.server.test_api import assert_problem
from tests.runledger.server.test_auth import give

Users = tuple[Server, dict[str, str]]


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    folder: Path = tmp_path_factory.mktemp("views")
    writer = next(role for role in Role if rights_of(role) == {Right.READ, Right.WRITE})
    with running(folder) as server:
        names = {"ada": Role.ADMIN, "maria": writer, "bo": writer, "ann": writer}
        yield server, {name: give(folder, name, role).text for name, role in names.items()}


def client(users: Users, name: str) -> RemoteClient:
    return RemoteClient(users[0].url, users[1][name])


def send(users: Users, user: str, etag: str | None, **content: Any) -> Reply:
    headers = JSON | {"Authorization": f"Bearer {users[1][user]}"} | ({} if etag is None else {"If-Match": etag})
    body = json.dumps({"command": str(uuid4())} | content).encode()
    return users[0].ask("POST", "/api/v1/commands", body, headers)


def test_an_outsider_neither_sees_nor_changes_a_view(users: Users) -> None:
    view_id = str(uuid4())
    with (
        closing(client(users, "maria")) as maria,
        closing(client(users, "bo")) as bo,
        closing(client(users, "ada")) as ada,
    ):
        maria.execute(SaveView(view_id=view_id, name="mine", query="search=x"))
        assert bo.views() == []
        with pytest.raises(ForbiddenError, match="bo may not see"):
            bo.view(view_id)
        with pytest.raises(ForbiddenError, match="bo may not change"):
            bo.execute(ChangeView(view_id=view_id, name="taken"))
        assert ada.view(view_id)["right"] == "own"

        maria.execute(ShareView(view_id=view_id, everybody="view"))
        assert [each["name"] for each in bo.views()] == ["mine"]
        assert bo.view(view_id)["right"] == "view"
        with pytest.raises(ForbiddenError, match="bo may not change"):
            bo.execute(ChangeView(view_id=view_id, name="taken"))

        maria.execute(ShareView(view_id=view_id, users={"bo": "edit"}))
        bo.execute(ChangeView(view_id=view_id, name="ours"))
        assert maria.view(view_id)["changed_by"] == "bo"
        with closing(client(users, "ann")) as ann, pytest.raises(ForbiddenError):
            ann.view(view_id)
        with pytest.raises(ForbiddenError, match="share or delete"):
            bo.execute(DeleteView(view_id=view_id))
        ada.execute(DeleteView(view_id=view_id))
        with pytest.raises(ViewNotFoundError):
            maria.view(view_id)


def test_a_second_editor_gets_a_conflict_by_the_etag(users: Users) -> None:
    view_id = str(uuid4())
    with closing(client(users, "maria")) as maria:
        maria.execute(SaveView(view_id=view_id, name="both", query=""))
    headers = {"Authorization": f"Bearer {users[1]['maria']}"}
    etag = users[0].ask("GET", f"/api/v1/views/{view_id}", headers=headers).headers["etag"]
    change = {"type": "change-view", "view_id": view_id}
    assert send(users, "maria", etag, **change, name="first").status == 200
    problem = assert_problem(send(users, "maria", etag, **change, name="second"), 412, "changed-since")
    assert [each["field"] for each in problem["changes"]] == ["view"]
    assert send(users, "maria", None, **change, name="third").status == 200
