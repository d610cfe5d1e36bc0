"""The tables of the lake: names and types of their columns, which never change their meaning.

Columns may be added behind the others. docs/analytics.md says what each holds.
"""

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

TEXT = pa.string()
NUMBER = pa.float64()
COUNT = pa.int64()
PARTITION = pa.int32()
FLAG = pa.bool_()
RECORDED = pa.timestamp("ms", "UTC")
"""The log's own time."""
CLAIMED = pa.timestamp("us", "UTC")
"""A time that a writer claims."""
TEXTS = pa.map_(TEXT, TEXT)
NUMBERS = pa.map_(TEXT, NUMBER)

EVENTS = pa.schema(
    {
        "position": COUNT,
        "event_id": TEXT,
        "stream": TEXT,
        "seq": COUNT,
        "type": TEXT,
        "version": PARTITION,
        "run_id": TEXT,
        "experiment": TEXT,
        "key": TEXT,
        "value": NUMBER,
        "text": TEXT,
        "actor": TEXT,
        "source": TEXT,
        "occurred_at": CLAIMED,
        "recorded_at": RECORDED,
        "payload": TEXT,
    }
)

METRICS = pa.schema(
    {
        "run_id": TEXT,
        "experiment": TEXT,
        "metric": TEXT,
        "column": TEXT,
        "kind": TEXT,
        "step": COUNT,
        "value": NUMBER,
        "text": TEXT,
        "logged_at": CLAIMED,
        "recorded_at": RECORDED,
        "writer": TEXT,
        "index": COUNT,
        "partition": PARTITION,
        "offset": COUNT,
    }
)

RUNS = pa.schema(
    {
        "run_id": TEXT,
        "run_number": COUNT,
        "experiment": TEXT,
        "experiment_id": TEXT,
        "name": TEXT,
        "description": TEXT,
        "status": TEXT,
        "status_reason": TEXT,
        "presumed": FLAG,
        "error_code": TEXT,
        "error_message": TEXT,
        "run_type": TEXT,
        "target": TEXT,
        "parent_run_id": TEXT,
        "root_run_id": TEXT,
        "attempt": COUNT,
        "archived": FLAG,
        "created_by": TEXT,
        "created_at": CLAIMED,
        "started_at": CLAIMED,
        "ended_at": CLAIMED,
        "duration_seconds": NUMBER,
        "tags": TEXTS,
        "properties": TEXTS,
        "parameters": TEXTS,
        "metrics": NUMBERS,
        "last_position": COUNT,
    }
)

EXPERIMENTS = pa.schema(
    {
        "experiment_id": TEXT,
        "name": TEXT,
        "description": TEXT,
        "archived": FLAG,
        "runs": COUNT,
        "created_by": TEXT,
        "created_at": CLAIMED,
        "last_activity_at": CLAIMED,
        "tags": TEXTS,
    }
)

TABLES: Mapping[str, pa.Schema] = MappingProxyType(
    {"events": EVENTS, "metrics": METRICS, "runs": RUNS, "experiments": EXPERIMENTS}
)
"""Every table of a lake by the name of its folder."""
