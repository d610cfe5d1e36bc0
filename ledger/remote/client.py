"""A client that speaks HTTP to a server; with it, a process needs nothing but the standard library."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode

from ledger.artifacts.content import Content
from ledger.commands import Answer, Command
from ledger.errors import (
    ExperimentNotFoundError,
    MomentAheadError,
    NotFoundError,
    NotThereYetError,
    RuleNotFoundError,
    RunNotFoundError,
    UnavailableError,
    ViewNotFoundError,
)
from ledger.liveness.writers import LiveWriter
from ledger.metrics import MetricSummary, Series, SeriesQuery, Thinned
from ledger.problems import error_of
from ledger.queries import (
    KEY_KINDS,
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
    state_of,
)
from ledger.remote.exchange import Request
from ledger.remote.server import Server
from ledger.tables import TableQuery, Told, unheard
from ledger.values.batch import Batch
from ledger.values.forms import series_from, summary_from, thinned_from
from ledger.wire import answer_from, audit_query_to, command_to, history_from, key_query_to, page_from, query_to
from schemas.errors import LedgerError
from schemas.limits import Limits

if TYPE_CHECKING:
    import pyarrow  # noqa: ICN001 - for the signature alone

SECONDS = 30.0
"""How long a call tries, in all."""

_LARGE = 1_000_000
_OFFSET_BITS = 40
_OCTETS = "application/octet-stream"
# A preview reads all of the log.
_LONG_SECONDS = 120.0
_BULK = Limits().children_per_call
_RUNS_AT_ONCE = 100


class RemoteClient:
    """Calls are tried again until `seconds` are over: a command sent twice is done once, by its id.

    Threads may share it, and a forked child may go on with it.
    """

    def __init__(self, location: str, token: str | None = None, *, seconds: float = SECONDS) -> None:
        """Name the server; nothing is sent before the first call.

        Raises:
            WorkspaceError: the URL names no server.
        """
        self._server = Server(location, token, seconds=seconds, forked=self._begin_process)
        self._written = 0
        self._begin_process()

    @property
    def location(self) -> str:
        """The URL of the server."""
        return self._server.location

    def execute(self, command: Command) -> Answer:
        """Carry out a command; raises what `Ledger.handle` raises."""
        answer = answer_from(self._server.call("POST", "/commands", command_to(command)))
        self._server.check_process()
        with self._lock:
            self._written = max(self._written, answer.position)
        return answer

    def execute_all(self, commands: Sequence[Command]) -> list[Answer | LedgerError]:
        """Carry out several commands by one request, each by itself.

        Raises:
            UnavailableError: some are not done; sent again, what is missing is done.
        """
        found: list[Answer | LedgerError] = []
        for start in range(0, len(commands), _BULK):
            part = [command_to(command) for command in commands[start : start + _BULK]]
            results = self._server.call("POST", "/commands/bulk", {"commands": part})["results"]
            found += [error_of(each["problem"]) if "problem" in each else answer_from(each) for each in results]
        self._server.check_process()
        with self._lock:
            self._written = max([self._written, *(each.position for each in found if isinstance(each, Answer))])
        unavailable = next((each for each in found if isinstance(each, UnavailableError)), None)
        if unavailable is not None:
            raise unavailable
        return found

    def log_values(self, batch: Batch) -> None:
        """Append what is new in a batch."""
        content = {name: getattr(batch, name) for name in Batch.__dataclass_fields__}
        place = self._server.call("POST", "/values", content)["place"]
        self._server.check_process()
        with self._lock:
            self._places[batch.run_id] = max(self._places.get(batch.run_id, 0), place)

    def shipped(self, run_id: str, writer: str) -> int:
        """The last journal index that the server has of a writer, 0 for none."""
        return int(self._ask_run(run_id, f"/writers/{_segment(writer)}")["last"])

    def artifacts(self, run_id: str, prefixes: Sequence[str] = ()) -> Sequence[ArtifactDocument]:
        """The files of a run by name; raises RunNotFoundError."""
        found: list[ArtifactDocument] = self._ask_run(run_id, "/artifacts", [("prefix", each) for each in prefixes])
        return found

    def put_content(self, source: BinaryIO) -> Content:
        """Send what a file holds; it is read twice, so that the server knows what shall arrive.

        A large one is asked for first: it may be there already, or be more than the server takes.
        """
        from ledger.artifacts.contents import content_of  # noqa: PLC0415 - many a training has no files

        source.seek(0)
        content = content_of(source)
        path = f"/contents/{content.sha256}"
        if content.size >= _LARGE and not self._server.call("GET", f"{path}/wanted?size={content.size}"):
            return content
        headers = {"Content-Type": _OCTETS, "Content-Length": str(content.size)}
        self._server.send(Request("PUT", f"{self._server.path}{path}", source, headers))
        return content

    def open_content(self, sha256: str) -> BinaryIO:
        """Read a stored content."""
        return self._server.send(Request("GET", f"{self._server.path}/contents/{_segment(sha256)}", opens=True)).stream

    def artifact_address(self, run_id: str, name: str, sha256: str | None) -> str:  # noqa: ARG002 - as for a path
        """The URL of a file."""
        return f"{self._server.location}/api/v1/runs/{_segment(run_id)}/artifacts/{quote(name)}"

    def put_output(self, run_id: str, start: int, text: bytes) -> None:
        """Show what a running script has printed, from a place in its output on."""
        path = f"{self._server.path}/runs/{_segment(run_id)}/output/{start}"
        self._server.send(Request("PUT", path, text, {"Content-Type": _OCTETS}))

    def output(self, run_id: str, start: int) -> bytes:
        """What a submitted script has printed, from a place on."""
        path = f"{self._server.path}/runs/{_segment(run_id)}/output?start={start}"
        with self._server.send(Request("GET", path, opens=True)).stream as stream:
            return stream.read()

    def report_presence(self, writers: Sequence[LiveWriter], left: Sequence[LiveWriter] = ()) -> Sequence[str]:
        """Say which writers are alive, and which have left; which of their runs somebody wants to be canceled."""
        content = {"writers": [each._asdict() for each in writers], "left": [each._asdict() for each in left]}
        found: list[str] = self._server.call("POST", "/presence", content)["canceled"]
        return found

    def metrics(self, run_id: str, as_of: str | None = None) -> Sequence[MetricSummary]:
        """The metrics of a run in short; raises RunNotFoundError."""
        query = SeriesQuery(run_id=run_id, as_of=as_of)
        return [summary_from(each) for each in self._ask_values(run_id, "/metrics", _conditions(query))]

    def series(self, query: SeriesQuery) -> Sequence[Series]:
        """Logged points of a run; raises RunNotFoundError."""
        return [series_from(each) for each in self._ask_values(query.run_id, "/series", _conditions(query))]

    def series_of(
        self, run_ids: Sequence[str], name: str | None = None, as_of: str | None = None
    ) -> Mapping[str, Sequence[Series]]:
        """Logged points of several runs by few requests; raises RunNotFoundError."""
        found: dict[str, Sequence[Series]] = {}
        for start in range(0, len(run_ids), _RUNS_AT_ONCE):
            part = run_ids[start : start + _RUNS_AT_ONCE]
            asked = [("run_id", run_id) for run_id in part] + ([] if name is None else [("name", name)])
            asked += _moment(as_of)
            asked += [("values_at_least", str(self._places[each])) for each in part if each in self._places]
            answer = self._ask("/series", asked)
            found |= {run_id: [series_from(each) for each in answer[run_id]] for run_id in part}
        return found

    def thinned(self, query: SeriesQuery, buckets: int) -> Sequence[Thinned]:
        """Logged points of a run, thinned for a chart; raises RunNotFoundError."""
        asked = _conditions(query) | {"buckets": buckets}
        return [thinned_from(each) for each in self._ask_values(query.run_id, "/thinned", asked)]

    def runs(self, query: RunQuery) -> RunPage:
        """A page of runs."""
        return page_from(self._ask("/runs", query_to(query)))

    def run(self, run_id: str) -> RunDocument:
        """One run; raises RunNotFoundError."""
        document: RunDocument = self._ask_run(run_id)
        return document

    def run_at(self, run_id: str, moment: str) -> RunDocument:
        """One run as it was at a moment."""
        document: RunDocument = self._ask(f"/runs/{_segment(run_id)}", [("as_of", moment)])
        return document

    def state(self, run_id: str) -> RunState:
        """Where one run stands; raises RunNotFoundError."""
        return state_of(self.run(run_id))

    def compared(self, run_ids: Sequence[str], as_of: str | None = None) -> Sequence[Compared]:
        """Runs field by field, what tells them apart first, or as they were."""
        asked = [("run_id", run_id) for run_id in run_ids]
        found: list[Compared] = self._ask("/compare", asked + _moment(as_of))
        return found

    def keys(self, query: KeyQuery) -> Sequence[Named]:
        """Keys or values to choose from, by name."""
        path = "/keys" if query.key is None and query.kind in KEY_KINDS else "/keys/values"
        return [Named(**each) for each in self._ask(path, key_query_to(query))]

    def audit(self, query: AuditQuery) -> AuditPage:
        """A page of what was done or refused, by whom."""
        found = self._ask("/audit", audit_query_to(query))
        return AuditPage(found["entries"], found["cursor"])

    def experiments(self, as_of: str | None = None) -> Sequence[ExperimentDocument]:
        """Every experiment that is not deleted by name, archived ones too, or as they were."""
        found: list[ExperimentDocument] = self._ask("/experiments", _moment(as_of))
        return found

    def experiment(self, name: str, as_of: str | None = None) -> ExperimentDocument:
        """One experiment, or as it was; raises ExperimentNotFoundError and NotThereYetError."""
        found: ExperimentDocument = self._named(
            ExperimentNotFoundError(name), f"/experiments/{_segment(name)}", _moment(as_of)
        )
        return found

    def history(self, run_id: str) -> list[HistoryEntry]:
        """Every event of a run; raises RunNotFoundError."""
        return history_from(self._ask_run(run_id, "/history"))

    def table(self, query: TableQuery, told: Told = unheard) -> "Iterator[pyarrow.RecordBatch]":
        """Rows of the history in columns, page by page."""
        from ledger.remote.tables import batches  # noqa: PLC0415 - a training reads no table

        # The places lie in partitions, of which each is waited for up to the last.
        places = {place >> _OFFSET_BITS: place for place in sorted(self._places.values())}
        at_least = {"at_least": self._written, "values_at_least": list(places.values())}
        return batches(self._server, query, at_least, told)

    def rules(self, as_of: str | None = None) -> Sequence[RuleDocument]:
        """Every alert rule that is not deleted, by name, or as they were."""
        found: list[RuleDocument] = self._ask("/rules", _moment(as_of))
        return found

    def rule(self, rule_id: str, as_of: str | None = None) -> RuleDocument:
        """One alert rule, or as it was at a position or time; raises RuleNotFoundError and NotThereYetError."""
        found: RuleDocument = self._ask_rule(rule_id, asked=_moment(as_of))
        return found

    def deliveries(self, rule_id: str) -> Sequence[DeliveryDocument]:
        """What came of a rule's notifications; raises RuleNotFoundError."""
        found: list[DeliveryDocument] = self._ask_rule(rule_id, "/deliveries")
        return found

    def rule_changes(self, rule_id: str) -> Sequence[RuleChangeDocument]:
        """Who changed what of an alert rule, oldest first; raises RuleNotFoundError."""
        found: list[RuleChangeDocument] = self._ask_rule(rule_id, "/changes")
        return found

    def silences(self) -> Sequence[SilenceDocument]:
        """Every silence, those that are over too, the newest first."""
        found: list[SilenceDocument] = self._ask("/silences")
        return found

    def explain(self, run_id: str) -> Sequence[ReasonDocument]:
        """Why each rule did or did not tell of a run; raises RunNotFoundError."""
        found: list[ReasonDocument] = self._ask_run(run_id, "/alerts")
        return found

    def preview(self, rule_id: str | None, draft: Mapping[str, Any] | None, span: Span) -> Sequence[IntentDocument]:
        """What a rule, or a draft in its place, would have sent; raises RuleNotFoundError and BadRuleError."""
        content = {"rule_id": rule_id, "draft": draft, "since": span.since, "until": span.until}
        found: list[IntentDocument] = self._server.call(
            "POST", "/preview", content | {"at_least": self._written}, attempt=_LONG_SECONDS
        )
        return found

    def alert_health(self) -> dict[str, Any]:
        """What waits to be sent, since when, and why."""
        found: dict[str, Any] = self._ask("/notifications/health")
        return found

    def recipients(self) -> Sequence[RecipientDocument]:
        """Every recipient that unsubscribed or is suppressed, by address."""
        found: list[RecipientDocument] = self._ask("/recipients")
        return found

    def take_bounce(self, content: bytes) -> BounceDocument:
        """Take in a message that came back."""
        request = Request("POST", f"{self._server.path}/bounces", content, {"Content-Type": "message/rfc822"})
        found: BounceDocument = self._server.send(request).content
        return found

    def users(self) -> Sequence[UserDocument]:
        """Every user by name; raises ForbiddenError without an admin's token."""
        found: list[UserDocument] = self._ask("/users")
        return found

    def tokens(self) -> Sequence[TokenDocument]:
        """Every token in the order of issue; raises ForbiddenError without an admin's token."""
        found: list[TokenDocument] = self._ask("/tokens")
        return found

    def views(self, as_of: str | None = None) -> Sequence[ViewDocument]:
        """The saved views that we may see, by name, or as they were."""
        found: list[ViewDocument] = self._ask("/views", _moment(as_of))
        return found

    def view(self, view_id: str, as_of: str | None = None) -> ViewDocument:
        """One saved view, or as it was at a position or time.

        Raises ViewNotFoundError, and ForbiddenError if we may not see it.
        """
        found: ViewDocument = self._named(ViewNotFoundError(view_id), f"/views/{_segment(view_id)}", _moment(as_of))
        return found

    def me(self) -> dict[str, Any]:
        """Who the server takes us for: user, role and rights; raises UnauthenticatedError."""
        found: dict[str, Any] = self._ask("/me")
        return found

    def close(self) -> None:
        """Close the connections that are idle; those in use close when their call ends."""
        self._server.close()

    def _ask(self, path: str, parameters: Sequence[tuple[str, str]] = ()) -> Any:
        at_least = [("at_least", str(self._written))] if self._written else []
        asked = urlencode([*parameters, *at_least], errors="surrogatepass")
        return self._server.call("GET", f"{path}?{asked}" if asked else path)

    def _ask_rule(self, rule_id: str, path: str = "", asked: Sequence[tuple[str, str]] = ()) -> Any:
        return self._named(RuleNotFoundError(rule_id), f"/rules/{_segment(rule_id)}{path}", asked)

    def _ask_values(self, run_id: str, path: str, asked: Mapping[str, object]) -> Any:
        place = self._places.get(run_id)
        parameters = dict(asked) | ({} if place is None else {"values_at_least": place})
        return self._ask_run(run_id, path, [(name, str(value)) for name, value in parameters.items()])

    def _ask_run(self, run_id: str, path: str = "", parameters: Sequence[tuple[str, str]] = ()) -> Any:
        return self._named(RunNotFoundError(run_id), f"/runs/{_segment(run_id)}{path}", parameters)

    def _named(self, missing: NotFoundError, path: str, parameters: Sequence[tuple[str, str]] = ()) -> Any:
        """What a path answers; `missing` if nothing is there, unless it is the moment that is in the way."""
        try:
            return self._ask(path, parameters)
        except (MomentAheadError, NotThereYetError):
            raise
        except NotFoundError as error:
            # An id that nothing can have may not even be a path of the server's.
            raise missing from error

    def _begin_process(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}


def _conditions(query: SeriesQuery) -> dict[str, object]:
    names = ("name", "first_step", "last_step", "as_of")
    return {name: value for name in names if (value := getattr(query, name)) is not None}


def _moment(as_of: str | None) -> list[tuple[str, str]]:
    return [] if as_of is None else [("as_of", as_of)]


def _segment(text: str) -> str:
    # A run may not be called "." or "..", and a path must not say so either.
    return quote(text, safe="", errors="surrogatepass").replace(".", "%2E")
