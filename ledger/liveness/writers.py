"""A writer that is alive, as its process says."""

from typing import NamedTuple


class LiveWriter(NamedTuple):
    """A writer of a run, as in the journal that it writes."""

    run_id: str
    writer: str
