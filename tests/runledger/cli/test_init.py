"""`runledger init`."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.runledger.cli.calling import call


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix == ".toml"}


def test_a_workspace_is_made_and_the_next_step_told(tmp_path: Path) -> None:
    place = tmp_path / "new" / "place"
    done = call("init", place)
    assert done.code == 0
    assert done.json == {"workspace": str(place), "log": "sqlite"}
    assert str(place) in done.err
    assert call("run", "list", "-w", place).json == []
    assert call("verify", "-w", place).json["intact"]


def test_here_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("init")
    assert done.json["workspace"] == str(tmp_path)
    assert "from runledger import" in done.err
    assert call("run", "list").json == []


def test_once_more_changes_nothing(workspace: Path) -> None:
    before = contents(workspace / ".runledger")
    done = call("init", workspace)
    assert done.code == 0
    assert contents(workspace / ".runledger") == before
    assert len(call("run", "list", "-w", workspace).json) == 4


def test_a_workspace_keeps_its_log(empty: Path) -> None:
    done = call("init", empty, "--log", "kafka://localhost:9092/name")
    assert done.code == 1
    assert "its log is sqlite" in done.err
    assert call("init", empty, "--log", "sqlite").code == 0


@pytest.mark.parametrize("address", ["mysql", "kafka://localhost/name", "kafka://localhost:9092/", 'x"\n'])
def test_an_address_that_is_none_makes_nothing(tmp_path: Path, address: str) -> None:
    done = call("init", tmp_path, "--log", address)
    assert done.code == 1
    assert "kafka://HOST:PORT" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_kafka_address_is_kept_and_not_called(tmp_path: Path) -> None:
    done = call("init", tmp_path, "--log", "kafka://127.0.0.1:9/name")
    assert done.json["log"] == "kafka://127.0.0.1:9/name"


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert call("init", tmp_path / "file").code == 2


def test_a_network_file_system_is_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 35 98:0 / / rw - ext4 /dev/sda rw\n37 36 0:50 / {tmp_path}/share rw - nfs4 host:/x rw\n")
    refused = call("init", tmp_path / "share" / "work", mounts=mounts)
    assert refused.code == 1
    assert "network file system (nfs4)" in refused.err
    assert "runledger server" in refused.err
    assert call("init", tmp_path / "local", mounts=mounts).code == 0
    assert call("init", tmp_path / "share").code == 0
    assert "nfs4" in call("run", "list", "-w", tmp_path / "share", mounts=mounts).err
    assert "nfs4" in call("events", "tail", "-w", tmp_path / "share", mounts=mounts).err


def test_another_hosts_workspace_is_taken_over_only_on_demand(workspace: Path) -> None:
    config = workspace / ".runledger" / "config.toml"
    config.write_text(config.read_text().replace('host = "', 'host = "0'))
    refused = call("run", "list", "-w", workspace)
    assert refused.code == 1
    assert "--adopt" in refused.err
    assert call("init", workspace).code == 1
    assert call("init", workspace, "--adopt").code == 0
    assert len(call("run", "list", "-w", workspace).json) == 4


def test_a_workspace_that_is_taken_over_keeps_its_settings(empty: Path) -> None:
    config = empty / ".runledger" / "config.toml"
    lines = [line for line in config.read_text(encoding="utf-8").splitlines() if not line.startswith("host")]
    config.write_text("\n".join([*lines, 'host = "another"', "lag_seconds = 7", "[channels]", 'x = "y"', ""]))
    assert call("run", "list", "-w", empty).code == 1

    assert call("init", empty, "--adopt", "--encrypt-personal").code == 0
    settings = {each["name"]: each["value"] for each in call("config", "show", "-w", empty).json}
    assert (settings["lag seconds"], settings["encrypt personal"]) == ("7", "true")
    assert tomllib.loads(config.read_text(encoding="utf-8"))["channels"] == {"x": "y"}


def test_nothing_is_made_that_could_not_encrypt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.privacy.cipher.find_spec", lambda _: None)
    done = call("init", tmp_path / "new", "--encrypt-personal")
    assert done.code == 5
    assert "runledger[privacy]" in done.err
    assert not (tmp_path / "new").exists()


def test_personal_text_is_encrypted_where_the_environment_says_so(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_ENCRYPT_PERSONAL", "true")
    assert call("run", "list", "-w", workspace).code == 0
    monkeypatch.delenv("RUNLEDGER_ENCRYPT_PERSONAL")

    assert call("run", "tag", "-r", "first", "who=zebra", "-w", workspace).json["tags"]["who"] == "zebra"
    assert b"zebra" not in b"".join(path.read_bytes() for path in (workspace / ".runledger").glob("ledger.db*"))
    (event,) = [json.loads(line) for line in call("events", "tail", "-w", workspace).out.splitlines()][-1:]
    assert event["data"]["value"] == "zebra"
