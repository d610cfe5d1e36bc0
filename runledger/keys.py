"""The key that signs links and return addresses in mails: a file, made at its first use."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from alerts.signing import SHORTEST_KEY, Signer
from ledger.errors import WorkspaceError
from ledger.workspace.folder import WorkspaceFolder

VARIABLE = "RUNLEDGER_KEY_FILE"

_FILE = "mail.key"
_BYTES = 32


def signer_of(folder: WorkspaceFolder, log_id: str, environment: Mapping[str, str] = os.environ) -> Signer:
    """What signs for a workspace: with the file that is named, else with one of its own.

    The first line signs, and what any line signed is accepted, so that a key can be replaced.

    Raises:
        WorkspaceError: the file cannot be read or made, or holds a line that is too short.
    """
    named = environment.get(VARIABLE)
    file = Path(named).expanduser() if named else folder.keys / _FILE
    try:
        if not named and not file.is_file():
            _make(file)
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{VARIABLE if named else 'the key'}: {file} cannot be read: {error}") from error
    if not lines or min(map(len, lines)) < SHORTEST_KEY:
        raise WorkspaceError(
            f"{file} holds a key of fewer than {SHORTEST_KEY} characters; make one with `openssl rand -hex {_BYTES}`"
        )
    return Signer(log_id, [line.encode() for line in lines])


def _make(file: Path) -> None:
    """Linked into place: it is there as a whole, and of two that are made at once the first stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(secrets.token_hex(_BYTES) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
