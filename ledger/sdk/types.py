"""Which class stands for which type of run, where runs are listed."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Protocol

from ledger.queries import RunDocument, RunQuery
from ledger.sdk.identity import RunIdentity
from ledger.sdk.listing import Pairs, Runs, pages, property_conditions, tag_conditions
from schemas.statuses import RunStatus

if TYPE_CHECKING:
    from ledger.sdk.experiment import Experiment
    from ledger.sdk.run import Run
    from ledger.sdk.workspace import Workspace

Factory = Callable[["Experiment", RunDocument], "Run"]


class ComputeName(Protocol):
    """A target, as far as a question needs to know it."""

    @property
    def name(self) -> str:
        """Its name."""


class RunTypes(RunIdentity):
    """The part of a run's handle for classes of runs, which a program may add to."""

    _factories: ClassVar[dict[str, Factory]] = {}

    @staticmethod
    def add_type_provider(runtype: str, run_factory: Factory) -> None:
        """Let lists make runs of this type by `run_factory(experiment, document)`.

        Raises:
            ValueError: the type has a factory already.
        """
        if runtype in RunTypes._factories:
            raise ValueError(f"runs of type {runtype!r} have a factory already")
        RunTypes._factories[runtype] = run_factory

    @classmethod
    def made_from(cls, workspace: "Workspace", document: RunDocument, *, rehydrate: bool = True) -> "Run":
        """The handle for a run's document, of the class that its type has."""
        from ledger.sdk.experiment import Experiment  # noqa: PLC0415 - experiments know runs too
        from ledger.sdk.run import Run  # noqa: PLC0415

        experiment = Experiment.known(workspace, document["experiment_name"])
        factory = RunTypes._factories.get(document.get("run_type", "")) if rehydrate else None
        run = Run(experiment, document["run_id"]) if factory is None else factory(experiment, document)
        run.see(document)
        return run

    @classmethod
    def found(cls, workspace: "Workspace", query: RunQuery) -> Runs:
        """The runs that a question finds."""
        return Runs(lambda: pages(workspace.client, query), lambda document: cls.made_from(workspace, document))

    @classmethod
    def get(cls, workspace: "Workspace", run_id: str) -> "Run":
        """The run of an id; raises RunNotFoundError."""
        return cls.made_from(workspace, workspace.client.run(run_id))

    @classmethod
    def list(
        cls,
        experiment: "Experiment",
        type: str | None = None,  # noqa: A002 - the name of the original
        tags: Pairs = None,
        properties: Pairs = None,
        status: str | None = None,
        include_children: bool = False,
    ) -> Runs:
        """Runs of an experiment, newest start first."""
        return experiment.get_runs(type, tags, properties, include_children, status)

    @staticmethod
    def list_by_compute(
        compute: "ComputeName | str",
        type: str | None = None,  # noqa: A002 - the name of the original
        tags: Pairs = None,
        properties: Pairs = None,
        status: str | None = None,
        workspace: "Workspace | None" = None,
    ) -> Iterator[RunDocument]:
        """Documents of the runs on a target that are running or queued, newest start first.

        A target of `workspace.compute_targets` knows its workspace; with the mere name of one,
        name the workspace too.
        """
        of = workspace or getattr(compute, "workspace", None)
        if of is None:
            raise ValueError("list_by_compute needs a target of workspace.compute_targets, or a workspace")
        query = RunQuery(
            target=compute if isinstance(compute, str) else compute.name,
            run_type=type,
            tags=tag_conditions(tags),
            properties=property_conditions(properties),
            statuses=[status] if status else (RunStatus.RUNNING, RunStatus.QUEUED),
            include_children=True,
        )
        return pages(of.client, query)

    def _maker(self, *, rehydrate: bool = True) -> "Callable[[RunDocument], Run]":
        workspace = self.experiment.workspace
        return lambda document: self.made_from(workspace, document, rehydrate=rehydrate)
