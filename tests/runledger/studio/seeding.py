"""Runs with values and files, sent to a server as any client would."""

import json
import struct
import zlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from tests.runledger.server.running import Server

BEGAN = 1_700_000_000_000_000
_BATCH = 5_000


def start(server: Server, run_id: str, **fields: Any) -> None:
    """Start a run."""
    assert server.send("start-run", run_id=run_id, experiment="charts", **fields).status == 200


def log(server: Server, run_id: str, writer: str, *series: dict[str, Any], first: int = 1) -> None:
    """Send series, each of one length, in as many batches as they need."""
    count = len(series[0]["index"])
    for begin in range(0, count, _BATCH):
        end = min(begin + _BATCH, count)
        parts = [_part(each, begin, end) for each in series]
        batch = {"run_id": run_id, "writer": writer, "first": first + begin, "last": first + end - 1, "series": parts}
        reply = server.ask("POST", "/api/v1/values", json.dumps(batch).encode())
        assert reply.status == 200, reply.body


def scalars(
    name: str, values: Sequence[Any], *, first: int = 1, kind: str = "scalar", steps: bool = True
) -> dict[str, Any]:
    """Values, a second and a step apart; `first` is the journal index of the first, its step one less."""
    index = list(range(first, first + len(values)))
    times = [BEGAN + place * 1_000_000 for place in index]
    found: dict[str, Any] = {"name": name, "kind": kind, "index": index, "times": times, "values": list(values)}
    return found | ({"steps": [place - 1 for place in index]} if steps else {})


def rows(name: str, first: int = 1, **columns: Sequence[Any]) -> dict[str, Any]:
    """Rows of a table."""
    index = list(range(first, first + len(next(iter(columns.values())))))
    return {"name": name, "kind": "row", "index": index, "times": [BEGAN] * len(index), "columns": columns}


def put(server: Server, run_id: str, name: str, content: bytes, kind: str | None = None) -> None:
    """Store a file of a run; one of a kind belongs to the metric of its name."""
    digest = sha256(content).hexdigest()
    reply = server.ask("PUT", f"/api/v1/contents/{digest}", content, {"Content-Type": "application/octet-stream"})
    assert reply.status == 200, reply.body
    named: dict[str, Any] = {"name": name, "sha256": digest, "size": len(content)}
    named |= {} if kind is None else {"kind": kind, "metric": name}
    assert server.send("add-artifacts", run_id=run_id, artifacts=[named]).status == 200


def png(width: int = 40, height: int = 30) -> bytes:
    """A small image."""
    lines = b"".join(
        b"\0" + bytes((x * 6 % 256, y * 8 % 256, 90)[part] for x in range(width) for part in range(3))
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def _part(series: dict[str, Any], begin: int, end: int) -> dict[str, Any]:
    cut: dict[str, Any] = {
        key: series[key][begin:end] for key in ("index", "times", "steps", "values") if key in series
    }
    if "columns" in series:
        cut["columns"] = {name: column[begin:end] for name, column in series["columns"].items()}
    return series | cut
