"""The check that a page starts: one at a time, whatever comes of it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.errors import RefusedError
from runledger.studio.ledger import checking
from runledger.studio.ledger.checking import Check, Checking
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
        check.begin("ada", 2)
        with pytest.raises(RefusedError, match="ada is verifying already"):
            check.begin("ben", 2)
        first = await finished(check)
        assert first.result is not None
        assert first.result["intact"]
        check.begin("ben", 2)
        assert (await finished(check)).by == "ben"

    asyncio.run(twice())


def test_a_file_that_is_damaged_or_gone_is_told(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, log=None)
    folder.ledger_db.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)

    async def once(place: Path) -> Check:
        check = Checking(str(place))
        check.begin("ada", 2)
        return await finished(check)

    damaged = asyncio.run(once(tmp_path))
    assert damaged.result is not None
    assert not damaged.result["intact"]
    gone = asyncio.run(once(tmp_path / "nowhere"))
    assert gone.failed


def test_a_check_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "SECONDS", -1.0)
    check = Check("ada", 10, datetime.now(UTC))
    with pytest.raises(checking._TooLongError, match="runledger verify"):
        check.step(5)
    assert (check.done, check.percent) == (5, 50)
