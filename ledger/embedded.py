"""A client that opens the workspace itself, without a server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from ledger.application.handling import Caller, Ledger
from ledger.application.values import Values
from ledger.artifacts.content import Content
from ledger.artifacts.names import STD_LOG
from ledger.commands import Answer, Command
from ledger.errors import RunNotFoundError, UnavailableError
from ledger.liveness.writers import LiveWriter
from ledger.logs.log import Log
from ledger.metrics import MetricQueries, MetricSummary, Series, SeriesQuery, Thinned
from ledger.queries import (
    AlertQueries,
    ArtifactDocument,
    AuditPage,
    AuditQuery,
    BounceDocument,
    Bounces,
    Compared,
    DeliveryDocument,
    ExperimentDocument,
    HistoryEntry,
    IntentDocument,
    KeyQuery,
    Named,
    Queries,
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
    UserQueries,
    ViewDocument,
    is_suppressed,
)
from ledger.tables import TableQueries, TableQuery, Told, unheard
from ledger.values.batch import Batch
from schemas.errors import LedgerError
from schemas.events import RunLoggedEvent

if TYPE_CHECKING:
    import pyarrow  # noqa: ICN001 - for the signature alone

    from ledger.application.saved_views import SavedViews
    from ledger.artifacts.files import Files
    from ledger.domain.saved_view import Who
    from ledger.liveness.standings import Standings


class Answers(Protocol):
    """Who answers which questions; each may be made at the first of them."""

    @property
    def queries(self) -> Queries:
        """Of runs, experiments and files."""

    @property
    def metrics(self) -> MetricQueries:
        """Of logged values."""

    @property
    def tables(self) -> TableQueries:
        """Of the whole history, in columns."""

    @property
    def alerts(self) -> AlertQueries:
        """Of rules and notifications."""

    @property
    def users(self) -> UserQueries:
        """Of users and tokens."""

    @property
    def standings(self) -> "Standings":
        """Of where runs stand."""

    @property
    def files(self) -> "Files":
        """Of what files hold."""

    @property
    def saved_views(self) -> "SavedViews":
        """Of saved views."""

    @property
    def bounces(self) -> Bounces:
        """Of mails that came back."""


class EmbeddedClient:
    """Commands go straight to the ledger; queries wait for the logs' ends and for our own writes."""

    def __init__(
        self,
        location: str,
        ledger: Ledger,
        values: Values,
        caller: Caller,
        logs: tuple[Log, Log],
        answers: Answers,
    ) -> None:
        """Join the parts, which the composition root opened and closes through `on_close`.

        `logs` are the control log and the values log.
        """
        self._location = location
        self._ledger = ledger
        self._values = values
        self._caller = caller
        self._log, self._values_log = logs
        self._answers = answers
        self._written = 0
        self._close: Callable[[], None] = lambda: None

    @property
    def location(self) -> str:
        """The workspace folder."""
        return self._location

    def execute(self, command: Command) -> Answer:
        """Carry out a command."""
        answer = self._ledger.handle(command, self._caller)
        self._written = max(self._written, answer.position)
        return answer

    def execute_all(self, commands: Sequence[Command]) -> list[Answer | LedgerError]:
        """Carry out several commands, each by itself."""
        results: list[Answer | LedgerError] = []
        for command in commands:
            try:
                results.append(self.execute(command))
            except UnavailableError:
                raise
            except LedgerError as error:
                results.append(error)
        return results

    def runs(self, query: RunQuery) -> RunPage:
        """A page of runs, as of now."""
        self._log.catch_up()
        if query.order_by is not None or query.filters or query.columns:
            self._values_log.catch_up()
        return self._answers.queries.runs(query, at_least=self._written)

    def compared(self, run_ids: Sequence[str], as_of: str | None = None) -> Sequence[Compared]:
        """Runs field by field, as of now."""
        self._log.catch_up()
        self._values_log.catch_up()
        return self._answers.queries.compared(run_ids, as_of=as_of, at_least=self._written)

    def keys(self, query: KeyQuery) -> Sequence[Named]:
        """Keys or values to choose from, as of now."""
        self._log.catch_up()
        return self._answers.queries.keys(query, at_least=self._written)

    def audit(self, query: AuditQuery) -> AuditPage:
        """A page of what was done or refused, as of now."""
        self._log.catch_up()
        return self._answers.queries.audit(query, at_least=self._written)

    def run(self, run_id: str) -> RunDocument:
        """One run, as of now."""
        self._log.catch_up()
        return self._answers.queries.run(run_id, at_least=self._written)

    def run_at(self, run_id: str, moment: str) -> RunDocument:
        """One run as it was at a moment."""
        self._log.catch_up()
        return self._answers.queries.run_at(run_id, moment, at_least=self._written)

    def state(self, run_id: str) -> RunState:
        """Where one run stands, as of now, from its stream: no view is brought up to date for it."""
        self._log.catch_up()
        standing = self._answers.standings.of(run_id)
        if standing is None:
            raise RunNotFoundError(run_id)
        return RunState(standing.status, standing.presumed, standing.started_at)

    def experiments(self, as_of: str | None = None) -> Sequence[ExperimentDocument]:
        """Every experiment by name, as of now."""
        self._log.catch_up()
        return self._answers.queries.experiments(as_of=as_of, at_least=self._written)

    def experiment(self, name: str, as_of: str | None = None) -> ExperimentDocument:
        """One experiment, as of now."""
        self._log.catch_up()
        return self._answers.queries.experiment(name, as_of=as_of, at_least=self._written)

    def history(self, run_id: str) -> list[HistoryEntry]:
        """Every event of a run, as of now."""
        self._log.catch_up()
        return self._answers.queries.history(run_id, at_least=self._written)

    def log_values(self, batch: Batch) -> None:
        """Append what is new in a batch."""
        event = RunLoggedEvent.model_validate(
            {"writer": batch.writer, "first": batch.first, "last": batch.last, "series": list(batch.series)}
        )
        self._values.append(batch.run_id, event, batch.occurred_at, self._caller)

    def shipped(self, run_id: str, writer: str) -> int:
        """The last journal index that the ledger has of a writer, 0 for none."""
        return self._values.shipped(run_id, writer)

    def artifacts(self, run_id: str, prefixes: Sequence[str] = ()) -> Sequence[ArtifactDocument]:
        """The files of a run by name, as of now."""
        self._log.catch_up()
        return self._answers.queries.artifacts(run_id, prefixes, at_least=self._written)

    def put_content(self, source: BinaryIO) -> Content:
        """Store what a file holds."""
        source.seek(0)
        return self._answers.files.contents.put(source)

    def open_content(self, sha256: str) -> BinaryIO:
        """Read a stored content."""
        return self._answers.files.contents.open(sha256)

    def artifact_address(self, run_id: str, name: str, sha256: str | None) -> str:  # noqa: ARG002 - as for a URL
        """The path of a file, or its URL where files lie elsewhere."""
        return (
            str(self._answers.files.log_of(run_id)) if sha256 is None else self._answers.files.contents.address(sha256)
        )

    def put_output(self, run_id: str, start: int, text: bytes) -> None:
        """Nothing: who opens this folder finds the log in it."""

    def output(self, run_id: str, start: int) -> bytes:
        """What a submitted script has printed, from a place on."""
        return self._answers.files.output(run_id, start, self.artifacts(run_id, [STD_LOG]))

    def report_presence(self, writers: Sequence[LiveWriter], left: Sequence[LiveWriter] = ()) -> Sequence[str]:  # noqa: ARG002
        """Which runs of these writers shall be canceled; that they live, the locks of their journals say."""
        from ledger.liveness.canceling import CancelRequests  # noqa: PLC0415 - first asked some seconds after the start

        self._log.catch_up()
        return CancelRequests(self._answers.standings).among(writer.run_id for writer in writers)

    def metrics(self, run_id: str, as_of: str | None = None) -> Sequence[MetricSummary]:
        """The metrics of a run in short, as of now."""
        self._catch_up(run_id)
        return self._answers.metrics.summaries(run_id, as_of=as_of)

    def series(self, query: SeriesQuery) -> Sequence[Series]:
        """Logged points, as of now."""
        self._catch_up(query.run_id)
        return self._answers.metrics.series(query)

    def series_of(
        self, run_ids: Sequence[str], name: str | None = None, as_of: str | None = None
    ) -> Mapping[str, Sequence[Series]]:
        """Logged points of several runs, as of now."""
        for run_id in run_ids:
            self._values.check_run(run_id)
        self._values_log.catch_up()
        return self._answers.metrics.series_of(run_ids, name, as_of=as_of)

    def thinned(self, query: SeriesQuery, buckets: int) -> Sequence[Thinned]:
        """Logged points for a chart, as of now."""
        self._catch_up(query.run_id)
        return self._answers.metrics.thinned(query, buckets=buckets)

    def table(self, query: TableQuery, told: Told = unheard) -> "Iterator[pyarrow.RecordBatch]":
        """Rows of the history in columns, as of now."""
        # Values first: then every run that has some is among the events.
        self._values_log.catch_up()
        self._log.catch_up()
        return self._answers.tables.table(query, told)

    def rules(self, as_of: str | None = None) -> Sequence[RuleDocument]:
        """Every alert rule, as of now."""
        self._log.catch_up()
        return self._answers.alerts.rules(as_of=as_of)

    def rule(self, rule_id: str, as_of: str | None = None) -> RuleDocument:
        """One alert rule, as of now."""
        self._log.catch_up()
        return self._answers.alerts.rule(rule_id, as_of=as_of)

    def deliveries(self, rule_id: str) -> Sequence[DeliveryDocument]:
        """What came of a rule's notifications, as of now."""
        self._log.catch_up()
        return self._answers.alerts.deliveries(rule_id)

    def rule_changes(self, rule_id: str) -> Sequence[RuleChangeDocument]:
        """Who changed what of an alert rule, oldest first; raises RuleNotFoundError."""
        self._log.catch_up()
        return self._answers.alerts.rule_changes(rule_id)

    def silences(self) -> Sequence[SilenceDocument]:
        """Every silence, as of now."""
        self._log.catch_up()
        return self._answers.alerts.silences()

    def explain(self, run_id: str) -> Sequence[ReasonDocument]:
        """Why each rule did or did not tell of a run, as of now."""
        self._log.catch_up()
        return self._answers.alerts.explain(run_id)

    def preview(self, rule_id: str | None, draft: Mapping[str, Any] | None, span: Span) -> Sequence[IntentDocument]:
        """What a rule, or a draft in its place, would have sent."""
        self._log.catch_up()
        return self._answers.alerts.preview(rule_id, draft, span)

    def alert_health(self) -> dict[str, Any]:
        """What waits to be sent, as of now."""
        self._log.catch_up()
        return self._answers.alerts.health()

    def recipients(self) -> Sequence[RecipientDocument]:
        """Every recipient that is not told everything, as of now."""
        self._log.catch_up()
        return self._answers.alerts.recipients()

    def take_bounce(self, content: bytes) -> BounceDocument:
        """Take in a message that came back."""
        self._log.catch_up()
        found, command = self._answers.bounces.judge(content)
        if command is not None:
            self.execute(command)
        suppressed = command is not None and is_suppressed(self._answers.alerts.recipients(), command.recipient)
        return found | {"suppressed": suppressed}

    def users(self) -> Sequence[UserDocument]:
        """Every user, as of now."""
        self._log.catch_up()
        return self._answers.users.users()

    def tokens(self) -> Sequence[TokenDocument]:
        """Every token, as of now."""
        self._log.catch_up()
        return self._answers.users.tokens()

    def views(self, as_of: str | None = None) -> Sequence[ViewDocument]:
        """The saved views that we may see, as of now."""
        self._log.catch_up()
        views = self._answers.saved_views
        return views.views(self._who()) if as_of is None else views.views_at(as_of, self._who())

    def view(self, view_id: str, as_of: str | None = None) -> ViewDocument:
        """One saved view, as of now."""
        self._log.catch_up()
        views = self._answers.saved_views
        if as_of is not None:
            return views.view_at(view_id, as_of, self._who())
        return views.view(view_id, self._who())

    def _who(self) -> "Who":
        from ledger.domain.saved_view import Who  # noqa: PLC0415 - a training has no views

        return Who(self._caller.actor, is_admin=self._caller.is_admin)

    def _catch_up(self, run_id: str) -> None:
        self._values.check_run(run_id)
        self._values_log.catch_up()

    def on_close(self, close: Callable[[], None]) -> None:
        """What `close` shall do."""
        self._close = close

    def close(self) -> None:
        """Give back what was opened for this client; calling it again does nothing."""
        close, self._close = self._close, lambda: None
        close()
