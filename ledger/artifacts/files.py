"""The files of a workspace: contents, and what running scripts have printed so far."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from ledger.artifacts.content import Content
from ledger.artifacts.contents import Contents
from ledger.artifacts.names import STD_LOG
from ledger.artifacts.output import LiveOutput
from ledger.errors import BadContentError
from ledger.queries import ArtifactDocument

OUTPUT_PIECE = 1 << 20
"""How much of a script's output one answer holds, in bytes."""


class Files:
    """Contents at a place, and output: in the run's folder on this machine, in pieces, or in the file it became."""

    def __init__(self, contents: Contents, log_of: Callable[[str], Path]) -> None:
        """`log_of` names the file into which a run's script prints, if it runs on this machine."""
        self.contents = contents
        self.live = LiveOutput(contents.place)
        self.log_of = log_of

    def check(self, content: Content) -> None:
        """Raise BadContentError unless a content is stored, to stay: its name will."""
        self.contents.place.settle()
        if not self.contents.has(content):
            raise BadContentError(
                f"no file with the SHA-256 {content.sha256} and {content.size:,} bytes is stored here: send it first"
            )

    def output(self, run_id: str, start: int, artifacts: Sequence[ArtifactDocument]) -> bytes:
        """What a run's script has printed, from a place on; `artifacts` are its files of that name."""
        found = next((each for each in artifacts if each["name"] == STD_LOG), None)
        if found is not None:
            with self.contents.open(found["sha256"]) as file:
                return _from(file, start)
        try:
            with self.log_of(run_id).open("rb") as file:
                return _from(file, start)
        except OSError:
            return self.live.read(run_id, start, OUTPUT_PIECE)

    def printed(self, run_id: str) -> int:
        """How many bytes a run's script on this machine has printed; 0 for one that runs elsewhere."""
        try:
            return self.log_of(run_id).stat().st_size
        except OSError:
            return 0

    def reach(self, run_id: str) -> int:
        """How many bytes a run's script has printed that are not yet a file, wherever it runs."""
        return self.printed(run_id) or self.live.size(run_id)


def _from(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    return file.read(OUTPUT_PIECE)
