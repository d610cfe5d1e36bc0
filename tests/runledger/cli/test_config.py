"""`runledger config show`."""

from pathlib import Path
from typing import Any

import pytest

from tests.runledger.cli.calling import call


def shown(*words: object) -> dict[str, Any]:
    done = call("config", "show", *words)
    assert done.code == 0, done.err
    return {item["name"]: (item["value"], item["source"]) for item in done.json}


def test_each_value_has_its_source(
    tmp_path_factory: pytest.TempPathFactory, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(empty)
    assert shown()["workspace"] == (str(empty), "the nearest .runledger/ upwards")
    assert shown()["log"] == ("sqlite", "config.toml")
    assert shown("-w", empty)["workspace"] == (str(empty), "--workspace")
    monkeypatch.setenv("RUNLEDGER_LOG", "kafka://broker:9092/name")
    assert shown()["log"] == ("kafka://broker:9092/name", "environment (RUNLEDGER_LOG)")
    nowhere = tmp_path_factory.mktemp("nowhere")
    monkeypatch.setenv("RUNLEDGER_WORKSPACE", str(nowhere))
    assert shown()["workspace"] == (str(nowhere), "environment (RUNLEDGER_WORKSPACE)")


def test_secrets_are_hidden(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_TOKEN", "very-secret")
    for form in ("json", "table", "yaml", "tsv"):
        done = call("config", "show", "-w", empty, "-o", form)
        assert "very-secret" not in done.out
        assert "********" in done.out
    done = call("config", "show", "-w", "https://name:very-secret@host:5470")
    assert "very-secret" not in done.out + done.err


@pytest.mark.parametrize(
    "address", ["maria:s3c/r3t@ret@host/d", "maria@host/d?sslmode=require&password=s3c&x=y", "maria:@h"]
)
def test_passwords_in_addresses_are_hidden(address: str, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_VIEWS", f"postgresql://{address}")
    value, source = shown("-w", empty)["views"]
    assert value.startswith("postgresql://maria")
    assert "********" in value
    assert not any(part in value for part in ("s3c", "r3t", "@ret"))
    assert source == "environment (RUNLEDGER_VIEWS)"


def test_settings_are_shown_without_a_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("config", "show")
    assert done.code == 0
    assert "runledger init" in done.err
    assert shown()["workspace"] == (None, "not found")
    assert shown()["log"] == ("sqlite", "default")
    assert "is not a workspace yet" in call("config", "show", "-w", tmp_path).err


def test_a_config_file_that_cannot_be_read_is_named(empty: Path) -> None:
    (empty / ".runledger" / "config.toml").write_text("log = ")
    done = call("config", "show", "-w", empty)
    assert done.code == 1
    assert "config.toml cannot be read" in done.err
