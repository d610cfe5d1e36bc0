"""How the SDK and the command line reach a ledger, wherever it is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from ledger.artifacts.content import Content
from ledger.commands import Answer, Command
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
from ledger.values.batch import Batch
from schemas.errors import LedgerError

if TYPE_CHECKING:
    import pyarrow  # noqa: ICN001 - for the signature alone


class Client(Protocol):
    """A connection to one workspace. What it wrote, it reads: queries wait for its own positions."""

    @property
    def location(self) -> str:
        """The path or URL that the workspace was named by."""

    def execute(self, command: Command) -> Answer:
        """Carry out a command; raises what `Ledger.handle` raises."""

    def execute_all(self, commands: Sequence[Command]) -> list[Answer | LedgerError]:
        """Carry out several commands by one request, each by itself; what became of each, in order."""

    def log_values(self, batch: Batch) -> None:
        """Append what is new in a batch; raises what `Values.append` raises."""

    def shipped(self, run_id: str, writer: str) -> int:
        """The last journal index that the ledger has of a writer, 0 for none."""

    def report_presence(self, writers: Sequence[LiveWriter], left: Sequence[LiveWriter] = ()) -> Sequence[str]:
        """Say which writers are alive, and which of those of before have left and will be silent.

        The answer is those of the live writers' runs that somebody wants to be canceled.
        """

    def runs(self, query: RunQuery) -> RunPage:
        """A page of runs."""

    def run(self, run_id: str) -> RunDocument:
        """One run; raises RunNotFoundError."""

    def run_at(self, run_id: str, moment: str) -> RunDocument:
        """One run as it was: at a position, at a time in ISO 8601, or where `FIELD=VALUE` came to be so last.

        Raises:
            RunNotFoundError: there is no such run; RunNotThereYetError, not at that moment.
            NotFoundError: the field was never so; MomentAheadError, the moment has not come yet.
            InvalidNameError: it is no moment.
        """

    def state(self, run_id: str) -> RunState:
        """Where one run stands, for less than the whole of it; raises RunNotFoundError."""

    def compared(self, run_ids: Sequence[str], as_of: str | None = None) -> Sequence[Compared]:
        """Runs field by field, what tells them apart first, or as they were at a position or time.

        Raises RunNotFoundError and LimitExceededError.
        """

    def keys(self, query: KeyQuery) -> Sequence[Named]:
        """Keys or values to choose from, by name; raises InvalidNameError and LimitExceededError."""

    def experiments(self, as_of: str | None = None) -> Sequence[ExperimentDocument]:
        """Every experiment that is not deleted by name, archived ones too; or as they were at a position or time."""

    def experiment(self, name: str, as_of: str | None = None) -> ExperimentDocument:
        """One experiment, or as it was at a position or time; raises ExperimentNotFoundError and NotThereYetError."""

    def history(self, run_id: str) -> list[HistoryEntry]:
        """Every event of a run; raises RunNotFoundError."""

    def audit(self, query: AuditQuery) -> AuditPage:
        """A page of what was done or refused, by whom; raises InvalidNameError and LimitExceededError."""

    def artifacts(self, run_id: str, prefixes: Sequence[str] = ()) -> Sequence[ArtifactDocument]:
        """The files of a run by name, those that begin with one of `prefixes`; raises RunNotFoundError."""

    def put_content(self, source: BinaryIO) -> Content:
        """Store what a file holds, so that `AddArtifacts` can name it; the file is read from its beginning.

        Raises:
            LimitExceededError: it is too large.
            BadContentError: it was changed while it was read.
            UnavailableError: it cannot be stored now.
        """

    def open_content(self, sha256: str) -> BinaryIO:
        """Read a stored content; raises ContentNotFoundError."""

    def artifact_address(self, run_id: str, name: str, sha256: str | None) -> str:
        """The path or URL of a file; without `sha256`, of what a script has printed so far."""

    def put_output(self, run_id: str, start: int, text: bytes) -> None:
        """Show what a running script has printed, from a place in its output on."""

    def output(self, run_id: str, start: int) -> bytes:
        """What a submitted script has printed, from a place on; not all of it at once. Raises RunNotFoundError."""

    def metrics(self, run_id: str, as_of: str | None = None) -> Sequence[MetricSummary]:
        """The metrics of a run in short, in the order of first use, or as they were; raises RunNotFoundError."""

    def series(self, query: SeriesQuery) -> Sequence[Series]:
        """Logged points of a run; raises RunNotFoundError."""

    def series_of(
        self, run_ids: Sequence[str], name: str | None = None, as_of: str | None = None
    ) -> Mapping[str, Sequence[Series]]:
        """Logged points of several runs by run id, of one metric or of all, or by then; raises RunNotFoundError."""

    def thinned(self, query: SeriesQuery, buckets: int) -> Sequence[Thinned]:
        """Logged points of a run, thinned for a chart; raises RunNotFoundError."""

    def table(self, query: TableQuery, told: Told = unheard) -> "Iterator[pyarrow.RecordBatch]":
        """Rows of the history in columns, some at a time.

        Raises:
            ModuleNotFoundError: pyarrow is not installed.
            RefusedError: it is not installed where the server is; or the history is not known offline.
        """

    def rules(self, as_of: str | None = None) -> Sequence[RuleDocument]:
        """Every alert rule that is not deleted, by name; or as they were at a position or time."""

    def rule(self, rule_id: str, as_of: str | None = None) -> RuleDocument:
        """One alert rule, or as it was at a position or time; raises RuleNotFoundError and NotThereYetError."""

    def deliveries(self, rule_id: str) -> Sequence[DeliveryDocument]:
        """What was claimed of a rule's notifications and what came of it; raises RuleNotFoundError."""

    def rule_changes(self, rule_id: str) -> Sequence[RuleChangeDocument]:
        """Who changed what of an alert rule, oldest first; raises RuleNotFoundError."""

    def silences(self) -> Sequence[SilenceDocument]:
        """Every silence, those that are over too, the newest first."""

    def explain(self, run_id: str) -> Sequence[ReasonDocument]:
        """Why each alert rule did or did not tell of a run; raises RunNotFoundError."""

    def preview(self, rule_id: str | None, draft: Mapping[str, Any] | None, span: Span) -> Sequence[IntentDocument]:
        """What a rule, or a draft in its place, would have sent; raises RuleNotFoundError and BadRuleError."""

    def alert_health(self) -> dict[str, Any]:
        """What waits to be sent, since when, and why."""

    def recipients(self) -> Sequence[RecipientDocument]:
        """Every recipient that unsubscribed or is suppressed, by address."""

    def take_bounce(self, content: bytes) -> BounceDocument:
        """Take in a message that came back; `suppressed` tells whether nothing is sent to its recipient now."""

    def users(self) -> Sequence[UserDocument]:
        """Every user by name, disabled ones too."""

    def tokens(self) -> Sequence[TokenDocument]:
        """Every token in the order of issue; never the tokens themselves."""

    def views(self, as_of: str | None = None) -> Sequence[ViewDocument]:
        """The saved views that we may see, by name; or as they were at a position or time."""

    def view(self, view_id: str, as_of: str | None = None) -> ViewDocument:
        """One saved view, or as it was at a position or time.

        Raises ViewNotFoundError, and ForbiddenError if we may not see it.
        """

    def close(self) -> None:
        """Give back what is held; the client cannot be used afterwards."""
