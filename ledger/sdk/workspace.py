"""A workspace: where experiments and runs are."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Unpack

    from ledger.client import Client
    from ledger.queries import Moment, RunDocument
    from ledger.sdk.experiment import Experiment
    from ledger.sdk.listing import RunConditions, Runs
    from ledger.sdk.run import Run
    from ledger.sdk.tables import Table
    from ledger.tables import TableName, Told
    from ledger.targets.target import Target
    from ledger.tracking.tracker import Tracker


class Targets(dict[str, "Target"]):
    """Targets by name."""

    def __missing__(self, name: str) -> "Target":
        """Say which there are."""
        raise KeyError(
            f"there is no target {name!r} in this workspace; there are: {', '.join(self)}. "
            "config.toml of the workspace adds one: [targets.NAME]"
        )


class Workspace:
    """A place for experiments and runs; users make one from `runledger`, by path or URL."""

    def __init__(self, tracker: "Tracker", targets: Callable[[], Mapping[str, "Target"]] = dict) -> None:
        """Use the tracker of this process; `targets` are asked for when somebody submits."""
        self.tracker = tracker
        self._targets = targets

    @property
    def name(self) -> str:
        """What people call it: the name of its folder, or the host and port of its server."""
        return urlsplit(self.location).netloc if "://" in self.location else Path(self.location).resolve().name

    @property
    def experiments(self) -> "Mapping[str, Experiment]":
        """The experiments that are not archived, by name."""
        from ledger.sdk.experiment import Experiment  # noqa: PLC0415 - experiments know their workspace

        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def compute_targets(self) -> Mapping[str, "Target"]:
        """The places for submitted scripts by name; a KeyError for another name lists them (parity H5)."""
        return Targets(self._targets())

    def get_run(self, run_id: str) -> "Run":
        """The run of an id; raises RunNotFoundError."""
        from ledger.sdk.run import Run  # noqa: PLC0415 - runs know their workspace

        return Run.get(self, run_id)

    def run_at(self, run_id: str, as_of: "Moment") -> "RunDocument":
        """A run as it was at a moment, with the fields that `runledger run show` has.

        Args:
            run_id: its id.
            as_of: a position of the ledger; a moment, without a zone in local time; or a text: of one of
                these (then in UTC), or such as `tags.approved=yes`, where that came to be so last.

        Raises:
            RunNotFoundError: there is no such run; RunNotThereYetError, not at that moment.
            MomentAheadError: it has not come yet.
            InvalidNameError: it is no moment.
        """
        from ledger.queries import moment_text  # noqa: PLC0415 - a training looks at nothing that was

        return self.client.run_at(run_id, moment_text(as_of) or "")

    def runs(self, experiment: str | None = None, **conditions: "Unpack[RunConditions]") -> "Runs":
        """Runs of the workspace, newest start first, of one experiment if it is named.

        `conditions` are those of `Experiment.runs`; `.to_polars()` and the like make a table of them.
        """
        from ledger.sdk.listing import run_query  # noqa: PLC0415 - a training lists nothing
        from ledger.sdk.run import Run  # noqa: PLC0415

        return Run.found(self, run_query(experiment, **conditions))

    def metrics(
        self,
        name: str | None = None,
        *,
        runs: "Sequence[str]" = (),
        experiment: str | None = None,
        since: "datetime | None" = None,
        until: "datetime | None" = None,
        progress: "Told | None" = None,
    ) -> "Table":
        """Every logged point, of runs and an experiment if any are named, as a table: `.to_polars()` and the like.

        Args:
            name: the points of this metric.
            runs: those of the runs of these ids.
            experiment: those of the runs of this experiment.
            since: recorded then or later; without a zone it is local time.
            until: recorded before then.
            progress: called while it is read: how many records so far, and of how many.
        """
        return self._table(
            "metrics", progress, metric=name, run_ids=runs, experiment=experiment, since=since, until=until
        )

    def events(
        self,
        *,
        runs: "Sequence[str]" = (),
        experiment: str | None = None,
        since: "datetime | None" = None,
        until: "datetime | None" = None,
        progress: "Told | None" = None,
    ) -> "Table":
        """Every event, of runs and an experiment if any are named, as a table: `.to_polars()` and the like.

        Args:
            runs: the events of the runs of these ids.
            experiment: those of this experiment and its runs.
            since: recorded then or later; without a zone it is local time.
            until: recorded before then.
            progress: called while it is read: how many records so far, and of how many.
        """
        return self._table("events", progress, run_ids=runs, experiment=experiment, since=since, until=until)

    def _table(
        self,
        table: "TableName",
        progress: "Told | None",
        *,
        since: "datetime | None",
        until: "datetime | None",
        **asked: Any,
    ) -> "Table":
        from ledger.sdk.tables import Table, milliseconds  # noqa: PLC0415 - a training reads no table
        from ledger.tables import TableQuery, unheard  # noqa: PLC0415

        query = TableQuery(table=table, since=milliseconds(since), until=milliseconds(until), **asked)
        return Table(lambda: self.client.table(query, progress or unheard))

    @property
    def client(self) -> "Client":
        """The connection, for questions."""
        return self.tracker.client

    @property
    def location(self) -> str:
        """The path or URL of the workspace."""
        return self.tracker.location

    def close(self) -> None:
        """Deliver what was logged and give back what is held; also at the end of a `with` block."""
        self.tracker.close()

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Where it is."""
        return f"Workspace({self.location!r})"
