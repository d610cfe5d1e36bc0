"""`runledger token`, `runledger user` and `runledger server --init-admin`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from tests.runledger.cli.calling import Called, call, terminal
from tests.runledger.server.running import Server, running


@pytest.fixture
def served(empty: Path) -> Iterator[tuple[Path, Server]]:
    """A folder and its server."""
    with running(empty) as server:
        yield empty, server


def state(folder: object, *words: object) -> dict[str, str]:
    """What each token is worth."""
    return {each["token_id"]: each["state"] for each in call("token", "list", "-w", folder, *words).json}


def me(server: Server, token: str) -> Any:
    reply = server.ask("GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    return reply.json() if reply.status == 200 else reply.status


def test_the_first_admin_is_made_once_and_the_way_to_more_is_named(tmp_path: Path) -> None:
    first = call("server", "--data", tmp_path, "--init-admin")
    again = call("server", "--data", tmp_path, "--init-admin", "root")

    assert (first.code, first.json["user"], first.json["token"][:3]) == (0, "admin", "rl_")
    assert "once" in first.err
    assert (again.code, again.out) == (4, "")
    assert "runledger token create" in again.err
    assert [user["role"] for user in call("user", "list", "-w", tmp_path).json] == ["admin"]


def test_an_admin_may_have_another_name_and_a_disabled_one_does_not_count(tmp_path: Path) -> None:
    assert call("server", "--init-admin", "ada", "--data", tmp_path).json["user"] == "ada"
    assert call("user", "disable", "ada", "-w", tmp_path).json["disabled"] is True
    assert call("server", "--data", tmp_path, "--init-admin", "eve").code == 0


def test_on_a_terminal_the_token_stands_alone(tmp_path: Path) -> None:
    shown = terminal("server", "--data", tmp_path, "--init-admin").out.splitlines()

    assert shown[0].startswith("rl_")
    assert " " not in shown[0]


@pytest.mark.kafka
def test_the_first_admin_on_a_topic_is_known_to_every_server(tmp_path: Path, kafka_broker: KafkaBroker) -> None:
    log = ("--log", f"kafka://{kafka_broker.address}/token-{uuid4().hex[:12]}")
    with running(tmp_path / "a", *log) as server:
        assert call("server", "--data", tmp_path / "b", *log, "--init-admin").code == 0
        given = call("token", "create", "bob", "-w", tmp_path / "b").json
        position = call("events", "tail", "-w", tmp_path / "b").out.count("\n")
        for _ in range(100):
            found = me(server, given["token"])
            if found != 401:
                break

    assert position > 0
    assert found["user"] == "bob"


def test_a_token_is_created_listed_and_revoked_in_the_folder(served: tuple[Path, Server]) -> None:
    folder, server = served
    given = call("token", "create", "ada", "--label", "laptop", "--email", "ada@example.org", "-w", folder).json
    before = me(server, given["token"])
    listed = call("token", "list", "-w", folder, "-o", "table").out
    revoked = call("token", "revoke", given["token_id"], "-w", folder)
    again = call("token", "revoke", given["token_id"], "-w", folder)

    assert (before["user"], before["role"], before["email"]) == ("ada", "contributor", "ada@example.org")
    assert "laptop" in listed
    assert given["token"].rpartition("_")[2] not in listed
    assert (revoked.code, again.code) == (0, 0)
    assert "already" in again.err
    assert me(server, given["token"]) == 401


def test_an_admin_does_the_same_over_http(served: tuple[Path, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, server = served
    admin = call("server", "--data", folder, "--init-admin").json
    monkeypatch.setenv("RUNLEDGER_TOKEN", admin["token"])
    given = call("token", "create", "bob", "--role", "viewer", "-w", server.url).json
    changed = call("user", "change", "BOB", "--role", "contributor", "-w", server.url)
    before = me(server, given["token"])
    assert call("token", "revoke", given["token_id"], "-w", server.url).code == 0
    states = state(server.url)
    disabled = call("user", "disable", "bob", "-w", server.url)
    issued_by = {each["user"]: each["issued_by"] for each in call("token", "list", "-w", folder).json}

    assert (before["user"], before["role"]) == ("bob", "contributor")
    assert (changed.json["role"], disabled.json["disabled"]) == ("contributor", True)
    assert states == {admin["token_id"]: "valid", given["token_id"]: "revoked"}
    assert issued_by["bob"] == "admin"


def test_who_is_no_admin_is_refused_by_name_of_the_right(
    served: tuple[Path, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, server = served
    given = call("token", "create", "bob", "-w", folder).json
    without = call("token", "list", "-w", server.url)
    monkeypatch.setenv("RUNLEDGER_TOKEN", given["token"])
    refused: list[Called] = [
        call("token", "create", "eve", "-w", server.url),
        call("token", "list", "-w", server.url),
        call("token", "revoke", given["token_id"], "-w", server.url),
        call("user", "disable", "bob", "-w", server.url),
    ]

    assert (without.code, [done.code for done in refused]) == (4, [4] * 4)
    assert "runledger login" in without.err
    assert all("'admin'" in done.err and "bob" in done.err for done in refused)


def test_a_second_token_needs_no_role_and_another_role_is_refused(empty: Path) -> None:
    assert call("token", "create", "ada", "--role", "viewer", "-w", empty).code == 0
    assert call("token", "create", "Ada", "-w", empty).code == 0
    other = call("token", "create", "ada", "--role", "admin", "-w", empty)

    assert other.code == 4
    assert "runledger user change ada" in other.err
    assert [user["role"] for user in call("user", "list", "-w", empty).json] == ["viewer"]
    assert list(state(empty).values()) == ["valid", "valid"]


def test_who_was_disabled_is_added_again_by_naming_a_role(empty: Path) -> None:
    call("token", "create", "ada", "-w", empty)
    call("user", "disable", "ada", "-w", empty)
    refused = call("token", "create", "ada", "-w", empty)

    assert (refused.code, "--role" in refused.err) == (4, True)
    assert call("token", "create", "ada", "--role", "viewer", "-w", empty).code == 0
    assert list(state(empty).values()) == ["revoked", "valid"]


@pytest.mark.parametrize(("text", "days"), [("30d", 30), ("1y", 365), ("2w", 14), ("48h", 2)])
def test_a_token_may_end(empty: Path, text: str, days: int) -> None:
    given = call("token", "create", "ada", "--expires", text, "-w", empty).json
    left = datetime.fromisoformat(given["expires_at"]) - datetime.now(UTC)

    assert timedelta(days=days, minutes=-1) < left <= timedelta(days=days)


@pytest.mark.parametrize("text", ["30", "d", "0d", "-1d", "1x", "1.5d", "9999y", ""])
def test_what_is_no_time_is_named(empty: Path, text: str) -> None:
    done = call("token", "create", "ada", f"--expires={text}", "-w", empty)

    assert done.code == 2
    assert "30d" in done.err


def test_what_is_not_there_is_3_and_what_is_no_name_is_4(empty: Path) -> None:
    assert call("token", "revoke", "ffffffffffff", "-w", empty).code == 3
    assert call("user", "disable", "nobody", "-w", empty).code == 3
    assert call("user", "change", "nobody", "--role", "admin", "-w", empty).code == 3
    assert call("token", "create", "a b", "-w", empty).code == 4
    assert call("token", "create", "ada", "--email", "nowhere", "-w", empty).code == 4
    assert call("user", "change", "ada", "-w", empty).code == 2
    assert "--init-admin" in call("token", "list", "-w", empty).err
    assert call("token", "list", "-w", empty).json == call("user", "list", "-w", empty).json == []


def test_a_command_that_needs_the_folder_says_so_to_a_url() -> None:
    done = call("verify", "-w", "http://127.0.0.1:5470")

    assert done.code == 1
    assert "needs the folder" in done.err
