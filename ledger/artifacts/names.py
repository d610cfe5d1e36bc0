"""Names of files of a run: relative paths with `/`, which lead nowhere else on any system."""

import re
from pathlib import Path
from unicodedata import category

from ledger.errors import InvalidNameError
from schemas.limits import UNSTORABLE, Limits

PART_BYTES = 255
"""The longest name that Linux, macOS and Windows keep for one file or folder."""

SNAPSHOT = ".snapshot/source.zip"
"""The name of a run's snapshot, which lists of its files leave out (parity 5.B cell 40)."""
STD_LOG = "user_logs/std_log.txt"
"""What a submitted script has printed (parity C11)."""
LOG_FOLDERS = ("user_logs/", "system_logs/", "logs/", "azureml-logs/")
"""The files of a run that people look for as logs (parity C2)."""

_DRIVE = re.compile(r"[A-Za-z]:")


def check_artifact_name(name: str, limits: Limits) -> None:
    """Raise InvalidNameError unless a name is a relative path that stays below whatever folder it is put in."""
    problem = "it is no text" if not isinstance(name, str) else _problem(name, limits)
    if problem is not None:
        raise InvalidNameError(
            f"{str(name)[:80]!r} cannot name a file of a run: {problem}. Write a relative path such as "
            "'outputs/model.pkl'"
        )


def _problem(name: str, limits: Limits) -> str | None:
    if not 1 <= len(name) <= limits.artifact_name_length:
        return f"it must have 1 to {limits.artifact_name_length:,} characters"
    if "\\" in name:
        return "it holds a backslash, which is a separator elsewhere"
    if UNSTORABLE.search(name) or any(category(character) == "Cc" for character in name):
        return "it holds a control character or half of a surrogate pair"
    return next((problem for part in name.split("/") if (problem := _problem_of_part(part))), None)


def _problem_of_part(part: str) -> str | None:
    if part in {"", ".", ".."}:
        return f"{part!r} is no name of a file or folder"
    if _DRIVE.match(part):
        return f"{part[:20]!r} names a drive on Windows"
    if len(part.encode()) > PART_BYTES:
        return f"one of its parts has more than {PART_BYTES} bytes"
    return None


def place_in(folder: Path, name: str) -> Path:
    """Where a file of this name lies below a folder; raises InvalidNameError for a name that leads elsewhere."""
    check_artifact_name(name, Limits())
    return folder.joinpath(*name.split("/"))


def name_below(folder: Path, file: Path, prefix: str = "") -> str:
    """The name of a file of a folder, with `/` on every system and behind a prefix."""
    return "/".join((*prefix.strip("/").split("/"), *file.relative_to(folder).parts)).lstrip("/")
