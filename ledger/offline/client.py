"""Questions of a process without a ledger, answered from what it and the journals beside it have noted."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from ledger.artifacts.content import Content, key_of
from ledger.client import Client
from ledger.commands import Answer, Command, ResumeRun, RunCommand, StartRun, derived_id
from ledger.errors import ContentNotFoundError, RefusedError, RunNotFoundError
from ledger.journal.folder import Identity, WriterFolder, writers_of
from ledger.liveness.writers import LiveWriter
from ledger.metrics import MetricSummary, Series, SeriesQuery, Thinned
from ledger.queries import (
    ArtifactDocument,
    AuditPage,
    AuditQuery,
    BounceDocument,
    Compared,
    DeliveryDocument,
    ExperimentDocument,
    HistoryEntry,
    IntentDocument,
    KeyQuery,
    Named,
    ReasonDocument,
    RecipientDocument,
    RuleChangeDocument,
    RuleDocument,
    RunDocument,
    RunPage,
    RunQuery,
    RunState,
    SilenceDocument,
    Span,
    TokenDocument,
    UserDocument,
    ViewDocument,
)
from ledger.tables import TableQuery, Told, unheard
from ledger.tracking.delivery import Delivery
from ledger.values.batch import Batch
from schemas.errors import LedgerError
from schemas.limits import Limits

UNKNOWN_EXPERIMENT = "offline"
"""The experiment that a run seems to be in, as long as only a ledger elsewhere knows it."""


class OfflineClient:
    """A client whose ledger is a scratch one of this process: the journals of a run are carried out in it.

    It knows the runs that were asked for or commanded here, each with all that lies in the folder of
    journals. Positions and numbers are those of the scratch ledger; the real ones come with the delivery.
    """

    def __init__(self, scratch: Client, journals: Path, limits: Limits, *, is_own: Callable[[str], bool]) -> None:
        """Answer from `scratch`; `is_own` tells whether a journal's commands were carried out here already."""
        self._scratch = scratch
        self._journals = journals
        self._limits = limits
        self._is_own = is_own
        self._runs: set[str] = set()
        self._deliveries: dict[str, Delivery] = {}
        self._reading = threading.RLock()

    @property
    def location(self) -> str:
        """The folder of journals."""
        return str(self._journals)

    def execute(self, command: Command) -> Answer:
        """Decide a command here, by the rules of every ledger."""
        if isinstance(command, RunCommand):
            self._read(command.run_id)
        if isinstance(command, ResumeRun):
            self._stand_in(command)
        return self._scratch.execute(command)

    def execute_all(self, commands: Sequence[Command]) -> list[Answer | LedgerError]:
        """Decide several commands, each by itself."""
        for command in commands:
            if isinstance(command, RunCommand):
                self._runs.add(command.run_id)
        return self._scratch.execute_all(commands)

    def log_values(self, batch: Batch) -> None:
        """Take values into the scratch ledger."""
        self._scratch.log_values(batch)

    def shipped(self, run_id: str, writer: str) -> int:
        """How far the scratch ledger has read a writer."""
        return self._scratch.shipped(run_id, writer)

    def report_presence(
        self,
        writers: Sequence[LiveWriter],  # noqa: ARG002 - nobody listens
        left: Sequence[LiveWriter] = (),  # noqa: ARG002
    ) -> Sequence[str]:
        """Nothing: nobody can be told, and nobody can ask to cancel."""
        return ()

    def runs(self, query: RunQuery) -> RunPage:
        """A page of the runs that are known here."""
        named = {query.parent_run_id, query.root_run_id} - {None}
        self._runs |= {run_id for run_id in named if run_id is not None}
        self._read(*self._runs, values=query.order_by is not None or bool(query.filters or query.columns))
        return self._scratch.runs(query)

    def run(self, run_id: str) -> RunDocument:
        """One run."""
        self._read(run_id)
        return self._scratch.run(run_id)

    def run_at(self, run_id: str, moment: str) -> RunDocument:
        """One run as it was at a moment."""
        self._read(run_id)
        return self._scratch.run_at(run_id, moment)

    def state(self, run_id: str) -> RunState:
        """Where one run stands."""
        self._read(run_id)
        return self._scratch.state(run_id)

    def compared(self, run_ids: Sequence[str], as_of: str | None = None) -> Sequence[Compared]:
        """Runs field by field, as far as they are known here."""
        self._read(*run_ids, values=True)
        return self._scratch.compared(run_ids, as_of)

    def keys(self, query: KeyQuery) -> Sequence[Named]:
        """Keys or values of the runs that are known here."""
        return self._scratch.keys(query)

    def audit(self, query: AuditQuery) -> AuditPage:
        """What was done here, as far as it is known."""
        return self._scratch.audit(query)

    def experiments(self, as_of: str | None = None) -> Sequence[ExperimentDocument]:
        """The experiments that are known here."""
        return self._scratch.experiments(as_of)

    def experiment(self, name: str, as_of: str | None = None) -> ExperimentDocument:
        """One experiment."""
        return self._scratch.experiment(name, as_of)

    def history(self, run_id: str) -> list[HistoryEntry]:
        """Every event of a run."""
        self._read(run_id)
        return self._scratch.history(run_id)

    def artifacts(self, run_id: str, prefixes: Sequence[str] = ()) -> Sequence[ArtifactDocument]:
        """The files of a run that are known here."""
        self._read(run_id)
        return self._scratch.artifacts(run_id, prefixes)

    def put_content(self, source: BinaryIO) -> Content:  # noqa: ARG002 - it is not read
        """Raise RefusedError: a file is kept beside the journal of its run, by the tracker."""
        raise RefusedError("files are kept beside the journal of their run (RUNLEDGER_MODE=offline): upload to a run")

    def open_content(self, sha256: str) -> BinaryIO:
        """Read a file that waits beside the journal of a run that was asked for; raises ContentNotFoundError."""
        try:
            return self._waiting(sha256).open("rb")
        except FileNotFoundError as error:
            raise ContentNotFoundError(sha256) from error

    def artifact_address(self, run_id: str, name: str, sha256: str | None) -> str:
        """The path of a file."""
        if sha256 is None:
            return self._scratch.artifact_address(run_id, name, sha256)
        self._read(run_id)
        return str(self._waiting(sha256))

    def put_output(self, run_id: str, start: int, text: bytes) -> None:
        """Keep what a script has printed."""
        self._scratch.put_output(run_id, start, text)

    def output(self, run_id: str, start: int) -> bytes:
        """What a script has printed."""
        return self._scratch.output(run_id, start)

    def metrics(self, run_id: str, as_of: str | None = None) -> Sequence[MetricSummary]:
        """The metrics of a run in short."""
        self._read(run_id, values=True)
        return self._scratch.metrics(run_id, as_of)

    def series(self, query: SeriesQuery) -> Sequence[Series]:
        """Logged points."""
        self._read(query.run_id, values=True)
        return self._scratch.series(query)

    def series_of(
        self, run_ids: Sequence[str], name: str | None = None, as_of: str | None = None
    ) -> Mapping[str, Sequence[Series]]:
        """Logged points of several runs."""
        self._read(*run_ids, values=True)
        return self._scratch.series_of(run_ids, name, as_of)

    def thinned(self, query: SeriesQuery, buckets: int) -> Sequence[Thinned]:
        """Logged points for a chart."""
        self._read(query.run_id, values=True)
        return self._scratch.thinned(query, buckets)

    def table(self, query: TableQuery, told: Told = unheard) -> Any:  # noqa: ARG002 - nothing is read
        """Refused: the history is elsewhere."""
        raise RefusedError(
            f"{query.table} of the whole workspace are not known offline; ask once the runs are delivered"
        )

    def rules(self, as_of: str | None = None) -> Sequence[RuleDocument]:
        """The alert rules that are known here."""
        return self._scratch.rules(as_of)

    def rule(self, rule_id: str, as_of: str | None = None) -> RuleDocument:
        """One alert rule."""
        return self._scratch.rule(rule_id, as_of)

    def deliveries(self, rule_id: str) -> Sequence[DeliveryDocument]:
        """None: nothing is mailed from here."""
        return self._scratch.deliveries(rule_id)

    def rule_changes(self, rule_id: str) -> Sequence[RuleChangeDocument]:
        """Who changed what of an alert rule, oldest first; raises RuleNotFoundError."""
        return self._scratch.rule_changes(rule_id)

    def silences(self) -> Sequence[SilenceDocument]:
        """The silences that are known here."""
        return self._scratch.silences()

    def explain(self, run_id: str) -> Sequence[ReasonDocument]:
        """Why the rules that are known here tell of a run or do not."""
        self._read(run_id)
        return self._scratch.explain(run_id)

    def preview(self, rule_id: str | None, draft: Mapping[str, Any] | None, span: Span) -> Sequence[IntentDocument]:
        """What a rule or draft would have sent of what is known here."""
        return self._scratch.preview(rule_id, draft, span)

    def alert_health(self) -> dict[str, Any]:
        """What waits to be sent."""
        return self._scratch.alert_health()

    def recipients(self) -> Sequence[RecipientDocument]:
        """None: nothing is mailed from here."""
        return self._scratch.recipients()

    def take_bounce(self, content: bytes) -> BounceDocument:
        """Say that it is not ours: nothing is mailed from here."""
        return self._scratch.take_bounce(content)

    def users(self) -> Sequence[UserDocument]:
        """None are known here."""
        return self._scratch.users()

    def tokens(self) -> Sequence[TokenDocument]:
        """None are known here."""
        return self._scratch.tokens()

    def views(self, as_of: str | None = None) -> Sequence[ViewDocument]:
        """The saved views that are known here."""
        return self._scratch.views(as_of)

    def view(self, view_id: str, as_of: str | None = None) -> ViewDocument:
        """One saved view."""
        return self._scratch.view(view_id, as_of)

    def close(self) -> None:
        """Give the scratch ledger up."""
        self._scratch.close()

    def _waiting(self, sha256: str) -> Path:
        """Where a content lies; raises ContentNotFoundError."""
        key_of(sha256)
        paths = (folder.content(sha256) for folder, _ in writers_of(self._journals, self._runs))
        found = next((path for path in paths if path.exists()), None)
        if found is None:
            raise ContentNotFoundError(sha256)
        return found

    def _stand_in(self, command: ResumeRun) -> None:
        """Let there be a run to resume, where its beginning was noted elsewhere and delivered since."""
        try:
            self._scratch.run(command.run_id)
        except RunNotFoundError:
            start = StartRun(
                command=derived_id(command.command, "stand-in"), run_id=command.run_id, experiment=UNKNOWN_EXPERIMENT
            )
            self._scratch.execute(replace(start, occurred_at=command.occurred_at))

    def _read(self, *run_ids: str, values: bool = False) -> None:
        """Carry out what the journals hold of some runs; of our own ones only the `values` are new."""
        with self._reading:
            self._runs.update(run_ids)
            for folder, identity in writers_of(self._journals, run_ids):
                if values or not self._is_own(identity.writer):
                    self._carry_out(folder, identity)

    def _carry_out(self, folder: WriterFolder, identity: Identity) -> None:
        delivery = self._deliveries.get(identity.writer)
        if delivery is None:
            delivery = Delivery(folder, identity, self._limits, fresh=True, keep=True, stores=False)
            self._deliveries[identity.writer] = delivery
        # A worker's journal may be read before that which begins its run, or go away under our hands.
        with suppress(LedgerError, FileNotFoundError):
            delivery.deliver(self._scratch, ended=False)
