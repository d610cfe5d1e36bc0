"""Rows of the history from a server, a page at a time."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ledger.errors import UnavailableError
from ledger.remote.exchange import Request
from ledger.remote.server import Server
from ledger.tables import PAGE, TableQuery, Told

if TYPE_CHECKING:
    import pyarrow  # noqa: ICN001 - for the signature alone

_SECONDS = 60.0
"""So long may a page take."""

_ATTEMPTS = 3


def batches(
    server: Server, query: TableQuery, at_least: Mapping[str, Any], told: Told
) -> "Iterator[pyarrow.RecordBatch]":
    """All rows, of which one page is held at a time; raises what the server says no with, and UnavailableError."""
    import pyarrow as pa  # noqa: PLC0415 - whoever asks for tables has it

    asked = {name: value for name, value in asdict(query).items() if value is not None and name != "table"}
    cursor: str | None = None
    while True:
        body = json.dumps(asked | dict(at_least) | ({} if cursor is None else {"cursor": cursor})).encode()
        rows = pa.ipc.open_stream(_page(server, f"/tables/{query.table}", body))
        page = json.loads(rows.schema.metadata[PAGE])
        told(page["read"], page["total"])
        yield from (batch.replace_schema_metadata(None) for batch in rows)
        cursor = page["cursor"]
        if cursor is None:
            return


def _page(server: Server, path: str, body: bytes) -> bytes:
    """The bytes of a page; it is asked for again where it broke off on its way."""
    request = Request("POST", server.path + path, body, {"Content-Type": "application/json"}, opens=True)
    for attempt in range(_ATTEMPTS):
        with server.send(request, attempt=_SECONDS).stream as stream:
            try:
                return stream.read()
            except UnavailableError:
                if attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError("unreachable")
