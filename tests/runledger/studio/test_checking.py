"""The check that a page starts: one at a time, whatever comes of it."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.attesting.errors import AttestationError, KeyFormError
from ledger.attesting.note import SignerKey
from ledger.errors import RefusedError, WorkspaceError
from runledger.attesting import attest
from runledger.studio.ledger import checking
from runledger.studio.ledger.checking import Check, Checking
from runledger.verifying import Asked, Step
from runledger.wiring import make_workspace


async def finished(check: Checking) -> Check:
    assert check.last is not None
    while check.last.running:  # noqa: ASYNC110 - a page asks now and then, too
        await asyncio.sleep(0.01)
    return check.last


def test_one_check_at_a_time(tmp_path: Path) -> None:
    make_workspace(tmp_path, log=None)

    async def twice() -> None:
        check = Checking(str(tmp_path))
        check.begin("ada", Asked())
        with pytest.raises(RefusedError, match="ada is verifying already"):
            check.begin("ben", Asked())
        first = await finished(check)
        assert first.result is not None
        assert first.result["intact"]
        check.begin("ben", Asked())
        assert (await finished(check)).by == "ben"

    asyncio.run(twice())


def test_a_file_that_is_damaged_or_gone_is_told(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, log=None)
    folder.ledger_db.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)

    async def once(place: Path) -> Check:
        check = Checking(str(place))
        check.begin("ada", Asked())
        return await finished(check)

    damaged = asyncio.run(once(tmp_path))
    assert damaged.result is not None
    assert not damaged.result["intact"]
    gone = asyncio.run(once(tmp_path / "nowhere"))
    assert gone.failed


def test_a_check_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "SECONDS", -1.0)
    check = Check("ada", datetime.now(UTC))
    with pytest.raises(checking._TooLongError, match="runledger verify"):
        check.told(Step.EVENTS, 5, 10)
    assert (check.done, check.percent) == (5, 50)


def test_it_rests_as_long_as_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", rests.append)
    check = Check("ada", datetime.now(UTC), clock=now, _woke=now)
    for worked in (0.02, 0.05, 3.0):
        now += worked
        check.told(Step.FILE, 1, None)

    assert rests == [pytest.approx(0.02), pytest.approx(0.05), 0.1]
    assert check.percent is None


@pytest.fixture
def attested(tmp_path: Path) -> tuple[Path, str, str]:
    """A workspace, an attestation of it, and the key of who signed that."""
    make_workspace(tmp_path, log=None)
    signer = SignerKey.new("auditor")
    _, note = attest(str(tmp_path), signer, lambda _: None)
    return tmp_path, note, str(signer.verifier())


def test_it_is_held_against_an_attestation(attested: tuple[Path, str, str]) -> None:
    place, note, key = attested

    async def once() -> Check:
        check = Checking(str(place))
        check.begin("ada", check.against(note, key))
        return await finished(check)

    held = asyncio.run(once())
    assert held.result is not None
    assert held.result["attestation"]["signed_by"] == ["auditor"]
    assert held.result["attestation"]["differences"] == []


def test_what_is_no_attestation_or_not_signed_by_who_is_named_is_refused_at_once(
    attested: tuple[Path, str, str],
) -> None:
    place, note, key = attested
    check = Checking(str(place))
    stranger = str(SignerKey.new("stranger").verifier())
    for given, error in (
        (("", key), AttestationError),
        (("hello", key), AttestationError),
        ((note, stranger), AttestationError),
        ((note.replace("position", "Position"), key), AttestationError),
        ((note, "/etc/passwd"), KeyFormError),
        ((note, ""), WorkspaceError),
    ):
        with pytest.raises(error):
            check.against(*given)
