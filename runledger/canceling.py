"""How long a run that shall be canceled may go on, by the settings, and who sees to it where no server does."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from ledger.client import Client
from ledger.errors import WorkspaceError
from ledger.liveness.graces import GRACE_SECONDS
from runledger.locating import folder_of, is_url
from runledger.settings import resolve

SETTING = "cancel grace seconds"


def grace_seconds(config: Mapping[str, Any]) -> float:
    """The grace time that the environment or config.toml sets.

    Raises:
        WorkspaceError: it is no number of seconds.
    """
    value = resolve(os.environ, config)[SETTING]
    try:
        seconds = float(value.value if value.value is not None else GRACE_SECONDS)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise WorkspaceError(f"{value.source}: {SETTING} must be a number of seconds, not {value.value!r}")
    return seconds


def upkeep_of(location: str) -> Callable[[Client], object] | None:
    """What who uses a workspace folder does for runs that shall be canceled: no server may; None for a URL."""
    if is_url(location):
        return None

    def end_overdue(client: Client) -> None:
        from ledger.liveness import expiring  # noqa: PLC0415 - first needed some seconds after the start
        from runledger.wiring import now  # noqa: PLC0415

        expiring.end_overdue(client, now(), grace_seconds(folder_of(location).settings()))

    return end_overdue
