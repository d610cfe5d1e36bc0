"""Attesting and proving, for the command line: whose key signs, and which ledger it is about."""

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ledger.attesting.against import differences
from ledger.attesting.attestation import Attestation, attestation_of
from ledger.attesting.errors import AttestationError
from ledger.attesting.note import SignerKey, VerifierKey, signers_of, text_of
from ledger.attesting.proof import proof_of
from ledger.errors import WorkspaceError
from ledger.store.database import Database
from runledger.locating import folder_of
from runledger.stored import stored_ledger

VARIABLE = "RUNLEDGER_ATTEST_KEY_FILE"
_PRIVATE, _PUBLIC = "attest.key", "attest.pub"

Told = Callable[[int], None]


def attest(location: str, signer: SignerKey | None, progress: Told) -> tuple[Attestation, str]:
    """What a workspace holds, and the note that says so; without a signer its text alone."""
    with stored_ledger(location) as database:
        attested = attestation_of(database, progress)
    return attested, signer.sign(attested.text()) if signer else attested.text()


def prove(location: str, run_id: str, note: str) -> Iterator[str]:
    """The lines of a proof; see `ledger.attesting.proof`."""
    with stored_ledger(location) as database:
        for line in proof_of(database, run_id, note):
            yield json.dumps(line) + "\n"


def checked_against(
    database: Database, note: str, keys: Sequence[VerifierKey], progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """What became of a ledger since an attestation, and who signed that.

    `progress` is told how many events of how many were read.

    Raises what `attested_by` does.
    """
    attested, signers = attested_by(note, keys)
    return {
        "position": attested.position,
        "recorded_at": attested.recorded_at,
        "signed_by": signers,
        "differences": differences(database, attested, lambda done: progress(done, attested.size)),
    }


def attested_by(note: str, keys: Sequence[VerifierKey]) -> tuple[Attestation, list[str]]:
    """What a note says, and who signed it.

    Raises:
        AttestationError: it is no attestation, or nobody whose key is known signed it.
    """
    attested = Attestation.parse(text_of(note))
    signers = signers_of(note, keys)
    if not signers:
        known = ", ".join(str(key) for key in keys)
        raise AttestationError(f"the attestation is not signed with a key that is known here ({known})")
    return attested, signers


def signer_of(location: str, file: Path | None, environment: Mapping[str, str] = os.environ) -> SignerKey:
    """The key of a file, else of the environment's, else of the workspace, which gets one when it has none.

    Raises:
        WorkspaceError: the file cannot be read or made.
        KeyFormError: it holds no private key.
    """
    named = file or (Path(environment[VARIABLE]).expanduser() if environment.get(VARIABLE) else None)
    own = folder_of(location).keys / _PRIVATE
    if named is None and not own.exists():
        make_key(own, f"runledger-{socket.gethostname() or 'here'}")
    return SignerKey.parse(_read(named or own))


def make_key(file: Path, name: str) -> VerifierKey:
    """Make a key, the public one beside it in a file that ends in .pub; nothing is overwritten.

    Raises:
        WorkspaceError: a file cannot be made, or is there already.
    """
    signer = SignerKey.new(name)
    public = file.with_suffix(".pub")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(file, signer.text(), 0o600)
        with suppress(FileExistsError):
            _write(public, str(signer.verifier()), 0o644)
    except OSError as error:
        raise WorkspaceError(f"the key {file} cannot be made: {error}") from error
    return signer.verifier()


def verifiers_of(location: str, named: str | None) -> list[VerifierKey]:
    """The public key that is given, as its text or a file that holds it; else the workspace's own.

    Raises:
        WorkspaceError: there is none.
        KeyFormError: it is no public key.
    """
    if named is not None and "+" in named and not Path(named).exists():
        return [VerifierKey.parse(named)]
    file = Path(named) if named is not None else folder_of(location).keys / _PUBLIC
    if named is None and not file.exists():
        raise WorkspaceError(f"there is no {file}: name the public key with --public-key")
    return [VerifierKey.parse(line) for line in _read(file).splitlines() if line.strip()]


def read_note(file: Path) -> str:
    """An attestation as a file holds it; raises WorkspaceError if it cannot be read."""
    return _read(file)


def _write(file: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as opened:
        opened.write(text + "\n")
        opened.flush()
        os.fsync(opened.fileno())


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{file} cannot be read: {error}") from error
