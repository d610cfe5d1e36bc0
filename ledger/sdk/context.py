"""The run that a script belongs to (parity H8)."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from ledger.errors import RunEnvironmentError
from ledger.sdk.types import RunTypes
from ledger.targets.target import RUN_ID

if TYPE_CHECKING:
    from ledger.sdk.run import Run
    from ledger.sdk.workspace import Workspace


class RunContext(RunTypes):
    """The part of a run's handle that finds the run of this process."""

    find_workspace: ClassVar[Callable[[], "Workspace"]]
    """Opens the workspace of this process; the composition root says how."""

    find_own: ClassVar[Callable[[], "Run"]]
    """Starts a run of a script that nobody submitted; the composition root says how."""

    _contexts: ClassVar[dict[tuple[int, str | None], "Run"]] = {}

    @classmethod
    def get_context(cls, allow_offline: bool = True) -> "Run":
        """The run of this script: the same handle each time.

        A script that was not submitted gets a run of its own, in the workspace that is named or
        nearest upwards, and in one made here if there is none: the same script works alike, and what
        it logs is kept. The run ends with the script.

        Raises:
            RunEnvironmentError: the script was not submitted, and `allow_offline` is False.
        """
        run_id = os.environ.get(RUN_ID) or None
        if run_id is None and not allow_offline:
            raise RunEnvironmentError(f"this script was not submitted: {RUN_ID} names no run")
        known = (os.getpid(), run_id)
        found = RunContext._contexts.get(known)
        if found is None:
            found = cls.find_own() if run_id is None else cls.get(cls.find_workspace(), run_id)
            RunContext._contexts[known] = found
        return found
