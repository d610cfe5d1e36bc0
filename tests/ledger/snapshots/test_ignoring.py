"""What a snapshot leaves out is what git would leave out."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.snapshots.ignoring import is_ignored, rules_in
from ledger.snapshots.packing import _walked

PARTS = st.sampled_from(["a", "b", "ab", "a.b", "a b", "#a", "!a", "abc", "[a]", "x\\y"])
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8, unique=True)
WORDS = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "*",
        "**",
        "?",
        "a*",
        "*b",
        "[ab]",
        "[!a]",
        "[^a]",
        "[a-b]c",
        "a.b",
        "\\#a",
        "\\!a",
        "a\\ ",
        "[]a]",
    ]
)
LINES = st.builds(
    lambda before, words, behind: before + "/".join(words) + behind,
    st.sampled_from(["", "", "!", "/", "!/", "#"]),
    st.lists(WORDS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "  ", "/**", "/ "]),
)


def make(folder: Path, paths: list[str]) -> None:
    for path in paths:
        file = folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        except OSError:
            pass  # a file is where a folder would have to be


def by_git(folder: Path) -> set[str]:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(folder)}
    subprocess.run(["git", "init", "-q", "."], cwd=folder, env=environment, check=True)
    listing = ["git", "ls-files", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(listing, cwd=folder, env=environment, check=True, capture_output=True).stdout
    return {os.fsdecode(name) for name in found.split(b"\0") if name}


@settings(max_examples=60)
@given(PATHS, st.lists(LINES, max_size=4), st.lists(LINES, max_size=2))
@example(["a/b/ab", "ab"], ["a/**/ab", "!ab"], [])
@example(["a/b", "b"], ["a/", "!a/b"], [])
@example(["a/ab", "ab"], ["ab"], ["!ab"])
def test_the_files_are_those_that_git_would_add(paths: list[str], lines: list[str], nested: list[str]) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        # A backslash in a name is no name of a file of a run, and is left out with a warning.
        make(folder, [path for path in paths if "\\" not in path])
        (folder / ".gitignore").write_text("\n".join(lines) + "\n")
        if nested and (folder / "a").is_dir():
            (folder / "a" / ".gitignore").write_text("\n".join(nested) + "\n")

        assert {name for name, _ in _walked(folder)} == by_git(folder)


@pytest.mark.parametrize("line", ["", "#a", "/", "   ", "[z-a]", "a["])
def test_a_line_that_says_nothing_ignores_nothing(line: str) -> None:
    assert not is_ignored("a", rules_in([line]), is_folder=False)


def test_the_ledger_and_the_history_of_the_code_are_never_kept() -> None:
    assert is_ignored("deep/.git", [], is_folder=True)
    assert is_ignored(".runledger", rules_in(["!.runledger"]), is_folder=True)
