"""The code of a run as it was: taken, named, given back (parity 2.A)."""

from pathlib import Path

from ledger.artifacts.names import SNAPSHOT
from ledger.commands import AddArtifacts, AddProperties
from ledger.errors import SnapshotError, WrittenOnceError
from ledger.sdk.files import RunFiles

SNAPSHOT_ID = "ContentSnapshotId"
"""The property that names a run's snapshot: the SHA-256 of its zip."""


class RunSnapshots(RunFiles):
    """The part of a run's handle for its snapshot; it has one, for ever (ADR 0015)."""

    def take_snapshot(self, file_or_folder_path: str | Path) -> str:
        """Keep a folder, or one file, as it is now; answers with the id of the snapshot.

        What `.amlignore` of the folder names is left out, or else what its `.gitignore` files name.

        Raises:
            SnapshotException: the run has one already, or the folder is larger than 300 MB or 2,000 files.
        """
        from ledger.artifacts.uploading import named  # noqa: PLC0415
        from ledger.snapshots.taking import taken  # noqa: PLC0415 - many a training takes none

        if self.get_snapshot_id() is not None:
            raise _second(self.id)
        with taken(Path(file_or_folder_path).expanduser()) as (file, upload):
            content = self._put(file)
            try:
                self._execute(AddProperties(run_id=self.id, properties={SNAPSHOT_ID: content.sha256}))
            except WrittenOnceError as error:
                raise _second(self.id) from error
        self._execute(AddArtifacts(run_id=self.id, artifacts=[named(upload, content)]))
        return content.sha256

    def get_snapshot_id(self) -> str | None:
        """The id of the run's snapshot; None if there is none."""
        found: str | None = self._document()["properties"].get(SNAPSHOT_ID)
        return found

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | Path | None = None) -> str:
        """Write the zip of a snapshot into a folder, the present one unless named; answers with its path.

        Raises:
            SnapshotException: the run has none.
            ContentNotFoundError: there is no snapshot of that id.
        """
        from ledger.artifacts.downloading import write_file  # noqa: PLC0415

        chosen = snapshot_id or self.get_snapshot_id()
        if chosen is None:
            raise SnapshotError(f"run {self.id} has no snapshot; take_snapshot(FOLDER) takes one")
        target = Path(path or ".").expanduser() / f"{chosen}.zip"
        return str(write_file(self._client, {"name": SNAPSHOT, "sha256": chosen}, target))


def _second(run_id: str) -> SnapshotError:
    return SnapshotError(f"run {run_id} has a snapshot already, and keeps it; restore_snapshot() gives it back")
