"""Which folder of tests comes first, and the minutes that each took, told at the end of a run."""

from collections import Counter

import pytest

# What starts processes and waits for them comes first, so that in the end no worker has a long file left while the
# others have none.
FIRST = ("tests/examples", "tests/faults", "tests/runledger", "tests/parity", "tests/docs", "tests/alerts")


class FolderMinutes:
    """A pytest plugin: adds up set-up, call and tear-down of every test under its top folder."""

    def __init__(self) -> None:
        """Count from zero."""
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of one test."""
        self._seconds[folder_of(report.nodeid)] += report.duration  # type: ignore[assignment]  # floats add up as well

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the folders, the slowest first."""
        terminalreporter.section("minutes a folder, of all workers together")
        for folder, seconds in self._seconds.most_common():
            terminalreporter.write_line(f"{seconds / 60:6.2f}  {folder}")


def folder_of(nodeid: str) -> str:
    """`tests/ledger` of `tests/ledger/store/test_fold.py::test_name`."""
    folders = nodeid.partition("::")[0].split("/")[:-1]
    return "/".join(folders[:2]) or "."


def place_of(nodeid: str) -> int:
    """The place of a test's folder in the order: those of `FIRST`, then all others as they are collected."""
    folder = folder_of(nodeid)
    return FIRST.index(folder) if folder in FIRST else len(FIRST)
