"""A run, as a script holds it."""

import logging
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.commands import (
    AddParameters,
    AddProperties,
    ChangeStatus,
    DescribeRun,
    RunCommand,
    TagRun,
    UntagRun,
)
from ledger.errors import UnavailableError
from ledger.metrics import Series, Thinned
from ledger.sdk.reading import Metric, descendants, metrics_of, series_by_name, thinned_by_name
from ledger.sdk.text import as_texts, storable
from ledger.tracking.failure import error_of
from ledger.values.rules import parameter
from schemas.errors import LedgerError
from schemas.limits import Limits
from schemas.statuses import TERMINAL, RunStatus

if TYPE_CHECKING:
    from ledger.client import Client
    from ledger.sdk.experiment import Experiment
    from ledger.tracking.recorder import Recorder

FLUSH_SECONDS = 300.0
_READ_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Run:
    """A handle on a run; what it asks is answered by the ledger, never from memory."""

    def __init__(self, experiment: "Experiment", run_id: str) -> None:
        """Hold a run that is there."""
        self.experiment = experiment
        self.id = run_id
        self._tracker = experiment.workspace.tracker
        self._recorder: Recorder | None = None
        self._ended = False

    def log(self, name: str, value: object, description: str = "", step: int | None = None) -> None:
        """Log one value of a metric; logged again, it becomes a series (parity B5).

        Raises:
            BadValueError: the name is empty, or the value is a list of values.
        """
        self._recording().scalar(name, value, step, description or None)

    def log_list(self, name: str, value: Iterable[object], description: str = "", step: int | None = None) -> None:
        """Log several values at once, of a list, a generator or an array with one dimension.

        Raises:
            BadValueError: it is no list of single values.
        """
        self._recording().listed(name, value, step, description or None)

    def log_row(self, name: str, description: str = "", step: int | None = None, **columns: object) -> None:
        """Log one row of a table, a value a column.

        Raises:
            BadValueError: there are no columns, or one holds a list.
        """
        self._recording().row(name, columns, step, description or None)

    def log_table(self, name: str, value: Mapping[str, object], description: str = "", step: int | None = None) -> None:
        """Log rows of a table by column.

        Raises:
            BadValueError: it is no mapping of columns of one length.
        """
        self._recording().table(name, value, step, description or None)

    def log_params(self, parameters: Mapping[str, object]) -> None:
        """Log what the run was made with, each written once; numbers stay numbers.

        Raises:
            WrittenOnceError: a parameter has another value already.
        """
        limits = Limits()
        found = {key: parameter(key, value, limits) for key, value in parameters.items()}
        if found:
            self._execute(AddParameters(run_id=self.id, parameters=found))

    def flush(self, timeout_seconds: float = FLUSH_SECONDS) -> bool:
        """Deliver everything that was logged so far; False if the ledger stayed out of reach for so long."""
        return self._tracker.flush(self.id, timeout_seconds)

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,  # noqa: ARG002 - images come as their names
    ) -> dict[str, Any]:
        """Everything that was logged, by metric: a value, a list, or columns of a table (parity 2.C).

        A metric that `log` set once is its value, more often a list. Lists are always lists, rows
        and tables always columns. With `recursive`, the metrics of each run of the tree by run id.
        """
        self.flush(_READ_SECONDS)
        if not recursive:
            return metrics_of(self._client, self.id, name)
        found = {
            run_id: metrics_of(self._client, run_id, name) for run_id in descendants(self._client, self.id, run_type)
        }
        return {run_id: metrics for run_id, metrics in found.items() if metrics}

    def get_last_metrics(self) -> dict[str, Metric]:
        """The last value of each metric; of rows and tables the last row."""
        self.flush(_READ_SECONDS)
        return {summary.name: summary.last for summary in self._client.metrics(self.id)}

    def get_series(
        self, name: str | None = None, first_step: int | None = None, last_step: int | None = None
    ) -> dict[str, Series]:
        """Logged points with their steps and times, of one metric or of all, by metric."""
        self.flush(_READ_SECONDS)
        return series_by_name(self._client, self.id, name, first_step, last_step)

    def get_thinned(
        self, name: str, buckets: int = 500, first_step: int | None = None, last_step: int | None = None
    ) -> list[Thinned]:
        """A metric thinned for a chart: bounds and mean of neighbouring points; a table has one a column."""
        self.flush(_READ_SECONDS)
        return thinned_by_name(self._client, self.id, name, buckets, (first_step, last_step))

    def tag(self, key: str, value: object = None) -> None:
        """Set a tag; without a value it is a bare tag (parity F3, F4)."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, object] | str) -> None:
        """Set several tags; a text sets one bare tag."""
        pairs = {tags: None} if isinstance(tags, str) else tags
        self._execute(TagRun(run_id=self.id, tags=as_texts("tag", pairs)))

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags; a key that is not there is nothing to do."""
        self._execute(UntagRun(run_id=self.id, keys=[tags] if isinstance(tags, str) else list(tags)))

    def add_properties(self, properties: Mapping[str, object]) -> None:
        """Add properties, each written once.

        Raises:
            WrittenOnceError: a key has another value already (parity F2).
        """
        texts = {key: value or "" for key, value in as_texts("property", properties).items()}
        if texts:
            self._execute(AddProperties(run_id=self.id, properties=texts))

    def get_tags(self) -> dict[str, str | None]:
        """The tags now."""
        return dict(self._document()["tags"])

    def get_properties(self) -> dict[str, str]:
        """The properties now."""
        return dict(self._document()["properties"])

    def get_status(self) -> str:
        """The status now, also when it has ended (it may have been corrected)."""
        return str(self._document()["status"])

    def get_details(self) -> dict[str, Any]:
        """The run as a document (parity C2)."""
        document = self._document()
        names = {"run_id": "runId", "target": "target", "status": "status", "start_time_utc": "startTimeUtc"}
        names |= {"end_time_utc": "endTimeUtc", "error": "error", "warnings": "warnings"}
        details = {name: document[key] for key, name in names.items() if key in document}
        return details | {
            "properties": dict(document["properties"]),
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": {},
            "submittedBy": document.get("created_by"),
        }

    @property
    def description(self) -> str | None:
        """Markdown that describes the run; setting None clears it."""
        return self._document().get("description")

    @description.setter
    def description(self, text: str | None) -> None:
        self._execute(DescribeRun(run_id=self.id, changes={"description": text}))

    @property
    def display_name(self) -> str | None:
        """A name for people; setting None clears it."""
        return self._document().get("display_name")

    @display_name.setter
    def display_name(self, text: str | None) -> None:
        self._execute(DescribeRun(run_id=self.id, changes={"display_name": text}))

    def complete(self, reason: str | None = None) -> None:
        """End the run as Completed; what was logged is delivered first."""
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.COMPLETED, reason=reason))

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:
        """End the run as Failed, with an error (parity G3)."""
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.FAILED, error=_error(error_details, error_code)))

    def cancel(self, reason: str | None = None) -> None:
        """End the run as Canceled."""
        self._end(ChangeStatus(run_id=self.id, status=RunStatus.CANCELED, reason=reason))

    def __enter__(self) -> Self:
        """End the run at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the run, or fail it by the exception, which goes on (parity C4)."""
        try:
            self._end_block(error)
        except LedgerError as problem:
            if error is None:
                raise
            _log.warning("the end of run %s could not be recorded: %s", self.id, problem)

    def _end_block(self, error: BaseException | None) -> None:
        if self._has_ended():
            return
        match error:
            case None:
                self.complete()
            case SystemExit(code=None | 0):
                self.complete()
            case KeyboardInterrupt():
                self.cancel(reason="interrupted")
            case _:
                self.fail(error)

    def _has_ended(self) -> bool:
        if self._ended or self._tracker.is_away:
            return self._ended
        try:
            return self._document()["status"] in TERMINAL
        except UnavailableError:
            return False

    def _end(self, command: ChangeStatus) -> None:
        self._tracker.end(command)
        self._ended = True

    def _recording(self) -> "Recorder":
        recorder = self._recorder
        if recorder is None or recorder.closed:
            recorder = self._recorder = self._tracker.track(self.id).recorder
        return recorder

    def _execute(self, command: RunCommand) -> None:
        self._tracker.execute(command, self.id)

    @property
    def _client(self) -> "Client":
        return self.experiment.workspace.client

    def _document(self) -> dict[str, Any]:
        return self._client.run(self.id)

    def __repr__(self) -> str:
        """Its id and experiment."""
        return f"Run({self.id!r}, experiment={self.experiment.name!r})"


def _error(details: str | BaseException | None, code: str | None) -> dict[str, str | None]:
    match details:
        case None | str():
            return {"code": code or "UserError", "message": storable(details or "the run was failed by its script")}
        case BaseException():
            return {key: text and storable(text) for key, text in error_of(details, code).items()}
        case _:
            raise TypeError(f"error_details must be text or an exception, not {type(details).__name__}")
