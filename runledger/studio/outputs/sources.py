"""Where the text of a file of a run is read: the stored content, or what a running script has printed so far."""

from dataclasses import dataclass

from ledger.artifacts.contents import Contents
from ledger.artifacts.files import Files
from ledger.queries import ArtifactDocument
from runledger.studio.outputs.text import Source


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored content."""

    contents: Contents
    sha256: str
    size: int

    def read(self, start: int, most: int) -> bytes:
        """Some bytes of it; raises ContentNotFoundError."""
        with self.contents.open(self.sha256) as file:
            file.seek(start)
            return file.read(most)


@dataclass(frozen=True, slots=True)
class Printed:
    """What a script that runs has printed so far."""

    files: Files
    run_id: str

    @property
    def size(self) -> int:
        """How many bytes that are."""
        return self.files.reach(self.run_id)

    def read(self, start: int, most: int) -> bytes:
        """Some of them."""
        return self.files.output(self.run_id, start, [])[:most]


def source_of(files: Files, run_id: str, file: ArtifactDocument) -> Source:
    """Where a file is read."""
    if "sha256" in file:
        return Stored(files.contents, file["sha256"], file["size"])
    return Printed(files, run_id)
