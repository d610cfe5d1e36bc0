"""What `make faults` does, done shortly: the very same programmes with smaller numbers."""

from pathlib import Path

import pytest

from tests.docs.test_promise import names_in
from tests.faults.mails.kills import kill_at_random
from tests.faults.mails.mishaps import all_mishaps
from tests.faults.mails.preview import preview_equals_live
from tests.faults.mails.scenarios import SCENARIOS, play
from tests.faults.mails.senders import Taken
from tests.faults.row import Row, broken


def test_kills_at_random_times_lose_nothing(tmp_path: Path) -> None:
    row = kill_at_random(tmp_path, mails=600, kills=8)
    assert broken([row]) == []


def test_what_happens_to_machines_loses_nothing(tmp_path: Path) -> None:
    assert broken(all_mishaps(tmp_path, frozen=False)) == []


def test_each_scenario_that_is_no_test_elsewhere(tmp_path: Path) -> None:
    assert broken(play(tmp_path, mails=40, seconds=2)) == []


def test_a_preview_finds_what_servers_that_stopped_and_started_sent(tmp_path: Path) -> None:
    assert broken([preview_equals_live(tmp_path / "workspace", events=20_000, stops=4)]) == []


@pytest.mark.parametrize("number", SCENARIOS)
def test_what_holds_a_scenario_is_there(number: int) -> None:
    assert SCENARIOS[number].proofs
    for proof in SCENARIOS[number].proofs:
        path, _, name = proof.partition("::")
        assert not name or name in names_in(path), proof


def test_what_is_lost_doubled_or_renamed_is_found() -> None:
    first, second = ("a@x.org", "r1 failed", "<1@x>"), ("b@x.org", "r1 failed", "<2@x>")
    assert Taken([first, second]).hold(2, twice=0)
    assert not Taken([first]).hold(2, twice=9)
    assert not Taken([first, second, first]).hold(2, twice=0)
    assert Taken([first, second, first]).hold(2, twice=1)
    assert not Taken([first, second, ("a@x.org", "r1 failed", "<3@x>")]).hold(2, twice=9)
    assert not Taken([first, ("b@x.org", "r1 failed", "<1@x>")]).hold(2, twice=9)
    assert broken([]) != []
    assert broken([Row("x", {}, holds=False)]) != []
