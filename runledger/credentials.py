"""Tokens for servers: named by the environment, or stored by `runledger login`.

Light on purpose: a training process looks its token up here.
"""

import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ledger.errors import WorkspaceError
from ledger.journal.locks import release, take
from runledger.settings import resolve

_FILE = "credentials.json"
_LOCK_SECONDS = 10.0
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def token_of(url: str, environment: Mapping[str, str]) -> str | None:
    """The token for a server: RUNLEDGER_TOKEN, then RUNLEDGER_TOKEN_FILE, then the one that is stored.

    Raises:
        WorkspaceError: a file cannot be read, or others can read the stored ones.
    """
    settings = resolve(environment, {})
    named, file = settings["token"].value, settings["token file"].value
    if named is not None:
        return named.strip()
    return _token_in(Path(file)) if file is not None else stored_tokens(environment).get(key_of(url))


def credentials_file(environment: Mapping[str, str]) -> Path:
    """Where tokens are stored."""
    folder = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "runledger" / _FILE


def key_of(url: str) -> str:
    """What two spellings of a server's URL have in common."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def stored_tokens(environment: Mapping[str, str]) -> dict[str, str]:
    """The stored tokens by `key_of` their server.

    Raises:
        WorkspaceError: they cannot be read, or others can read them.
    """
    file = credentials_file(environment)
    try:
        with file.open(encoding="utf-8") as opened:
            # Of the file that is read, not of one that takes its name meanwhile.
            mode = os.fstat(opened.fileno()).st_mode
            if os.name == "posix" and mode & _OTHERS:
                raise WorkspaceError(f"{file} can be read by others, and holds tokens. Run `chmod 600 {file}`.")
            content = json.load(opened)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{file} cannot be read: {error}. Repair it, or delete it and log in again.") from error
    if not isinstance(content, dict) or not all(isinstance(token, str) for token in content.values()):
        raise WorkspaceError(f"{file} holds no tokens by URL. Repair it, or delete it and log in again.")
    return content


def store_token(url: str, token: str | None, environment: Mapping[str, str]) -> bool:
    """Store the token of a server, or forget it if it is None; whether anything changed.

    Raises:
        WorkspaceError: the file cannot be read or written, or others can read it.
    """
    file = credentials_file(environment)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(file):
            tokens = stored_tokens(environment)
            changed = tokens.get(key_of(url)) != token
            tokens.pop(key_of(url), None)
            if token is not None:
                tokens[key_of(url)] = token
            if changed:
                _write(file, json.dumps(tokens, indent=2) + "\n")
    except OSError as error:
        raise WorkspaceError(f"{file} cannot be written: {error}") from error
    return changed


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    end = time.monotonic() + _LOCK_SECONDS
    while (lock := take(file.with_suffix(".lock"))) is None:
        if time.monotonic() > end:
            raise WorkspaceError(f"{file} is being written by another process; try again")
        time.sleep(0.02)
    try:
        yield
    finally:
        release(lock)


def _write(file: Path, text: str) -> None:
    draft = file.with_suffix(f".{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    # Renamed into place: it is there as a whole or not at all.
    draft.replace(file)


def _token_in(file: Path) -> str:
    try:
        token = file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"RUNLEDGER_TOKEN_FILE: {file} cannot be read: {error}") from error
    if not token:
        raise WorkspaceError(f"RUNLEDGER_TOKEN_FILE: {file} is empty")
    return token
