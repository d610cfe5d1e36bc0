"""What the SDK and the command line ask; projections answer, joined by the composition root."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeAlias

from ledger.commands import SuppressRecipient
from ledger.filters import Filter
from schemas.statuses import RunStatus

RunDocument = dict[str, Any]
"""A run as JSON: the keys of parity C6, times in ISO 8601 UTC, absent where there is no value."""


class RunState(NamedTuple):
    """Where a run stands: `presumed` is as in its document, `started_at` None if it never ran."""

    status: RunStatus
    presumed: bool
    started_at: datetime | None


def state_of(run: RunDocument) -> RunState:
    """The state that a document tells."""
    started = run.get("start_time_utc")
    return RunState(
        RunStatus(run["status"]), bool(run.get("presumed")), datetime.fromisoformat(started) if started else None
    )


def began_at(runs: Iterable[RunDocument]) -> dict[str, int]:
    """When runs started, in microseconds since 1970 UTC, by run id; those that never ran are left out."""
    found = {run["run_id"]: run.get("start_time_utc") for run in runs}
    return {run_id: _micros(text) for run_id, text in found.items() if text}


def _micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


ANY_VALUE = "\x00any"
"""As the value of a tag or property in a query: the key is there, with whatever value."""


Moment: TypeAlias = datetime | int | str
"""When, for `as_of`: a position, a time (without a zone it is local time), or the text of either (then it is UTC)."""


def moment_text(moment: Moment | None) -> str | None:
    """A moment as `as_of` of a query has it."""
    if isinstance(moment, datetime):
        return moment.astimezone().isoformat()
    return None if moment is None else str(moment)


ORDERS = ("start", "end", "duration", "name", "status", "experiment")
"""What runs can be ordered by, beside what has a name of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Conditions, all of which must hold; newest start first.

    A tag of None is a bare tag, `ANY_VALUE` any value. `started_from` (included) and
    `started_before` are moments in ISO 8601, in UTC unless they name a zone.
    `search` are words, each of which a text of
    the run must have, or a word that begins like it. `order_by` is one of `ORDERS` or
    `metric.NAME`, `parameter.NAME`, `tag.NAME`, `property.NAME`, with `-` before it the other way
    round; runs without a value come last. `cursor` comes from the page before.

    Each of `filters` must hold too. With `count` the page says how many runs match, up to `COUNTED`;
    with `family` it has the documents of parents that are not on it, and how many children of
    which status each run has. `columns`, such as `tag.team` or `metric.loss`, are what the documents
    have of tags, properties, parameters and last values of metrics; all but metrics without it.

    With `as_of`, a position or a time in ISO 8601 (the last position that was recorded by then), runs are
    found and told as they were: each as its events up to there made it. Of metrics, the last values are
    those of runs that had ended.

    With `within` about so many runs are looked at for a page in the usual order, and for the count: the
    page may then be short, or empty, and have a cursor all the same.
    """

    experiment: str | None = None
    statuses: Sequence[str] = ()
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    run_type: str | None = None
    target: str | None = None
    parent_run_id: str | None = None
    root_run_id: str | None = None
    include_children: bool = False
    include_archived: bool = False
    started_from: str | None = None
    started_before: str | None = None
    search: str | None = None
    order_by: str | None = None
    filters: Sequence[Filter] = ()
    columns: Sequence[str] | None = None
    count: bool = False
    family: bool = False
    limit: int = 50
    cursor: str | None = None
    within: int | None = None
    as_of: str | None = None


COUNTED = 1_000
"""How far matches are counted."""

COLUMNS = 100
"""The most columns of one question."""

COLUMN_KINDS = ("tag", "property", "parameter", "metric")


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, and the cursor of the page behind them; None when there is nothing more.

    `count` is how many runs match; without `count_exact` there are more than that. `parents` are those
    of runs on this page that are not on it themselves.
    """

    runs: list[RunDocument]
    cursor: str | None
    count: int | None = None
    count_exact: bool = True
    parents: list[RunDocument] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyQuery:
    """Keys of tags, properties, parameters or metrics that begin like `prefix`, or the values of one `key`.

    The values of a status, experiment, submitter, run_type or target are asked for without a key. By
    text, at most `KEYS_AT_ONCE`; `after` is the last one that was read before.
    """

    kind: str
    key: str | None = None
    prefix: str = ""
    experiment: str | None = None
    after: str | None = None
    limit: int = 50


RUNS_COMPARED = 50
"""The most runs that are compared at once."""

Compared = dict[str, Any]
"""A field of compared runs: its `kind` and `key`, whether it `differs`, and `values` by run id, where there is one."""

KEYS_AT_ONCE = 50
KEY_KINDS = ("tag", "property", "parameter", "metric")
VALUE_KINDS = ("status", "experiment", "submitter", "run_type", "target")


@dataclass(frozen=True, slots=True)
class Named:
    """A key or a value, and how many runs have it, archived ones and children too."""

    name: str
    runs: int


ExperimentDocument = dict[str, Any]
"""An experiment: id, name, description, tags, whether archived, number of runs, who made it when."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a run before and after an event; None stands for no value."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An event of a run as a person reads it; `recorded_at` and `occurred_at` are ISO 8601 UTC.

    `client` is the program that sent the command, `on_behalf_of` for whom the actor did it, where they are known.
    """

    position: int
    seq: int
    event: str
    event_id: str
    occurred_at: str
    recorded_at: str
    actor: str
    source: str
    reason: str | None
    changes: list[Change]
    hash: str
    client: str | None = None
    on_behalf_of: str | None = None


AuditDocument = dict[str, Any]
"""Something that was done or refused: position, times, who, from where, to what, and what changed.

`changes` are a list of field, before and after. Of what was refused, `refused` is the rule, `after`
what was attempted, and `count` how often.
"""

AUDITED_AT_ONCE = 200
"""The most entries of one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Conditions, all of which must hold; the newest first, or the oldest.

    `actor` is who did it or on whose behalf, `action` the name of an event such as `run.tagged`. `stream`
    is a thing by its kind and id, as `run:digits-1`; `kind` all things of one kind. `field` is such as
    `tags.approved` or `status`, with `value` what stood in it from then on. `since` and `until` are
    milliseconds of `recorded_at`, the second not included. `client` is the program that sent it, `address` where
    on the network it came from. `because_of` is a position: what was mailed
    because of it. `refused` asks for what was refused, or was not. `as_of` leaves out what came behind a
    position. `cursor` comes from the page before.
    """

    actor: str | None = None
    action: str | None = None
    stream: str | None = None
    kind: str | None = None
    experiment: str | None = None
    field: str | None = None
    value: str | None = None
    client: str | None = None
    address: str | None = None
    since: int | None = None
    until: int | None = None
    because_of: int | None = None
    refused: bool | None = None
    as_of: int | None = None
    oldest_first: bool = False
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, and the cursor of the page behind them; None when there is nothing more.

    A page may be short, or empty, and have a cursor: then there is more to look through.
    """

    entries: list[AuditDocument]
    cursor: str | None


RuleDocument = dict[str, Any]
"""An alert rule: its id, name, definition, whether it is enabled, and who changed it when."""

DeliveryDocument = dict[str, Any]
"""A notification that was claimed: for whom, because of which position, and what came of it."""


RuleChangeDocument = dict[str, Any]
"""What was done to an alert rule: by whom, when and why, and which fields were what before and after."""

SilenceDocument = dict[str, Any]
"""A silence: what it is about, until when, who wants it so and why, and whether it is in force."""

IntentDocument = dict[str, Any]
"""A notification that is or would be: when due, for whom, about what, and what came of it."""

ReasonDocument = dict[str, Any]
"""A rule and something that happened to a run: whether it was told, and why (not)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one moment of `recorded_at` to another, in milliseconds; None is the log's beginning, or now."""

    since: int | None = None
    until: int | None = None

    def holds(self, at: int) -> bool:
        """Whether a moment lies in it."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


RecipientDocument = dict[str, Any]
"""A recipient that is not told everything: what was unsubscribed, and whether mail came back, since when."""

BounceDocument = dict[str, Any]
"""What a mail that came back says: verdict, recipient, notification, status, and why nothing follows from it."""


def is_suppressed(recipients: Sequence[RecipientDocument], address: str | None) -> bool:
    """Whether an address is suppressed, in whatever case of letters it is named."""
    return any(each["suppressed"] and each["recipient"].casefold() == (address or "").casefold() for each in recipients)


class AlertQueries(Protocol):
    """Answers about alert rules, as of what has been read of the log."""

    def rules(self, *, as_of: str | None = None) -> list[RuleDocument]:
        """Every rule that is not deleted, by name, or as they were."""

    def rule(self, rule_id: str, *, as_of: str | None = None) -> RuleDocument:
        """One rule, deleted ones too, or as it was; raises RuleNotFoundError, and InvalidNameError for no moment."""

    def deliveries(self, rule_id: str) -> list[DeliveryDocument]:
        """What was claimed of a rule's notifications, oldest first; raises RuleNotFoundError."""

    def rule_changes(self, rule_id: str) -> list[RuleChangeDocument]:
        """Who changed what of a rule, oldest first, deleted ones too; raises RuleNotFoundError."""

    def silences(self) -> list[SilenceDocument]:
        """Every silence, those that are over too, the newest first."""

    def explain(self, run_id: str) -> list[ReasonDocument]:
        """Why each rule did or did not tell of a run; raises RunNotFoundError."""

    def preview(self, rule_id: str | None, draft: Mapping[str, Any] | None, span: Span) -> list[IntentDocument]:
        """What a rule, or a draft in its place, would have sent; raises RuleNotFoundError and BadRuleError."""

    def health(self) -> dict[str, Any]:
        """What waits to be sent, since when, and why."""

    def recipients(self) -> list[RecipientDocument]:
        """Every recipient that unsubscribed or is suppressed, by address."""


class Bounces(Protocol):
    """Judges mails that came back."""

    def judge(self, content: bytes, sent_to: str | None = None) -> tuple[BounceDocument, SuppressRecipient | None]:
        """What a message says, and the command that follows from it, if any."""


UserDocument = dict[str, Any]
"""A user: name, role, address, whether disabled, and whether there is a password to log in with."""

TokenDocument = dict[str, Any]
"""A token by its id: whose it is, what it is worth (valid, expired, revoked), and who issued it when."""

SessionDocument = dict[str, Any]
"""A session that is open: its id, from where, since when and until when."""


class UserQueries(Protocol):
    """Answers about users and tokens, as of what has been read of the log."""

    def users(self) -> list[UserDocument]:
        """Every user by name, disabled ones too."""

    def tokens(self) -> list[TokenDocument]:
        """Every token in the order of issue."""


ViewDocument = dict[str, Any]
"""A saved view: its id, name, query, owner, who may do what with it, and its last position."""


ArtifactDocument = dict[str, Any]
"""A file of a run as it was added last: name, size, sha256, who added it when, and what it is."""


class Queries(Protocol):
    """Answers about runs. Each waits until the view holds the position `at_least`."""

    def runs(self, query: RunQuery, *, at_least: int = 0) -> RunPage:
        """A page of runs."""

    def run(self, run_id: str, *, at_least: int = 0) -> RunDocument:
        """One run; raises RunNotFoundError."""

    def run_at(self, run_id: str, moment: str, *, at_least: int = 0) -> RunDocument:
        """One run as it was at a moment; see `Client.run_at`."""

    def compared(self, run_ids: Sequence[str], *, as_of: str | None = None, at_least: int = 0) -> list[Compared]:
        """Runs field by field, or as they were; raises RunNotFoundError, and LimitExceededError for too many."""

    def keys(self, query: KeyQuery, *, at_least: int = 0) -> list[Named]:
        """Keys or values to choose from, by name; raises InvalidNameError and LimitExceededError."""

    def experiments(self, *, as_of: str | None = None, at_least: int = 0) -> list[ExperimentDocument]:
        """Every experiment that is not deleted by name, archived ones too, or as they were."""

    def experiment(self, name: str, *, as_of: str | None = None, at_least: int = 0) -> ExperimentDocument:
        """One experiment, or as it was; raises ExperimentNotFoundError, and NotThereYetError."""

    def history(self, run_id: str, *, at_least: int = 0) -> list[HistoryEntry]:
        """Every event of a run with what it changed; raises RunNotFoundError."""

    def audit(self, query: AuditQuery, *, at_least: int = 0) -> AuditPage:
        """A page of what was done or refused; raises InvalidNameError and LimitExceededError."""

    def artifacts(self, run_id: str, prefixes: Sequence[str] = (), *, at_least: int = 0) -> list[ArtifactDocument]:
        """The files of a run by name, those that begin with one of `prefixes`; raises RunNotFoundError."""
