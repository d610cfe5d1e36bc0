"""Our limits, and Azure's beside them; light enough for a training process.

Lengths are in characters. Sources of Azure's figures: [D] its documentation page "Service limits",
[S] the source of azureml-core 1.61.0.post4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What no text of an event holds: a NUL (PostgreSQL has none in text), a lone surrogate (no UTF-8)."""

NUMBER_DIGITS = 4_000
"""The most digits of an integer: Python and its JSON parsers give up at 4,300. Azure: 64 bytes [S]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a workspace allows; each can be configured."""

    run_id_length: int = 256  # Azure: 256 [D]; ours is also the longest id that an envelope can name
    display_name_length: int = 1_000  # Azure: 256 [D]
    description_length: int = 100_000  # Azure: 5,000 [D]
    reason_length: int = 5_000  # Azure has no reasons

    tags: int = 500  # Azure: 50 [D]
    tag_key_length: int = 250  # Azure: 100 [D]
    tag_value_length: int = 5_000  # Azure: 1,000 [D]

    properties: int = 500  # Azure: 50 [D]
    property_key_length: int = 250  # Azure: 100 [D]
    property_value_length: int = 5_000  # Azure: 1,000 [D]

    parameters: int = 2_000  # Azure has no parameters
    parameter_key_length: int = 250  # Azure has no parameters
    parameter_value_length: int = 8_000  # Azure has no parameters

    experiment_name_length: int = 255  # Azure: 256 [D], its client: 255 [S]
    experiment_description_length: int = 100_000  # Azure: 5,000 [D]
    experiment_tags: int = 500  # Azure: 50 [D]
    experiment_tag_key_length: int = 250  # Azure: 250 [D]
    experiment_tag_value_length: int = 5_000  # Azure: 1,000 [D]

    error_message_length: int = 10_000  # Azure: 3,000 [D]
    warning_message_length: int = 1_000  # Azure: 300 [D]
    alert_title_length: int = 200  # Azure has no alerts that scripts raise
    alert_text_length: int = 10_000  # Azure has no alerts that scripts raise
    traceback_length: int = 50_000  # Azure has no figure
    log_lines: int = 20  # Azure keeps no log lines with a status
    log_line_length: int = 1_000  # Azure keeps no log lines with a status

    metric_names: int = 10_000  # Azure: 50 [D]
    metric_name_length: int = 1_000  # Azure has no figure
    points_per_metric: int = 10_000_000  # Azure: 1 million rows [D]
    points_per_run: int = 100_000_000  # Azure: 1 million metrics [D]
    points_per_batch: int = 5_000  # Azure: 250 rows [D], its client: 50 values [S]
    columns: int = 500  # Azure: 15 [D]
    column_name_length: int = 1_000  # Azure: 255 [D]
    column_value_length: int = 10_000  # Azure: 255 [D]
    seal_bytes: int = 128_000  # Azure has no seal

    artifacts: int = 10_000_000  # Azure: 10 million [D]
    artifact_name_length: int = 5_000  # Azure: 5,000 [D]
    artifacts_per_call: int = 500  # Azure has no figure
    snapshot_bytes: int = 300_000_000  # Azure: 300 MB [S]
    snapshot_files: int = 2_000  # Azure: 2,000 [S]

    children_per_call: int = 1_000  # Azure: 100 [S]
    page_size: int = 1_000  # Azure: 500 [S]


AZURE_LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "run_id_length": 256,
        "display_name_length": 256,
        "description_length": 5_000,
        "tags": 50,
        "tag_key_length": 100,
        "tag_value_length": 1_000,
        "properties": 50,
        "property_key_length": 100,
        "property_value_length": 1_000,
        "experiment_name_length": 255,
        "experiment_description_length": 5_000,
        "experiment_tags": 50,
        "experiment_tag_key_length": 250,
        "experiment_tag_value_length": 1_000,
        "error_message_length": 3_000,
        "warning_message_length": 300,
        "metric_names": 50,
        "points_per_metric": 1_000_000,
        "points_per_run": 1_000_000,
        "points_per_batch": 250,
        "columns": 15,
        "column_name_length": 255,
        "column_value_length": 255,
        "artifacts": 10_000_000,
        "artifact_name_length": 5_000,
        "snapshot_bytes": 300_000_000,
        "snapshot_files": 2_000,
        "children_per_call": 100,
        "page_size": 500,
        # From here on Azure alone has a limit.
        "runs_per_workspace": 10_000_000,
        "input_datasets": 200,
        "output_datasets": 20,
        "configuration_bytes": 25_000_000,
        "run_duration_days": 30,
        "platform_lifetime_days": 21,
        "low_priority_lifetime_days": 7,
    }
)
"""Azure's figures by our names. A name that `Limits` lacks is a limit that we do not have."""
