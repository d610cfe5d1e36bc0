"""A workspace: where experiments and runs are."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ledger.client import Client
    from ledger.tracking.tracker import Tracker


class Workspace:
    """A place for experiments and runs; users make one from `runledger`, by path or URL."""

    def __init__(self, tracker: "Tracker") -> None:
        """Use the tracker of this process."""
        self.tracker = tracker

    @property
    def client(self) -> "Client":
        """The connection, for questions."""
        return self.tracker.client

    @property
    def location(self) -> str:
        """The path or URL of the workspace."""
        return self.tracker.location

    def close(self) -> None:
        """Deliver what was logged and give back what is held; also at the end of a `with` block."""
        self.tracker.close()

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Where it is."""
        return f"Workspace({self.location!r})"
