"""The key that signs what mails hold: made once, kept from others, shared where it is named."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import WorkspaceError
from ledger.workspace.folder import WorkspaceFolder
from runledger.keys import signer_of


def test_a_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    folder = WorkspaceFolder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        signers = list(pool.map(lambda _: signer_of(folder, "log", {}), range(16)))

    assert len({tuple(each.keys) for each in signers}) == 1
    [file] = folder.keys.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o700


def test_servers_that_are_given_one_key_accept_what_the_others_signed(tmp_path: Path) -> None:
    shared = tmp_path / "shared.key"
    shared.write_text("n" * 64 + "\n" + "o" * 64 + "\n")
    named = {"RUNLEDGER_KEY_FILE": str(shared)}
    one, two = (signer_of(WorkspaceFolder(tmp_path / name), "log", named) for name in "ab")

    assert two.accepts("p", b"c", one.sign("p", b"c", 16), 16)
    assert not (tmp_path / "a").exists()
    shared.write_text("o" * 64 + "\n")
    assert one.accepts("p", b"c", signer_of(WorkspaceFolder(tmp_path), "log", named).sign("p", b"c", 16), 16)


@pytest.mark.parametrize("content", [None, "", "short\n", "n" * 64 + "\nshort\n"])
def test_a_key_that_is_none_is_refused_with_the_way_out(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(WorkspaceError, match="cannot be read" if content is None else "openssl rand -hex 32"):
        signer_of(WorkspaceFolder(tmp_path), "log", {"RUNLEDGER_KEY_FILE": str(file)})
