"""Finding the files of a run, by name."""

import json
from collections.abc import Sequence

from ledger.queries import ArtifactDocument
from projections.connection import Connection
from schemas.limits import UNSTORABLE

_SELECT = "SELECT document FROM artifacts WHERE run_id = ?"
_BEGINS = " AND name >= ? AND substr(name, 1, ?) = ?"


def find_artifacts(connection: Connection, run_id: str, prefixes: Sequence[str]) -> list[ArtifactDocument]:
    """The files of a run by name; with `prefixes`, those whose names begin with one of them."""
    if not prefixes:
        return _found(connection, _SELECT, [run_id])
    found: dict[str, ArtifactDocument] = {}
    for prefix in prefixes:
        if not UNSTORABLE.search(prefix):
            given = [run_id, prefix, len(prefix), prefix]
            found |= {each["name"]: each for each in _found(connection, _SELECT + _BEGINS, given)}
    return [found[name] for name in sorted(found)]


def _found(connection: Connection, select: str, given: Sequence[object]) -> list[ArtifactDocument]:
    return [json.loads(text) for (text,) in connection.execute(f"{select} ORDER BY name", given)]
