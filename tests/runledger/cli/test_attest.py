"""`runledger attest`, `verify --against` and `prove`: what each finds of what somebody did to the file."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import StartRun, TagRun
from runledger import Experiment, Workspace
from tests.ledger.rewriting import Change, Kept, rewrite
from tests.runledger.cli.calling import Called, call

CHECKER = Path(__file__).parents[3] / "examples" / "check_proof.py"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ended runs with values, one that goes on, and an attestation of them, kept elsewhere."""
    place = tmp_path_factory.mktemp("attested")
    assert call("init", place / "work").code == 0
    with Workspace(place / "work") as opened:
        experiment = Experiment(opened, "digits")
        for name in ("first", "second"):
            run = experiment.start_logging(run_id=name, tags={"quality": "poor"}, snapshot_directory=None)
            for step in range(3):
                run.log("loss", 1 / (step + 1))
            run.complete()
        going = experiment.start_logging(run_id="going", snapshot_directory=None)
        going.log("loss", 0.5)
        going.flush()
        assert call("attest", "-w", place / "work", "--new-key", place / "auditor.key", "--name", "auditor").code == 0
        done = call("attest", "-w", place / "work", "--key", place / "auditor.key", place / "note")
        assert done.code == 0
        assert done.json["events"] == 7
        going.complete()
    return place


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy"


def file_of(place: Path) -> Path:
    return place / "work" / ".runledger" / "ledger.db"


def verified(place: Path, *, against: bool) -> Called:
    asked = ("--against", place / "note", "--public-key", place / "auditor.pub") if against else ()
    return call("verify", "-w", place / "work", *asked)


def found(place: Path, *, against: bool) -> str:
    """What verify says no to."""
    done = verified(place, against=against)
    assert done.code == 6
    attested = (done.json["attestation"] or {}).get("differences", [])
    broken = [log["broken"]["text"] for log in done.json["logs"] if log["broken"]]
    return "\n".join([*broken, *(seal["text"] for seal in done.json["seals"]), *attested])


def test_a_ledger_that_has_only_grown_holds_what_was_attested(place: Path) -> None:
    done = verified(place, against=True)
    assert done.code == 0
    assert done.json["attestation"]["signed_by"] == ["auditor"]
    assert done.json["attestation"]["differences"] == []
    lines = call(
        "verify",
        "-w",
        place / "work",
        "--against",
        place / "note",
        "--public-key",
        place / "auditor.pub",
        "-o",
        "table",
    )
    assert "nothing up to there has changed" in lines.out


def edited(statement: str) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            assert connection.execute(statement).rowcount > 0

    return edit


IN_RUN = "(SELECT id FROM streams WHERE name = 'run:second')"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(
            edited(f"UPDATE control_events SET actor = 'eve' WHERE stream = {IN_RUN} AND seq = 1"),
            id="an actor changed",
        ),
        pytest.param(edited(f"DELETE FROM control_events WHERE stream = {IN_RUN} AND seq = 1"), id="an event deleted"),
        pytest.param(edited(f"DELETE FROM control_events WHERE stream = {IN_RUN}"), id="a run deleted"),
        pytest.param(edited("UPDATE control_events SET place = 1000 - place WHERE place > 2"), id="the order turned"),
        pytest.param(edited("DELETE FROM values_events WHERE place > 0"), id="values deleted"),
        pytest.param(
            edited("UPDATE values_events SET recorded_at = recorded_at + 1 WHERE place = 1"), id="a time moved"
        ),
        pytest.param(
            edited("DELETE FROM control_events WHERE place = (SELECT max(place) FROM control_events)"),
            id="the last event deleted",
        ),
    ],
)
def test_who_does_not_compute_the_hashes_anew_is_found_without_an_attestation(
    place: Path, edit: Callable[[Path], None]
) -> None:
    edit(file_of(place))
    assert found(place, against=False)


def tag_changed(kept: list[Kept]) -> list[Kept]:
    return [
        each.with_value(tags={"quality": "great"})
        if each.envelope.stream == "run:second" and "tags" in each.value()
        else each
        for each in kept
    ]


def without(stream: str) -> Change:
    return lambda kept: [each for each in kept if not each.envelope.stream.startswith(stream)]


def value_changed(kept: list[Kept]) -> list[Kept]:
    return [each.with_value(last=9) if each.envelope.stream.startswith("values:second:") else each for each in kept]


def cut(kept: list[Kept]) -> list[Kept]:
    """As if the last run and its end had never been."""
    return [each for each in kept if "going" not in each.envelope.stream][:-1]


def swapped(kept: list[Kept]) -> list[Kept]:
    """The end of the first run and the start of the second change places."""
    places = [at for at, each in enumerate(kept) if each.envelope.stream in {"run:first", "run:second"}]
    one, two = places[-2], places[1]
    kept[one], kept[two] = kept[two], kept[one]
    return kept


def inserted(kept: list[Kept]) -> list[Kept]:
    at = next(at for at, each in enumerate(kept) if each.envelope.stream == "run:second")
    one = kept[at].envelope
    return [
        *kept[: at + 1],
        kept[at]._replace(envelope=one._replace(id="made-up", type="runledger.run.archived.v1", value=b"{}")),
        *kept[at + 1 :],
    ]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(tag_changed, id="a chain computed anew"),
        pytest.param(value_changed, id="a value changed, and the seal that names it"),
        pytest.param(without("run:second"), id="a run removed"),
        pytest.param(without("values:second:"), id="the values of a writer, and the seal that names them"),
        pytest.param(without("values:going:"), id="values of a run that had not ended"),
        pytest.param(cut, id="the end cut off"),
        pytest.param(swapped, id="two events in another order"),
        pytest.param(inserted, id="an event put in"),
    ],
)
def test_who_computes_every_hash_anew_is_found_with_an_attestation_alone(place: Path, change: Change) -> None:
    if change is not cut:
        rewrite(file_of(place), lambda kept: kept)
        assert verified(place, against=True).code == 0
    rewrite(file_of(place), change)
    alone = verified(place, against=False)
    assert (alone.code, alone.json["intact"]) == (0, True)
    assert found(place, against=True)


def test_values_that_a_seal_names_cannot_go_or_change_without_the_seal(place: Path) -> None:
    rewrite(file_of(place), value_changed, seals=False)
    assert "run second, ended at position" in found(place, against=False)
    assert "are not those that were sealed" in found(place, against=False)
    rewrite(file_of(place), without("values:second:"), seals=False)
    assert "are missing" in found(place, against=False)


def test_another_ledger_and_another_key_are_told_apart(place: Path, tmp_path: Path) -> None:
    assert call("init", tmp_path / "other").code == 0
    with Workspace(tmp_path / "other") as opened:
        opened.client.execute(StartRun(run_id="one", experiment="digits"))
    done = call("verify", "-w", tmp_path / "other", "--against", place / "note", "--public-key", place / "auditor.pub")
    assert done.code == 6
    assert "another ledger" in done.json["attestation"]["differences"][0]
    assert call("attest", "-w", place / "work", "--new-key", tmp_path / "eve.key", "--name", "auditor").code == 0
    refused = call("verify", "-w", place / "work", "--against", place / "note", "--public-key", tmp_path / "eve.pub")
    assert refused.code == 1
    assert "not signed with a key that is known here" in refused.err
    changed = (place / "note").read_text().replace("position ", "position 1", 1)
    (place / "note").write_text(changed)
    refused = verified(place, against=True)
    assert refused.code == 1
    assert "does not fit the text" in refused.err


def test_a_workspace_gets_a_key_of_its_own(place: Path) -> None:
    done = call("attest", "-w", place / "work", place / "own")
    assert done.code == 0
    keys = place / "work" / ".runledger" / "keys"
    assert (keys / "attest.key").stat().st_mode & 0o777 == 0o600
    assert done.json["public_key"] == (keys / "attest.pub").read_text().strip()
    assert call("verify", "-w", place / "work", "--against", place / "own").code == 0
    again = call("attest", "-w", place / "work", place / "own")
    assert again.code == 2
    assert "never overwritten" in again.err
    assert call("attest", "-w", place / "work", "--new-key", keys / "attest.key").code == 1


def test_what_is_no_note_or_key_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a shopping list\n")
    for asked, said in (
        (("verify", "--against", tmp_path / "text", "--public-key", place / "auditor.pub"), "no attestation"),
        (("verify", "--against", place / "note", "--public-key", tmp_path / "text"), "no key"),
        (("verify", "--against", place / "note"), "--public-key"),
        (("verify", "--public-key", place / "auditor.pub"), "--against"),
        (("attest", "--key", tmp_path / "text"), "no private key"),
        (("attest", "--key", tmp_path / "nowhere"), "cannot be read"),
        (("prove", "first", tmp_path / "p", "--attestation", tmp_path / "text"), "no attestation"),
        (("prove", "nobody", tmp_path / "p", "--attestation", place / "note"), "nobody"),
    ):
        done = call(*asked, "-w", place / "work")
        assert done.code != 0
        assert said in done.err
    assert not (tmp_path / "p").exists()


def test_an_unsigned_text_can_be_signed_elsewhere(place: Path) -> None:
    done = call("attest", "-w", place / "work", "--unsigned")
    assert done.out.startswith("runledger/")
    refused = call("verify", "-w", place / "work", "--against", place / "note", "--public-key", place / "auditor.pub")
    assert refused.code == 0


def check(file: Path, key: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(CHECKER), str(file), key], capture_output=True, text=True, check=False)


@pytest.fixture
def proof(place: Path) -> Path:
    done = call("prove", "-w", place / "work", "second", place / "proof", "--attestation", place / "note")
    assert done.code == 0
    assert done.json["records"] >= 3
    return place / "proof"


def test_a_proof_is_checked_without_the_ledger(place: Path, proof: Path) -> None:
    shutil.rmtree(place / "work")
    done = check(proof, (place / "auditor.pub").read_text())
    assert done.returncode == 0, done.stderr
    assert "run second" in done.stdout
    assert "batches of values are as attested" in done.stdout


def test_nothing_in_a_proof_can_be_changed(place: Path, proof: Path) -> None:
    lines = [json.loads(line) for line in proof.read_text().splitlines()]
    public = (place / "auditor.pub").read_text()

    def refused(changed: list[dict[str, Any]]) -> None:
        (place / "forged").write_text("".join(json.dumps(line) + "\n" for line in changed))
        assert check(place / "forged", public).returncode != 0

    events = lines[0]["events"]
    refused([lines[0], lines[1] | {"value": lines[1]["value"].replace("poor", "rich")}, *lines[2:]])
    refused([lines[0], lines[1] | {"recorded_at": lines[1]["recorded_at"] - 1}, *lines[2:]])
    refused([lines[0] | {"events": events - 1}, lines[1], *lines[3:]])
    refused([lines[0], lines[2], lines[1], *lines[3:]])
    refused(lines[:-1])
    # The end left out, as if the run had gone on.
    refused([lines[0] | {"events": events - 1}, *lines[1:events]])
    refused([lines[0] | {"attestation": lines[0]["attestation"].replace("position ", "position 9")}, *lines[1:]])


def test_a_run_that_began_later_cannot_be_proven_and_the_end_that_came_later_is_counted(place: Path) -> None:
    with Workspace(place / "work") as opened:
        opened.client.execute(StartRun(run_id="later", experiment="digits"))
        opened.client.execute(TagRun(run_id="second", tags={"late": "yes"}))
    done = call("prove", "-w", place / "work", "later", place / "p", "--attestation", place / "note")
    assert done.code == 1
    assert "behind the attestation" in done.err
    assert call("prove", "-w", place / "work", "second", place / "p", "--attestation", place / "note").code == 0
    assert json.loads((place / "p").read_text().splitlines()[0])["later_events"] == 1
    assert call("prove", "-w", place / "work", "later", place / "now").code == 0
    assert check(place / "now", (place / "work" / ".runledger" / "keys" / "attest.pub").read_text()).returncode == 0
