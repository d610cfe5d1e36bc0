"""What shall be stored, and as what."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

Source = str | Path | IO[Any]
"""A path, or something to read from."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A source and its name; `kind` and `metric` as in the event."""

    name: str
    source: Source
    kind: str | None = None
    metric: str | None = None
