"""What a fault programme found, as a row of the table that `make faults` prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was done, the figures that came of it, and whether they are what is promised."""

    what: str
    figures: Mapping[str, object]
    holds: bool

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        return f"{'holds' if self.holds else 'BROKEN'}  {self.what}: {figures}"


def broken(rows: Sequence[Row]) -> list[str]:
    """The rows that do not hold; an empty list of rows proves nothing and is one too."""
    return [str(row) for row in rows if not row.holds] if rows else ["nothing was done"]
