"""Logs of a run: listed, read, written to files (parity C2, C11, 2.A)."""

from pathlib import Path
from typing import Any

from ledger.artifacts.names import LOG_FOLDERS, STD_LOG, place_in
from ledger.errors import RefusedError
from ledger.sdk.handle import RunHandle
from ledger.targets.target import SCRIPT_RUN


class RunLogs(RunHandle):
    """The part of a run's handle for its logs, which are files of the run in certain folders."""

    def log_files(self, document: dict[str, Any]) -> dict[str, str]:
        """The path or URL of each log by name; of a submitted script also while it runs."""
        client = self._client
        found = {
            each["name"]: client.artifact_address(self.id, each["name"], each["sha256"])
            for each in client.artifacts(self.id, LOG_FOLDERS)
        }
        if document.get("run_type") == SCRIPT_RUN and STD_LOG not in found:
            found[STD_LOG] = client.artifact_address(self.id, STD_LOG, None)
        return found

    def get_details_with_logs(self) -> dict[str, Any]:
        """As `get_details`, with the text of each log in the place of its path or URL."""
        document = self._document()
        return self.details_of(document) | {"logFiles": self._log_texts(document)}

    def get_all_logs(self, destination: str | Path | None = None) -> list[str]:
        """Write every log into a folder, a new one that has the run's id unless named; answers with the paths.

        Raises:
            RefusedError: the destination is a file, or cannot be written to.
        """
        folder = Path(destination if destination is not None else self.id).expanduser()
        if folder.exists() and not folder.is_dir():
            raise RefusedError(f"logs are written into a folder, and {folder} is a file")
        written = []
        for name, text in self._log_texts(self._document()).items():
            target = place_in(folder, name)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="")
            except OSError as error:
                raise RefusedError(f"log {name!r} cannot be written to {target}: {error.strerror or error}") from error
            written.append(str(target))
        return written

    def details_of(self, document: dict[str, Any]) -> dict[str, Any]:
        """A document as the details of a run (parity C2)."""
        raise NotImplementedError

    def _log_texts(self, document: dict[str, Any]) -> dict[str, str]:
        from ledger.artifacts.downloading import read_text  # noqa: PLC0415

        artifacts = self._client.artifacts(self.id, LOG_FOLDERS)
        found = {each["name"]: read_text(self._client, each["sha256"]) for each in artifacts}
        if document.get("run_type") == SCRIPT_RUN and STD_LOG not in found:
            found[STD_LOG] = self._printed(0).decode("utf-8", errors="replace")
        return dict(sorted(found.items()))

    def _printed(self, start: int) -> bytes:
        """All that a submitted script has printed from a place on, as of now."""
        found = b""
        while text := self._client.output(self.id, start + len(found)):
            found += text
        return found
