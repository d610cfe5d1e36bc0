"""An experiment: a name that runs share."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from ledger.commands import CreateExperiment, DefineRule, DescribeRun, ResumeRun, StartRun, TagRun
from ledger.errors import RefusedError, RunNotFoundError
from ledger.queries import RunQuery
from ledger.sdk.config import ScriptRunConfig
from ledger.sdk.experiments import ExperimentAttributes
from ledger.sdk.git import GitState, git_properties, git_state
from ledger.sdk.listing import Pairs, Runs, property_conditions, tag_conditions
from ledger.sdk.notify import one_run_rule, one_run_rule_id
from ledger.sdk.origin import origin
from ledger.sdk.outputs import Folders
from ledger.sdk.run import Run
from ledger.sdk.slurm import restart_of, slurm_properties
from ledger.sdk.submission import submit
from ledger.sdk.text import as_texts, storable
from ledger.sdk.workspace import Workspace
from schemas.statuses import TERMINAL

_RESUMES = ("never", "allow", "must", "join")


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
        _check_ways(run_id, resume, on_cancel)
        display_name = name if display_name is None else display_name
        run_id = run_id or str(uuid4())
        git = GitState() if snapshot_directory is None else git_state(Path(snapshot_directory), os.environ)
        recipients = [notify] if isinstance(notify, str) else list(notify or ())
        is_new = not self._continued(run_id, resume, git)
        if is_new:
            self.workspace.tracker.begin(
                StartRun(
                    run_id=run_id,
                    experiment=self.name,
                    display_name=display_name,
                    description=description,
                    tags=as_texts("tag", tags or {}),
                    properties=_properties(git_properties(git, os.environ)),
                    origin=self._origin(git),
                    resume=resume == "allow",
                )
            )
        if not is_new or (resume == "allow" and self.workspace.tracker.is_offline):
            texts = {"display_name": display_name, "description": description}
            self._describe(run_id, as_texts("tag", tags or {}), texts)
        run = self._notifying(run_id, recipients)
        if is_new and resume == "never":
            run.below(run_id)
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
        """
        query = RunQuery(
            experiment=self.name,
            run_type=type,
            statuses=[status] if status else (),
            tags=tag_conditions(tags),
            properties=property_conditions(properties),
            include_children=include_children,
            search=search,
            order_by=order_by,
            started_from=None if started_from is None else started_from.astimezone().isoformat(),
            started_before=None if started_before is None else started_before.astimezone().isoformat(),
        )
        return Run.found(self.workspace, query)

    def _notifying(self, run_id: str, recipients: Iterable[str]) -> Run:
        """The run, with a rule of its own for each recipient."""
        for recipient in recipients:
            rule = DefineRule(rule_id=one_run_rule_id(run_id, recipient), definition=one_run_rule(run_id, recipient))
            self.workspace.tracker.execute(rule, run_id)
        return Run(self, run_id)

    def _continued(self, run_id: str, resume: str, git: GitState) -> bool:
        """Whether the run was there, and now has another attempt or writer."""
        # Offline nobody can tell whether the run is there: the command itself says what to do in either case.
        if resume == "never" or (resume == "allow" and self.workspace.tracker.is_offline):
            return False
        if resume == "join":
            self._join(run_id)
            return True
        try:
            self.workspace.tracker.begin(ResumeRun(run_id=run_id, origin=self._origin(git), properties=_properties({})))
        except RunNotFoundError:
            if resume == "must":
                raise
            return False
        return True

    def _origin(self, git: GitState) -> dict[str, Any]:
        return origin(git, restart_of(os.environ, offline=self.workspace.tracker.is_offline))

    def _join(self, run_id: str) -> None:
        status = self.workspace.client.run(run_id)["status"]
        if status in TERMINAL:
            raise RefusedError(
                f"run {run_id} is {status}: there is nothing to join. resume='allow' begins another attempt of it"
            )
        self.workspace.tracker.join(run_id)

    def _describe(self, run_id: str, tags: Mapping[str, str | None], texts: Mapping[str, str | None]) -> None:
        """Set what was said of a run that is there; the same again changes nothing."""
        changes = {name: text for name, text in texts.items() if text is not None}
        if tags:
            self.workspace.tracker.execute(TagRun(run_id=run_id, tags=tags), run_id)
        if changes:
            self.workspace.tracker.execute(DescribeRun(run_id=run_id, changes=changes), run_id)

    def __repr__(self) -> str:
        """Its name and place."""
        return f"Experiment({self.name!r}, {self.workspace!r})"


def _properties(of_script: dict[str, str]) -> dict[str, str]:
    """The properties of a run that this process begins."""
    return {key: storable(value) for key, value in (of_script | slurm_properties(os.environ)).items()}


def _check_ways(run_id: str | None, resume: str, on_cancel: str) -> None:
    """Refuse words that mean nothing, before anything is done."""
    if resume not in _RESUMES:
        raise ValueError(f"resume must be one of {', '.join(map(repr, _RESUMES))}, not {resume!r}")
    if on_cancel not in {"ignore", "raise"}:
        raise ValueError(f"on_cancel must be 'ignore' or 'raise', not {on_cancel!r}")
    if run_id is None and resume in {"must", "join"}:
        raise ValueError(f"resume={resume!r} needs the run_id of a run that is there")
