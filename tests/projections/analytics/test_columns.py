"""Names and types of columns are a promise: this list changes only by lines behind the others."""

import re
from collections.abc import Mapping

import pyarrow as pa
import pytest

from projections.analytics.columns import TABLES
from tests.docs.blocks import ROOT

PROMISED: Mapping[str, str] = {
    "events": "position int64, event_id string, stream string, seq int64, type string, version int32, run_id string, "
    "experiment string, key string, value double, text string, actor string, source string, "
    "occurred_at timestamp[us, tz=UTC], recorded_at timestamp[ms, tz=UTC], payload string",
    "metrics": "run_id string, experiment string, metric string, column string, kind string, step int64, value double, "
    "text string, logged_at timestamp[us, tz=UTC], recorded_at timestamp[ms, tz=UTC], writer string, index int64, "
    "partition int32, offset int64",
    "runs": "run_id string, run_number int64, experiment string, experiment_id string, name string, "
    "description string, status string, status_reason string, presumed bool, error_code string, "
    "error_message string, "
    "run_type string, target string, parent_run_id string, root_run_id string, attempt int64, archived bool, "
    "created_by string, created_at timestamp[us, tz=UTC], started_at timestamp[us, tz=UTC], "
    "ended_at timestamp[us, tz=UTC], "
    "duration_seconds double, tags map<string, string>, properties map<string, string>, "
    "parameters map<string, string>, metrics map<string, double>, last_position int64",
    "experiments": "experiment_id string, name string, description string, archived bool, runs int64, "
    "created_by string, created_at timestamp[us, tz=UTC], last_activity_at timestamp[us, tz=UTC], "
    "tags map<string, string>",
}


@pytest.mark.parametrize("name", PROMISED)
def test_columns_keep_their_names_and_types(name: str) -> None:
    assert ", ".join(f"{field.name} {field.type}" for field in TABLES[name]) == PROMISED[name]


@pytest.mark.parametrize("name", PROMISED)
def test_the_documentation_lists_each_column_with_its_type(name: str) -> None:
    page = (ROOT / "docs" / "analytics.md").read_text(encoding="utf-8")
    section = page.split(f"### `{name}`")[1].split("\n## ")[0].split("\n### ")[0]
    listed = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
    assert listed == [(field.name, _shown(field.type)) for field in TABLES[name]]


def _shown(kind: pa.DataType) -> str:
    names = {"string": "text", "double": "float64", "map<string, string>": "map of text to text"}
    names |= {"map<string, double>": "map of text to float64", "timestamp[us, tz=UTC]": "time UTC, µs"}
    return (names | {"timestamp[ms, tz=UTC]": "time UTC, ms"}).get(str(kind), str(kind))
