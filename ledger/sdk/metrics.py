"""Logging values, and reading them back (parity 2.C)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ledger.commands import AddParameters
from ledger.errors import BadValueError, RunCanceled
from ledger.liveness.graces import canceled_by, request_in
from ledger.metrics import Series, Thinned
from ledger.queries import Moment, moment_text
from ledger.sdk.handle import RunHandle
from ledger.sdk.reading import Metric, metrics_of, metrics_of_tree, series_by_name, thinned_by_name
from ledger.values.rules import parameter, step_of
from schemas.errors import LedgerError
from schemas.limits import Limits

if TYPE_CHECKING:
    from ledger.tracking.recorder import Recorder

FLUSH_SECONDS = 300.0
_READ_SECONDS = 10.0


class RunMetrics(RunHandle):
    """The part of a run's handle for logged values and parameters."""

    _recorder: "Recorder | None" = None
    _raises_canceled = False

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

    def log_row(self, name: str, description: str = "", **columns: object) -> None:
        """Log one row of a table, a value a column; a whole number in a column `step` is the row's step too.

        Raises:
            BadValueError: there are no columns, or one holds a list.
        """
        self._recording().row(name, columns, _step_in(columns), description or None)

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
        as_of: Moment | None = None,
    ) -> dict[str, Any]:
        """Everything that was logged, by metric: a value, a list, or columns of a table (parity 2.C).

        A metric that `log` set once is its value, more often a list. Lists are always lists, rows
        and tables always columns. With `recursive`, the metrics of each run of the tree by run id.
        With `as_of`, what was logged by then, and the tree as it was.
        """
        moment = self._read_by(as_of)
        if not recursive:
            return metrics_of(self._client, self.id, name, moment)
        return metrics_of_tree(self._client, self.id, run_type, name, moment)

    def get_last_metrics(self, as_of: Moment | None = None) -> dict[str, Metric]:
        """The last value of each metric, or the last by then; of rows and tables the last row."""
        moment = self._read_by(as_of)
        return {summary.name: summary.last for summary in self._client.metrics(self.id, moment)}

    def get_series(
        self,
        name: str | None = None,
        first_step: int | None = None,
        last_step: int | None = None,
        as_of: Moment | None = None,
    ) -> dict[str, Series]:
        """Logged points with their steps and times, of one metric or of all, by metric; or those logged by then."""
        moment = self._read_by(as_of)
        return series_by_name(self._client, self.id, name, (first_step, last_step), moment)

    def get_thinned(
        self,
        name: str,
        buckets: int = 500,
        first_step: int | None = None,
        last_step: int | None = None,
        as_of: Moment | None = None,
    ) -> list[Thinned]:
        """A metric thinned for a chart: bounds and mean of neighbouring points; a table has one a column."""
        moment = self._read_by(as_of)
        return thinned_by_name(self._client, self.id, name, buckets, (first_step, last_step), moment)

    def _read_by(self, as_of: Moment | None) -> str | None:
        """The moment as a question has it, once all that was logged is on its way."""
        self.flush(_READ_SECONDS)
        return moment_text(as_of)

    def raise_if_canceled(self) -> None:
        """Let the next `log*()` of this handle raise RunCanceled, once, after somebody asked for the run to end."""
        self._raises_canceled = True

    def _recording(self) -> "Recorder":
        if self._raises_canceled and self.id in self._tracker.canceled:
            self._raises_canceled = False
            raise RunCanceled(self.id, self._why_canceled())
        recorder = self._recorder
        if recorder is None or recorder.closed:
            recorder = self._recorder = self._tracker.track(self.id).recorder
        return recorder

    def _why_canceled(self) -> str:
        try:
            request = request_in(self.id, self._client.history(self.id))
        except LedgerError:
            request = None
        return canceled_by(request.actor, request.reason) if request is not None else "canceled"


def _step_in(columns: Mapping[str, object]) -> int | None:
    try:
        return step_of(columns.get("step"))
    except BadValueError:
        return None
