"""Finding the files of a run, by name."""

import json
from collections.abc import Sequence

from ledger.queries import ArtifactDocument
from projections.connection import Connection
from projections.sql import upper
from schemas.limits import UNSTORABLE

_SELECT = "SELECT document FROM artifacts WHERE run_id = ?"
_BEGINS = " AND name >= ? AND name < ?"
_LOOKED_UP = 100
"""So many characters of a beginning are sought in the index: it may not have all of a long name."""


def find_artifacts(connection: Connection, run_id: str, prefixes: Sequence[str]) -> list[ArtifactDocument]:
    """The files of a run by name; with `prefixes`, those whose names begin with one of them."""
    if not prefixes:
        return _found(connection, _SELECT, [run_id])
    found: dict[str, ArtifactDocument] = {}
    for prefix in prefixes:
        if not UNSTORABLE.search(prefix):
            begin = prefix[:_LOOKED_UP]
            documents = _found(connection, _SELECT + _BEGINS, [run_id, begin, upper(begin) or "\U0010ffff"])
            found |= {each["name"]: each for each in documents if each["name"].startswith(prefix)}
    return [found[name] for name in sorted(found)]


def _found(connection: Connection, select: str, given: Sequence[object]) -> list[ArtifactDocument]:
    return [json.loads(text) for (text,) in connection.execute(f"{select} ORDER BY name", given)]
