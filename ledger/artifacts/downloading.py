"""Reading files of a run: whole and as they were added, or not at all."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from ledger.artifacts.contents import pieces
from ledger.artifacts.names import place_in
from ledger.client import Client
from ledger.errors import BadContentError, RefusedError

_AT_ONCE = 8
_PART = ".runledger-"


def write_file(client: Client, artifact: dict[str, Any], target: Path) -> Path:
    """Write a file of a run to a path, in the place of what is there.

    Raises:
        BadContentError: what is stored is not what was added; nothing is written.
        RefusedError: it cannot be written there.
    """
    draft = target.with_name(f"{_PART}{uuid4().hex[:12]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fill(client, artifact, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise RefusedError(f"{artifact['name']!r} cannot be written to {target}: {error.strerror or error}") from error
    return target


def write_below(
    client: Client,
    artifacts: Sequence[dict[str, Any]],
    folder: Path,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> list[tuple[dict[str, Any], Path]]:
    """Write files of a run into a folder, each under its whole name; raises what `write_file` raises.

    `progress` is told how many are written, and how many there are.
    """
    targets = [place_in(folder, each["name"]) for each in artifacts]
    check_below(folder, targets)
    write_files(client, artifacts, targets, progress)
    return list(zip(artifacts, targets, strict=True))


def write_files(
    client: Client,
    artifacts: Sequence[dict[str, Any]],
    targets: Sequence[Path],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Write files of a run, several at once; raises what `write_file` raises for the first that cannot be."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="runledger-download") as pool:
        written = pool.map(lambda each: write_file(client, *each), zip(artifacts, targets, strict=True))
        for done, _ in enumerate(written, 1):
            progress(done, len(artifacts))


def read_text(client: Client, digest: str) -> str:
    """What a stored text says."""
    with client.open_content(digest) as file:
        return file.read().decode("utf-8", errors="replace")


def check_below(folder: Path, targets: Sequence[Path]) -> None:
    """Raise RefusedError if a link in the folder leads one of its files elsewhere."""
    top = folder.resolve()
    for target in targets:
        if not target.parent.resolve().is_relative_to(top):
            raise RefusedError(f"{target} would be written outside of {folder}: a folder on the way is a link")


def _fill(client: Client, artifact: dict[str, Any], draft: Path) -> None:
    digest = sha256()
    with draft.open("xb") as file:
        for piece in pieces(client.open_content(artifact["sha256"])):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != artifact["sha256"]:
        raise BadContentError(
            f"what is stored of {artifact['name']!r} is not what was added: its SHA-256 is {digest.hexdigest()}, "
            f"and the ledger says {artifact['sha256']}. Restore it from a copy of the place where files of runs lie."
        )
