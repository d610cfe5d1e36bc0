"""A workspace: where experiments and runs are."""

from types import TracebackType
from typing import Self

from ledger.client import Client


class Workspace:
    """A place for experiments and runs; users make one from `runledger`, by path or URL."""

    def __init__(self, client: Client) -> None:
        """Use a client that is connected."""
        self.client = client

    @property
    def location(self) -> str:
        """The path or URL of the workspace."""
        return self.client.location

    def close(self) -> None:
        """Give back what is held; also at the end of a `with` block."""
        self.client.close()

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
