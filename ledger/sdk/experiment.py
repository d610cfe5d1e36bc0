"""An experiment: a name that runs share."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from ledger.commands import CreateExperiment, DefineRule, StartRun
from ledger.queries import Moment
from ledger.sdk.beginning import Said, begin, check_ways
from ledger.sdk.config import ScriptRunConfig
from ledger.sdk.experiments import ExperimentAttributes
from ledger.sdk.git import GitState, git_state
from ledger.sdk.listing import Pairs, Runs, run_query
from ledger.sdk.notify import one_run_rule, one_run_rule_id
from ledger.sdk.outputs import Folders
from ledger.sdk.run import Run
from ledger.sdk.submission import submit
from ledger.sdk.text import as_texts
from ledger.sdk.workspace import Workspace


class Experiment(ExperimentAttributes):
    """Get or create an experiment by name (parity B3)."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Make sure that it is there.

        Raises:
            InvalidNameError: the name breaks the rule; nothing was sent.
        """
        self.workspace = workspace
        self.name = name
        workspace.tracker.create_experiment(CreateExperiment(name=name))

    def start_logging(  # noqa: PLR0913 - options, each by its name
        self,
        *,
        name: str | None = None,
        run_id: str | None = None,
        resume: str = "never",
        on_cancel: str = "ignore",
        display_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, object] | None = None,
        snapshot_directory: str | Path | None = ".",
        outputs: Folders = None,
        notify: str | Iterable[str] | None = None,
    ) -> Run:
        """Start a run, continue one that has ended, or log to one that runs elsewhere (parity B4).

        Args:
            name: the older way to say `display_name`, which counts if both are given.
            run_id: an id of your own; a random UUID otherwise.
            resume: "never" starts a new run; "allow" begins another attempt of the run if it is there,
                "must" fails if it is not. That takes a run that has ended, or does not respond; one
                whose process died on this host is ended first. "join" logs to a run that another
                process has begun, and leaves its end to that process.
            on_cancel: "raise" lets the next `log*()` raise RunCanceled, once, after somebody asked
                for the run to be canceled; "ignore" leaves it to `cancel_requested`.
            display_name: a name for people.
            description: Markdown.
            tags: tags to begin with; None makes a bare tag.
            snapshot_directory: the folder of the script; the state of its git repository becomes
                properties. None looks at no folder. Its files are kept by `take_snapshot` alone.
            outputs: folders whose files become files of the run when this handle ends it, as far as
                they are new or changed by then: `./outputs` and `./logs` unless named, none for False.
            notify: an address, or several, that get a mail when the run has ended or does not respond.

        Raises:
            RefusedError: the id is taken, the run cannot be resumed or joined, or a name or limit is not kept.
            RunNotFoundError: there is no run to resume or to join.
        """
        check_ways(run_id, resume, on_cancel)
        run_id = run_id or str(uuid4())
        git = GitState() if snapshot_directory is None else git_state(Path(snapshot_directory), os.environ)
        said = Said(as_texts("tag", tags or {}), name if display_name is None else display_name, description)
        is_new = begin(self.workspace, StartRun(run_id=run_id, experiment=self.name), resume, git, said)
        run = Run(self, run_id).below(run_id) if is_new else Run(self, run_id)
        for recipient in [notify] if isinstance(notify, str) else notify or ():
            rule = DefineRule(rule_id=one_run_rule_id(run_id, recipient), definition=one_run_rule(run_id, recipient))
            self.workspace.tracker.execute(rule, run_id)
        if resume == "join":
            run.join()
        else:
            run.writing_to(outputs)
        if on_cancel == "raise":
            run.raise_if_canceled()
        return run

    def submit(
        self,
        config: ScriptRunConfig,
        tags: Mapping[str, object] | None = None,
        display_name: str | None = None,
    ) -> Run:
        """Run a script on a target, and come back at once (parity G1).

        It runs in a copy of its source directory, which is kept as the run's snapshot (ADR 0015).
        stdout and stderr go to `user_logs/std_log.txt` of the run, and what it writes to `./outputs`
        and `./logs` becomes files of the run.

        Raises:
            ExperimentExecutionError: folder or script are not there, or the target cannot take it.
            SnapshotException: the folder is larger than 300 MB or 2,000 files.
            KeyError: there is no such target; the message lists those that there are.
            UnavailableError: the ledger cannot be reached.
        """
        return self.workspace.get_run(submit(self, config, tags, display_name=display_name))

    def get_runs(
        self,
        type: str | None = None,  # noqa: A002 - the name of the original (parity F7)
        tags: Pairs = None,
        properties: Pairs = None,
        include_children: bool = False,
        status: str | None = None,
    ) -> Runs:
        """Runs of the experiment, newest start first (parity F7); `runs` takes more conditions.

        A mapping means every pair must match, a text that the key is there with any value.

        Raises:
            ValueError: tags or properties are neither pairs nor a key.
        """
        return self.runs(type=type, tags=tags, properties=properties, include_children=include_children, status=status)

    def runs(  # noqa: PLR0913 - conditions, each by its name
        self,
        *,
        type: str | None = None,  # noqa: A002 - as in `get_runs`
        tags: Pairs = None,
        properties: Pairs = None,
        include_children: bool = False,
        status: str | None = None,
        search: str | None = None,
        order_by: str | None = None,
        started_from: datetime | None = None,
        started_before: datetime | None = None,
        as_of: Moment | None = None,
    ) -> Runs:
        """As `get_runs`; `.to_pandas()` and `.to_polars()` make a table of them.

        Args:
            type: runs of this type, such as `ScriptRun.RUN_TYPE`.
            tags: pairs that must match, or one key that must be there.
            properties: the same of properties.
            include_children: child runs too.
            status: runs that have this status now.
            search: words that a text of the run must have.
            order_by: start, end, duration, name, status, experiment, or `metric.NAME`, `parameter.NAME`,
                `tag.NAME`, `property.NAME`; with `-` before it the other way round.
            started_from: runs that were started at this moment or later; without a zone it is local time.
            started_before: runs that were started before it.
            as_of: the runs as they were, at a position of the ledger or at a moment; without a zone it is
                local time, as a text UTC. The conditions are about what was then.
        """
        query = run_query(
            self.name,
            type=type,
            tags=tags,
            properties=properties,
            include_children=include_children,
            status=status,
            search=search,
            order_by=order_by,
            started_from=started_from,
            started_before=started_before,
            as_of=as_of,
        )
        return Run.found(self.workspace, query)

    def __repr__(self) -> str:
        """Its name and place."""
        return f"Experiment({self.name!r}, {self.workspace!r})"
