"""The deadlines of a server, from the environment and config.toml."""

from pathlib import Path

import pytest

from ledger.liveness.judging import BadDeadlineError, Deadlines
from runledger.liveness import read_deadlines
from runledger.settings import resolve
from tests.runledger.cli.calling import call, process


def deadlines(environment: dict[str, str], config: dict[str, object] | None = None) -> Deadlines:
    return read_deadlines(resolve(environment, config or {}))


def test_without_settings_a_run_is_not_responding_after_two_minutes_and_never_presumed_dead() -> None:
    assert deadlines({}) == Deadlines(not_responding=120, presumed=None, interval=30)


def test_the_environment_wins_over_the_file() -> None:
    found = deadlines(
        {"RUNLEDGER_NOT_RESPONDING_SECONDS": "60", "RUNLEDGER_PRESENCE_SECONDS": "2.5"},
        {"not_responding_seconds": 500, "presumed_dead_seconds": 3_600},
    )
    assert found == Deadlines(not_responding=60, presumed=3_600, interval=2.5)
    assert deadlines({"RUNLEDGER_PRESUMED_DEAD_SECONDS": "Never"}, {"presumed_dead_seconds": 900}).presumed is None


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf"])
def test_what_is_no_number_of_seconds_is_refused_with_the_names_of_the_setting(value: str) -> None:
    with pytest.raises(BadDeadlineError, match=r"RUNLEDGER_NOT_RESPONDING_SECONDS \(or not_responding_seconds in"):
        deadlines({"RUNLEDGER_NOT_RESPONDING_SECONDS": value})


def test_a_server_with_bad_deadlines_does_not_start_and_says_why(tmp_path: Path) -> None:
    done = process("server", "--data", tmp_path, "--port", "0", RUNLEDGER_PRESUMED_DEAD_SECONDS="60")

    assert done.code != 0
    assert done.out == ""
    assert "must be longer than the 120 s" in done.err


def test_config_show_names_them(tmp_path: Path) -> None:
    assert call("init", tmp_path).code == 0
    names = {each["name"] for each in call("config", "show", "-w", tmp_path, "-o", "json").json}

    assert {"not responding seconds", "presumed dead seconds", "presence seconds"} <= names
