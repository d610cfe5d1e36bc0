"""The minutes that each folder of tests took, told at the end of a run."""

from collections import Counter

import pytest


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
        terminalreporter.section("minutes a folder")
        for folder, seconds in self._seconds.most_common():
            terminalreporter.write_line(f"{seconds / 60:6.2f}  {folder}")


def folder_of(nodeid: str) -> str:
    """`tests/ledger` of `tests/ledger/store/test_fold.py::test_name`."""
    folders = nodeid.partition("::")[0].split("/")[:-1]
    return "/".join(folders[:2]) or "."
