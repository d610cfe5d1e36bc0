"""docs/performance.md: a section for each measurement, written anew when it is measured anew."""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from benchmarks.result import Result, machine, rows_of

_HEAD = """\
# How fast it is

Each section is written by the command that it names. Each figure is the median of rounds taken in turns with its floor
or peer, so read the ratio, not the figure: all of it shares the cores of one machine, the Kafka broker included. The
floor is what the machine or a bare client does for the same records. A goal that was missed stays in the table.
"""
_MARK = "\n## "


def with_section(page: str, name: str, results: Iterable[Result], order: Sequence[str], *, notes: str = "") -> str:
    """The page with the section of a measurement in its place; `notes` say what a reader must know of its figures."""
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in page.split(_MARK)[1:]}
    sections[name] = _section(name, results) + (f"\n\n{notes.strip()}" if notes else "")
    known = [each for each in order if each in sections]
    return _HEAD + "".join(f"{_MARK}{each}\n\n{sections[each]}\n" for each in known)


def _section(name: str, results: Iterable[Result]) -> str:
    load = f"a load of {os.getloadavg()[2]:.0f} in the last 15 minutes"
    where = f"{machine()}, {os.cpu_count()} cores, {load}, {datetime.now(UTC):%F}"
    return f"`.venv/bin/python -m benchmarks {name} --docs`, {where}:\n\n{rows_of(results)}"
