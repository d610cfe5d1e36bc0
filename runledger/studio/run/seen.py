"""What a form was made from, and whether others have changed the same since."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from starlette.datastructures import FormData

from ledger.errors import RefusedError
from ledger.problems import BadMessageError
from runledger.server.desk import Desk
from runledger.studio.forms import text_in

_DIGITS = 18


class ChangedSinceError(RefusedError):
    """What is to be changed was changed by others since the caller looked; `changes` says by whom, when, to what."""

    def __init__(self, changes: Sequence[dict[str, Any]]) -> None:
        super().__init__("others have changed the same meanwhile")
        self.changes = changes


def seen_in(form: FormData) -> int:
    """The position as of which the run was shown to who filled a form; raises BadMessageError."""
    text = text_in(form, "seen")
    if not (text.isdecimal() and len(text) <= _DIGITS):
        raise BadMessageError("the form does not say what it was made from: load the page again")
    return int(text)


async def check_unchanged(desk: Desk, run_id: str, seen: int, fields: Collection[str]) -> None:
    """Raise ChangedSinceError if one of the fields was changed behind a position."""
    history = await desk.in_thread(partial(desk.parts.queries.history, run_id))
    found = {
        change.field: {
            "field": change.field,
            "value": change.after,
            "actor": entry.actor,
            "occurred_at": entry.occurred_at,
        }
        for entry in history
        for change in entry.changes
        if entry.position > seen and change.field in fields
    }
    if found:
        raise ChangedSinceError(list(found.values()))
