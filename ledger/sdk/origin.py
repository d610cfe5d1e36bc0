"""Where a run comes from: host, user, program."""

import getpass
import os
import platform
import sys
from pathlib import Path
from typing import Any

from ledger.sdk.git import GitState
from ledger.sdk.text import storable


def origin(git: GitState | None = None, restart: str | None = None) -> dict[str, Any]:
    """What this process can say about itself, what is known of its repository, and which start of a job it is."""
    known: dict[str, Any] = {} if git is None or git == GitState() else {"git": _stored(git)}
    known |= {} if restart is None else {"restart": storable(restart)}
    email = os.environ.get("RUNLEDGER_EMAIL")
    known |= {"email": storable(email)} if email else {}
    return known | {
        "host": storable(platform.node()),
        "user": storable(user_name()),
        "command_line": [storable(argument) for argument in sys.argv],
        "python": platform.python_version(),
        "process_id": os.getpid(),
        "working_directory": storable(str(Path.cwd())),
        "script": storable(sys.argv[0]) if sys.argv and sys.argv[0] else None,
    }


def _stored(git: GitState) -> dict[str, Any]:
    texts = {name: getattr(git, name) for name in ("repository", "branch", "commit")}
    return {name: storable(text) for name, text in texts.items() if text} | {"dirty": git.dirty}


def user_name() -> str:
    """The operating system's name for the user, or the number where there is no name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # Windows has no `pwd` to ask where no variable says it
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
