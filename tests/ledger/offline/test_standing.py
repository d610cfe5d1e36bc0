"""Whether a journal has ended: by what lies in it, by the kernel of its own host, and else nobody knows."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.journal.folder import WriterFolder
from ledger.offline.found import find_journals
from ledger.offline.standing import assumed, standing_of
from ledger.tracking.watching import PROCESSES
from ledger.watchdog.alive import ProcessIdentity
from ledger.watchdog.folder import EvidenceFolder
from ledger.watchdog.verdict import Evidence, decide
from tests.ledger.offline.journals import elsewhere, gone, here, journal_of


def test_a_journal_of_another_host_is_left_unless_it_says_itself_that_it_has_ended(tmp_path: Path) -> None:
    folder, identity = journal_of(tmp_path, "r", elsewhere())

    standing = standing_of(folder, identity)
    assert (standing.ended, standing.unknown) == (False, True)
    assert f"whether process {os.getpid()} on node7 has ended" in standing.why

    folder.mark_ended("its process")
    assert standing_of(folder, identity).ended


@pytest.mark.parametrize("field", ["host", "boot_id", "pid_namespace"])
def test_a_number_counts_on_the_same_host_boot_and_pid_namespace_alone(tmp_path: Path, field: str) -> None:
    changed: Any = {field: "another"}
    folder, identity = journal_of(tmp_path, "r", replace(gone(), **changed))

    assert standing_of(folder, identity).unknown


def test_a_process_of_this_host_is_seen_to_run_or_to_be_gone(tmp_path: Path) -> None:
    alive, of_alive = journal_of(tmp_path, "a", here())
    dead, of_dead = journal_of(tmp_path, "d", gone())

    assert standing_of(alive, of_alive).why.startswith("still running: process")
    standing = standing_of(dead, of_dead)
    assert standing.ended
    assert standing.verdict is not None
    assert standing.verdict[0].status == "Failed"


def test_a_lock_that_is_held_is_a_sign_of_life_wherever_the_process_is(tmp_path: Path) -> None:
    folder, identity = journal_of(tmp_path, "r", replace(here(), pid_namespace="another"))
    held = folder.take_alive()
    assert held is not None

    assert standing_of(folder, identity).why.startswith("still running")
    os.close(held)
    assert standing_of(folder, identity).unknown


def test_the_verdict_of_a_watchdog_is_found_beside_the_journal_wherever_that_is_mounted(tmp_path: Path) -> None:
    folder, identity = journal_of(tmp_path, "r", elsewhere(), process="/mounted/elsewhere/processes/p1")
    evidence = Evidence(kernel_status=9, kernel_source="test")
    (tmp_path / PROCESSES / "p1").mkdir(parents=True)
    EvidenceFolder(tmp_path / PROCESSES / "p1").write_ending(decide(evidence), evidence, 12.5)

    standing = standing_of(folder, identity)

    assert standing.ended
    assert standing.verdict is not None
    assert (standing.verdict[0].signal, standing.verdict[1]) == ("SIGKILL", 12.5)


def test_what_a_person_assumes_is_presumed_and_says_so(tmp_path: Path) -> None:
    folder, identity = journal_of(tmp_path, "r", elsewhere())

    standing = assumed(folder, identity)

    assert standing.ended
    assert standing.presumed
    assert standing.verdict is not None
    assert standing.verdict[0].certainty.startswith("assumed: ")
    (found,) = find_journals(tmp_path, assume_ended=True)
    assert found.standing == standing


def test_nobody_assumes_that_a_process_has_ended_that_is_seen_to_run(tmp_path: Path) -> None:
    journal_of(tmp_path, "r", here())

    (found,) = find_journals(tmp_path, assume_ended=True)

    assert not found.standing.ended


def attempt(journals: Path, begun: float, silent_since: float, process: ProcessIdentity) -> WriterFolder:
    folder, _ = journal_of(journals, "r", process, opened_at=begun)
    for path in folder.path.iterdir():
        os.utime(path, (silent_since, silent_since))
    return folder


def test_an_attempt_that_was_silent_before_a_later_one_began_is_over(tmp_path: Path) -> None:
    now = time.time()
    attempt(tmp_path, now - 100, now - 90, elsewhere())
    attempt(tmp_path, now - 50, now - 10, elsewhere())

    first, second = find_journals(tmp_path)

    assert (first.standing.ended, first.standing.verdict) == (True, None)
    assert first.standing.why == "a later attempt of the run began"
    assert second.standing.unknown


def test_two_attempts_at_the_same_time_say_nothing_about_each_other(tmp_path: Path) -> None:
    now = time.time()
    attempt(tmp_path, now - 100, now - 20, elsewhere())
    attempt(tmp_path, now - 50, now - 10, elsewhere())

    assert [each.standing.unknown for each in find_journals(tmp_path)] == [True, True]


def test_journals_are_found_in_a_folder_and_in_the_folders_in_it(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "any", tmp_path / "http-ledger"):
        journal_of(place, "r", elsewhere())
    for aside in (PROCESSES, "undeliverable"):
        journal_of(tmp_path / "any" / aside, "r", elsewhere())
        journal_of(tmp_path / aside, "r", elsewhere())

    assert len(find_journals(tmp_path)) == 3
