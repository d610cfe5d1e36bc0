"""Reading what a mail server sends back: delivery reports (RFC 3464), automatic replies, and all else."""

import email
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.policy import compat32
from enum import StrEnum

_LONGEST = 500
_DEPTH = 4
_PARTS = 100
_TO = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "Resent-To", "X-Failed-Recipients")
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_REPLY = re.compile(r"\b([245])\d\d\b")


class Verdict(StrEnum):
    """What a message says about the address that a mail went to."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    AUTOMATIC = "automatic reply"
    OTHER = "no bounce"


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict, with the code of RFC 3463 and the words of a delivery report; `texts` name to whom it came back."""

    verdict: Verdict
    status: str | None = None
    diagnostic: str | None = None
    texts: Sequence[str] = ()


def read_report(content: bytes) -> Report:
    """What a message is; any bytes are some message, so it never raises."""
    message = email.message_from_bytes(content, policy=compat32)
    groups = [group for part in _parts(message) if _kind(part) == "message/delivery-status" for group in _groups(part)]
    texts = [*_headers(message, _TO), *(text for group in groups for text in map(str, group.values()))]
    texts += [text for part in _parts(message) for text in _of_original(part)]
    outcomes = [group for group in groups if "Action" in group]
    if not outcomes:
        return Report(Verdict.AUTOMATIC if _is_automatic(message) else Verdict.OTHER, texts=texts)
    final = next((group for group in outcomes if _is_permanent(group)), None)
    group = outcomes[0] if final is None else final
    verdict = Verdict.TEMPORARY if final is None else Verdict.PERMANENT
    return Report(verdict, _status(group), _short(group.get("Diagnostic-Code")), texts)


def _parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts of a message, but not what is inside a message that it carries."""
    children = message.get_payload()
    if depth < _DEPTH and message.get_content_maintype() == "multipart" and isinstance(children, list):
        for child in children[:_PARTS]:
            if isinstance(child, Message):
                yield child
                yield from _parts(child, depth + 1)


def _groups(part: Message) -> list[Message]:
    groups = part.get_payload()
    return [group for group in groups[:_PARTS] if isinstance(group, Message)] if isinstance(groups, list) else []


def _of_original(part: Message) -> list[str]:
    """From whom the mail went that came back, where the report holds it or its head."""
    inside = part.get_payload()
    if _kind(part) == "message/rfc822" and isinstance(inside, list) and inside and isinstance(inside[0], Message):
        return _headers(inside[0], ("Return-Path",))
    if _kind(part) == "text/rfc822-headers" and isinstance(inside, str):
        return _headers(email.message_from_string(inside, policy=compat32), ("Return-Path",))
    return []


def _is_permanent(group: Message) -> bool:
    """Whether the mail was given up for good; a status that is missing is read off the diagnostic."""
    failed = str(group.get("Action", "")).strip().lower() == "failed"
    code = _status(group)
    if code is None:
        reply = _REPLY.search(str(group.get("Diagnostic-Code", "")))
        code = reply[1] if reply else ""
    return failed and code.startswith("5")


def _status(group: Message) -> str | None:
    found = _STATUS.search(str(group.get("Status", "")))
    return found[0] if found else None


def _is_automatic(message: Message) -> bool:
    """RFC 3834, and what was in use before it."""
    said = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    return said != "no" or any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply-From"))


def _headers(message: Message, names: Sequence[str]) -> list[str]:
    return [str(value) for name in names for value in message.get_all(name, [])]


def _kind(part: Message) -> str:
    return part.get_content_type()


def _short(text: object) -> str | None:
    if text is None:
        return None
    written = str(text).encode("utf-8", "replace").decode().replace("\x00", "")
    return " ".join(written.partition(";")[2].split() or written.split())[:_LONGEST]
