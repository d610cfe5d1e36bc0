"""The machine: Python, libraries, SQLite."""

import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from runledger import VERSION
from runledger.doctor.finding import Finding, fail, ok, warn

_LIBRARIES = ("pydantic", "eventsourcing", "click", "jinja2", "aiosmtplib", "aiokafka", "fastapi", "uvicorn")
_OLDEST_SQLITE = (3, 37, 0)


def look_at_machine(*, kafka: bool) -> Iterator[Finding]:
    """What this process runs on; `kafka` says that the log wants the Kafka client."""
    yield ok("python", f"{platform.python_version()} ({sys.executable}) on {platform.platform(terse=True)}")
    found = {name: _version(name) for name in _LIBRARIES}
    said = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    yield ok("libraries", f"runledger {VERSION}, {said}")
    if kafka and found["aiokafka"] is None:
        yield fail("libraries", "the Kafka client is not installed", "pip install 'runledger[kafka]'")
    yield _sqlite()


def _sqlite() -> Finding:
    text = f"{sqlite3.sqlite_version}"
    with sqlite3.connect(":memory:") as connection:
        options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    connection.close()
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        return warn("sqlite", f"{text} is old", "a newer Python brings a newer SQLite")
    if "ENABLE_FTS5" not in options:
        return fail("sqlite", f"{text} lacks FTS5, by which runs are searched", "use a Python whose SQLite has FTS5")
    return ok("sqlite", text)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
