"""Commands to an experiment."""

from collections.abc import Mapping, Sequence

from ledger.commands.base import Command, command_class


@command_class
class ExperimentCommand(Command):
    """A command to one experiment, by its name."""

    name: str


@command_class
class CreateExperiment(ExperimentCommand):
    """Get or create an experiment; with `reopen`, reactivate it if it is archived."""

    reopen: bool = False


@command_class
class TagExperiment(ExperimentCommand):
    """Set tags; None makes a bare tag."""

    tags: Mapping[str, str | None]


@command_class
class UntagExperiment(ExperimentCommand):
    """Remove tags."""

    keys: Sequence[str]


@command_class
class DescribeExperiment(ExperimentCommand):
    """Set the description, or clear it by None."""

    description: str | None


class ArchiveExperiment(ExperimentCommand):
    """Hide an experiment from lists."""


class ReactivateExperiment(ExperimentCommand):
    """Show an archived experiment again."""


class DeleteExperiment(ExperimentCommand):
    """Give up an experiment that has no runs; its history stays."""
