"""Files of a run: uploaded, listed, downloaded (parity 2.A)."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger.artifacts.names import SNAPSHOT, place_in
from ledger.artifacts.upload import Source, Upload
from ledger.errors import ArtifactNotFoundError, RefusedError
from ledger.sdk.handle import RunHandle

_log = logging.getLogger(__name__)


class RunFiles(RunHandle):
    """The part of a run's handle for its files. A name stands for what was uploaded last (ADR 0014).

    While the ledger cannot be reached a file is kept beside the journal, and is a file of the run later.
    """

    def upload_file(self, name: str, path_or_stream: Source, datastore_name: str | None = None) -> dict[str, Any]:
        """Store a file, or what a stream holds from here on, under a name such as `outputs/model.pkl`.

        Answers with name, sha256 and size.

        Raises:
            InvalidNameError: the name is no relative path.
            RefusedError: there is no such file.
            UnavailableError: it can neither be sent now nor kept for later; nothing of it is there.
        """
        _pass_over(datastore_name)
        return self._uploaded([Upload(name, path_or_stream)])[name]

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[Source],
        return_artifacts: bool = True,
        timeout_seconds: float | None = None,
        datastore_name: str | None = None,
    ) -> dict[str, dict[str, Any]] | None:
        """Store several files, each under the name at its place, and answer with what became of each by name.

        Raises:
            TypeError: there are more names than paths, or fewer.
            UnavailableError: not all could be sent, or not within `timeout_seconds`; none has a name.
        """
        _pass_over(datastore_name)
        if isinstance(names, str) or len(names) != len(paths):
            raise TypeError(f"upload_files() needs a path for each name: got {len(names)} names, {len(paths)} paths")
        uploads = [Upload(name, path) for name, path in zip(names, paths, strict=True)]
        found = self._uploaded(uploads, timeout_seconds)
        return found if return_artifacts else None

    def upload_folder(
        self, name: str, path: str | Path, datastore_name: str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Store every file of a folder, with `name` before each name; "" puts nothing before them.

        Links that lead out of the folder are passed over, with a warning.

        Raises:
            RefusedError: there is no such folder.
        """
        from ledger.artifacts.walking import files_below  # noqa: PLC0415 - many a training has no files

        _pass_over(datastore_name)
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise RefusedError(f"there is no folder {folder}")
        return self._uploaded([Upload(each, file) for each, file in files_below(folder, name)])

    def get_file_names(self) -> list[str]:
        """The names of all files, the snapshot left out."""
        return [each["name"] for each in self._client.artifacts(self.id) if each["name"] != SNAPSHOT]

    def download_file(
        self,
        name: str,
        output_file_path: str | Path | None = None,
        _validate_checksum: bool = True,  # always done
    ) -> None:
        """Write a file to a path, into a folder, or under its base name into the present folder.

        Raises:
            ArtifactNotFoundError: there is no such file; the error lists those that there are.
            BadContentError: what is stored is not what was uploaded.
        """
        from ledger.artifacts.downloading import write_file  # noqa: PLC0415

        artifact = next((each for each in self._client.artifacts(self.id, [name]) if each["name"] == name), None)
        if artifact is None:
            raise ArtifactNotFoundError(self.id, name, self.get_file_names())
        base = name.rpartition("/")[2]
        target = Path(base if output_file_path is None else output_file_path).expanduser()
        is_folder = target.is_dir() or str(output_file_path).endswith(("/", "\\"))
        write_file(self._client, artifact, target / base if is_folder else target)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | Path | None = None,
        output_paths: Sequence[str | Path] | None = None,
        batch_size: int = 100,  # noqa: ARG002 - files come as they are read
        append_prefix: bool = True,
        timeout_seconds: float | None = None,  # noqa: ARG002 - nothing waits
    ) -> None:
        """Write all files whose names begin with `prefix` into a folder, the present one unless it is named.

        They lie under their whole names there, without the prefix if `append_prefix` is False; or each
        at the path that `output_paths` has for it, in the order of `get_file_names`.

        Raises:
            ArtifactNotFoundError: no name begins so.
            TypeError: there are more paths than files, or fewer.
        """
        from ledger.artifacts.downloading import check_below, write_files  # noqa: PLC0415

        found = [
            each for each in self._client.artifacts(self.id, [prefix] if prefix else []) if each["name"] != SNAPSHOT
        ]
        if prefix and not found:
            raise ArtifactNotFoundError(self.id, prefix, self.get_file_names())
        folder = Path(output_directory or ".").expanduser()
        cut = "" if append_prefix else prefix or ""
        targets = _targets(found, folder, cut, output_paths)
        if output_paths is None:
            check_below(folder, targets)
        write_files(self._client, found, targets)

    def _uploaded(self, uploads: Sequence[Upload], seconds: float | None = None) -> dict[str, dict[str, Any]]:
        from ledger.artifacts.uploading import upload  # noqa: PLC0415

        return upload(self._put, self.id, self._execute, uploads, seconds)


def _targets(
    artifacts: Sequence[dict[str, Any]], folder: Path, cut: str, paths: Sequence[str | Path] | None
) -> list[Path]:
    if paths is not None:
        if len(paths) != len(artifacts):
            raise TypeError(f"download_files() needs a path for each file: got {len(paths)} for {len(artifacts)}")
        return [folder / path for path in paths]
    names = [each["name"] for each in artifacts]
    # A prefix may be all of a name.
    return [place_in(folder, name[len(cut) :].lstrip("/") or name.rpartition("/")[2]) for name in names]


def _pass_over(datastore_name: str | None) -> None:
    if datastore_name is not None:
        _log.warning("datastore_name=%r is passed over: a workspace has one place for files of runs", datastore_name)
