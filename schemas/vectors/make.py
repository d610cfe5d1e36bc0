"""Writes the published test vectors: `python -m schemas.vectors.make`."""

import json
from pathlib import Path
from typing import Any

from schemas.records import Envelope, canonical_bytes
from schemas.vectors.acceptance import partitions

VECTORS = Path(__file__).parent / "records.json"
ACCEPTANCE = Path(__file__).parent / "acceptance.json"
_LOG_ID = "6f0c2b1e-8d3a-4c57-9a4e-1b2c3d4e5f60"


def envelopes() -> list[Envelope]:
    """A stream of three events, a stream with one, and values that are no ASCII or no JSON."""
    first = Envelope(
        stream="run:digits-1",
        seq=1,
        prev="",
        id="0b8f6c0e-5a53-5f0e-9d3c-2f8a1f1c7a01",
        source="//host.example/runledger",
        type="runledger.run.started.v1",
        time="2026-11-23T10:00:00.000000Z",
        actor="maria",
        value=b'{"experiment":"digits"}',
    )
    second = first._replace(
        seq=2,
        prev=first.hash(_LOG_ID).hex(),
        id="0b8f6c0e-5a53-5f0e-9d3c-2f8a1f1c7a02",
        type="runledger.run.tagged.v1",
        time="2026-11-23T10:00:01.5Z",
        actor="Żaneta Łęcka",
        value='{"key":"jakość","value":"świetna"}'.encode(),
    )
    prev, time = second.hash(_LOG_ID).hex(), "2026-11-23T10:00:02Z"
    third = second._replace(seq=3, prev=prev, id="x", source="s", type="t", time=time, actor="a:b,c", value=b"")
    zero = first._replace(
        stream="values:digits-1:w.0_1-2",
        seq=0,
        id="A" * 256,
        type="runledger.run.logged.v1",
        time="2026-11-23T10:00:02.123456789Z",
        value=bytes(range(256)),
    )
    return [first, second, third, zero]


def vector(envelope: Envelope) -> dict[str, Any]:
    """One vector: headers and value, the bytes that are hashed, the hash."""
    record = envelope.record()
    assert record.key is not None
    assert record.value is not None
    return {
        "log_id": _LOG_ID,
        "key": record.key.decode(),
        "headers": {name: (value or b"").decode() for name, value in record.headers},
        "value_hex": record.value.hex(),
        "canonical_bytes_hex": canonical_bytes(_LOG_ID, envelope.fields(), envelope.value).hex(),
        "sha256": envelope.hash(_LOG_ID).hex(),
    }


def text() -> str:
    """The content of the file of hashes."""
    return json.dumps([vector(envelope) for envelope in envelopes()], indent=1, ensure_ascii=False) + "\n"


def acceptance_text() -> str:
    """The content of the file of partitions: a record on a line."""
    return json.dumps(partitions(), ensure_ascii=False).replace('{"offset"', '\n{"offset"') + "\n"


if __name__ == "__main__":
    VECTORS.write_text(text(), encoding="utf-8")
    ACCEPTANCE.write_text(acceptance_text(), encoding="utf-8")
