"""What one call of the command was told by the options that every command shares."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.workspace.mounts import MOUNTS
from runledger.cli.output import Output

if TYPE_CHECKING:
    from ledger.client import Client
    from runledger.wiring import Embedded

EXPERIMENT_VARIABLE = "RUNLEDGER_EXPERIMENT"


@dataclass(slots=True)
class Session:
    """The workspace that is meant and the output that is wanted.

    `mounts` is the system's table of mounts, `start` the folder from which a workspace is looked for.
    """

    output: Output = field(default_factory=Output)
    workspace: str | None = None
    debug: bool = False
    mounts: Path = MOUNTS
    start: Path = field(default_factory=Path.cwd)

    def location(self) -> str:
        """The path or URL of the workspace.

        Raises:
            WorkspaceError: none is named and none is found.
        """
        from runledger.locating import locate  # noqa: PLC0415 - help needs none of it

        if not self.start.is_dir():
            raise click.UsageError(f"there is no folder {self.start}")
        return locate(self.workspace, os.environ, self.start)

    def experiment(self, named: str | None) -> str | None:
        """The experiment that is named, else the environment's, else the one that the folder is attached to."""
        from runledger.locating import find_attached  # noqa: PLC0415

        named = named if named is not None else os.environ.get(EXPERIMENT_VARIABLE)
        attached = find_attached(self.start) if named is None else None
        # Attached to one workspace, the folder says nothing about others.
        return attached.experiment if attached is not None and attached.workspace == self.location() else named

    def needed_experiment(self, named: str | None) -> str:
        """As `experiment`, where there must be one.

        Raises:
            UsageError: none is named and none is attached.
        """
        found = self.experiment(named)
        if not found:
            raise click.UsageError(
                "Name the experiment with --experiment-name, or attach the folder to one: "
                "`runledger folder attach -e NAME`."
            )
        return found

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """The workspace as every user's command sees it, wherever it is."""
        from runledger.tracking import deliver_left_behind  # noqa: PLC0415
        from runledger.wiring import connect  # noqa: PLC0415

        self.hush()
        client = connect(self.location(), mounts=self.mounts)
        try:
            deliver_left_behind(self.location(), client)
            yield client
        finally:
            client.close()

    @contextmanager
    def embedded(self) -> Iterator["Embedded"]:
        """The parts of a workspace folder, as operators' commands see them."""
        from runledger.wiring import embedded_workspace  # noqa: PLC0415

        self.hush()
        with embedded_workspace(self.location(), mounts=self.mounts) as parts:
            yield parts

    def hush(self) -> None:
        """Keep the Kafka client from logging: what it logs, it raises as well, and an error is one line here."""
        logging.getLogger("aiokafka").setLevel(logging.DEBUG if self.debug else logging.CRITICAL)


pass_session = click.make_pass_decorator(Session)
