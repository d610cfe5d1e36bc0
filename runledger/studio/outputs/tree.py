"""The files of a run as folders and files, by their names."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.artifacts.names import LOG_FOLDERS, SNAPSHOT, STD_LOG
from ledger.queries import ArtifactDocument


@dataclass(slots=True)
class Folder:
    """A folder with its folders and files, each by name; `path` ends in a slash, but for the top's, which is empty."""

    name: str
    path: str
    folders: "dict[str, Folder]" = field(default_factory=dict)
    files: list[tuple[str, ArtifactDocument]] = field(default_factory=list)

    def add(self, file: ArtifactDocument) -> None:
        """Put a file in its place."""
        *parts, name = file["name"].split("/")
        folder = self
        for part in parts:
            folder = folder.folders.setdefault(part, Folder(part, f"{folder.path}{part}/"))
        folder.files.append((name, file))


def tree(files: Sequence[ArtifactDocument]) -> Folder:
    """Everything below the top."""
    top = Folder("", "")
    for file in files:
        top.add(file)
    return top


def listed(artifacts: Sequence[ArtifactDocument], run_id: str, printed: int) -> list[ArtifactDocument]:
    """The files that people look for: without the snapshot, and with what a script that runs has printed so far."""
    found = [each for each in artifacts if each["name"] != SNAPSHOT]
    if printed and all(each["name"] != STD_LOG for each in found):
        found.append({"name": STD_LOG, "size": printed, "run_id": run_id, "content_type": "text/plain"})
    return sorted(found, key=lambda each: str(each["name"]))


def first_file(files: Sequence[ArtifactDocument]) -> str | None:
    """What is shown when nobody says which: what the script printed, else a log."""
    names = [each["name"] for each in files]
    if STD_LOG in names:
        return STD_LOG
    return next((name for folder in LOG_FOLDERS for name in names if name.startswith(folder)), None)
