"""What of some events is encrypted, and what was stored as it is."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic_core import from_json

from ledger.store.database import Recorded
from schemas.events import Event
from schemas.personal import Path, changed, personal_in, restored
from schemas.registry import decode

_NOBODYS = ("digest",)


@dataclass(slots=True)
class Stored:
    """How many events have encrypted text, under which keys, and how many have text in the clear."""

    encrypted: int = 0
    plain: int = 0
    keys: set[str] = field(default_factory=set)


def stored_text(events: Iterable[Recorded]) -> Stored:
    """Look through events as they lie in ledger.db; no key is needed."""
    found = Stored()
    for recorded in events:
        keys = _keys_in(recorded.envelope.value)
        found.keys |= keys
        found.encrypted += bool(keys)
        found.plain += _has_plain(recorded)
    return found


def _keys_in(value: bytes) -> set[str]:
    keys: set[str] = set()
    with suppress(ValueError):
        restored(from_json(value), lambda _, parts: keys.add(parts[0]))
    return keys


def _has_plain(recorded: Recorded) -> bool:
    event = decode(recorded.envelope.type, recorded.envelope.value)
    plan = personal_in(type(event)) if isinstance(event, Event) else None
    texts: list[Path] = []
    if plan is not None:
        changed(plan, from_json(recorded.envelope.value), lambda path, _: texts.append(path))
    return any(path != _NOBODYS for path in texts)
