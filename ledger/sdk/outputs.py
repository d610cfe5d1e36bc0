"""Files that a script writes beside itself, and that become files of the run when it ends (parity B4, C3)."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ledger.sdk.handle import RunHandle

if TYPE_CHECKING:
    from ledger.artifacts.outputs import Outputs

Folders = str | Path | Iterable[str | Path] | bool | None
"""Folders to look into at the end; the usual ones for None and True, none for False."""

_USUAL = ("outputs", "logs")

_log = logging.getLogger(__name__)


class RunOutputs(RunHandle):
    """The part of a run's handle for its outputs. Nothing is made in the script's folder, and nothing raises."""

    _outputs: "Outputs | None" = None

    def writing_to(self, folders: Folders) -> Self:
        """This handle, which remembers what is in these folders now: that is not the run's."""
        chosen = _chosen(folders)
        if chosen:
            from ledger.artifacts.outputs import Outputs  # noqa: PLC0415 - heavy parts load on first use

            try:
                self._outputs = Outputs(chosen)
            except OSError as error:
                _log.warning("the outputs of run %s are not watched: %s", self.id, error)
        return self

    def _bring_outputs(self) -> None:
        """Store what the script wrote; what cannot be stored is a warning of the run."""
        outputs, self._outputs = self._outputs, None
        if outputs is None:
            return
        from ledger.artifacts.bringing import bring  # noqa: PLC0415

        try:
            uploads = outputs.changed()
        except OSError as error:
            _log.warning("the outputs of run %s cannot be listed: %s", self.id, error)
            return
        if uploads:
            bring(self._put, self.id, self._execute, uploads)


def _chosen(folders: Folders) -> list[Path]:
    if folders is False:
        return []
    if folders is None or folders is True:
        folders = _USUAL
    named = [folders] if isinstance(folders, str | Path) else list(folders)
    return [Path(folder).expanduser().absolute() for folder in named]
