"""Folders for scratch ledgers on a local disk: whoever makes one removes those of processes that are gone."""

import json
import logging
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from ledger.watchdog.alive import ProcessIdentity, is_gone

_OWNER = "owner.json"

_log = logging.getLogger(__name__)


def make_scratch() -> Path:
    """A new folder for this process.

    Raises:
        OSError: there is no room for temporary files.
    """
    home = _home()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep()
    folder = Path(mkdtemp(dir=home))
    (folder / _OWNER).write_text(json.dumps(asdict(ProcessIdentity.of(os.getpid()))), encoding="utf-8")
    return folder


def remove_scratch(folder: Path) -> None:
    """Delete the folder of a process: nothing in it is the only copy."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Delete what processes left here that are gone."""
    for owner in _home().glob(f"*/{_OWNER}"):
        try:
            identity = ProcessIdentity.from_json(json.loads(owner.read_text(encoding="utf-8")))
        except (OSError, ValueError, AttributeError) as error:
            _log.debug("%s cannot be read: %s", owner, error)
            continue
        if is_gone(identity):
            remove_scratch(owner.parent)


def _home() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(gettempdir()) / f"runledger-offline-{user}"
