"""How much something matters; light enough for a training process."""

from typing import Literal

Severity = Literal["info", "warning", "error", "critical"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
"""From the least to the most."""
