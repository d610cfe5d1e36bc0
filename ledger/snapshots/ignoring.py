"""Which files of a folder a snapshot leaves out, by the rules of gitignore(5)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALWAYS = frozenset({".git", ".runledger"})
"""Folders that no snapshot holds: the history of the code, and the ledger itself."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of an ignore file, for paths below `base`, which is empty or ends with `/`."""

    base: str
    form: re.Pattern[str]
    ignores: bool
    folders_only: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether it says something about a path."""
        if (self.folders_only and not is_folder) or not path.startswith(self.base):
            return False
        return self.form.fullmatch(path, len(self.base)) is not None


def rules_in(lines: Iterable[str], base: str = "") -> list[Rule]:
    """The rules of an ignore file that lies in the folder `base`."""
    return [rule for line in lines if (rule := _rule(line, base)) is not None]


def is_ignored(path: str, rules: Sequence[Rule], *, is_folder: bool) -> bool:
    """What the last rule says that matches; what lies in an ignored folder is for the caller to leave out."""
    if is_folder and path.rpartition("/")[2] in ALWAYS:
        return True
    found = next((rule for rule in reversed(rules) if rule.matches(path, is_folder=is_folder)), None)
    return found is not None and found.ignores


def _rule(line: str, base: str) -> Rule | None:
    text = _without_trailing_spaces(line.rstrip("\r\n"))
    if not text or text.startswith("#"):
        return None
    ignores = not text.startswith("!")
    text = text if ignores else text[1:]
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    form = _form(text)
    return None if form is None else Rule(base, form, ignores, folders_only)


def _without_trailing_spaces(text: str) -> str:
    while text.endswith(" ") and not _ends_escaped(text):
        text = text[:-1]
    return text


def _ends_escaped(text: str) -> bool:
    body = text[:-1]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _form(text: str) -> re.Pattern[str] | None:
    anchored = "/" in text
    parts = text.removeprefix("/").split("/")
    if parts == [""]:
        return None
    found = "" if anchored else "(?:.*/)?"
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**" and anchored:
            found += ".+" if last else "(?:.*/)?"
        else:
            found += _part(part) + ("" if last else "/")
    try:
        return re.compile(found, re.DOTALL)
    except re.error:
        # A range that is none, such as [z-a]: git matches nothing by it either.
        return None


def _part(text: str) -> str:
    found, at = "", 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "*":
            found += "[^/]*"
        elif character == "?":
            found += "[^/]"
        elif character == "[":
            group, at = _group(text, at)
            found += group
        elif character == "\\" and at < len(text):
            found += re.escape(text[at])
            at += 1
        else:
            found += re.escape(character)
    return found


def _group(text: str, at: int) -> tuple[str, int]:
    """A group such as `[!a-z]` as a regular expression, and the place behind it."""
    start = at + 1 if text[at : at + 1] in {"!", "^"} else at
    end = text.find("]", start + 1)
    if end < 0:
        # git takes what is never closed for nothing that a file is called.
        return "(?!)", len(text)
    inside = text[start:end].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
    inside = inside.replace("&", "\\&").replace("~", "\\~").replace("|", "\\|")
    return f"(?!/)[{'^' if start > at else ''}{inside}]", end + 1
