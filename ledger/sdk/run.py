"""A run, as a script holds it."""

import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.commands import (
    AddProperties,
    ChangeStatus,
    Command,
    DescribeRun,
    TagRun,
    UntagRun,
)
from ledger.sdk.text import as_texts, storable
from schemas.statuses import TERMINAL, RunStatus

if TYPE_CHECKING:
    from ledger.sdk.experiment import Experiment


class Run:
    """A handle on a run; what it asks is answered by the ledger, never from memory."""

    def __init__(self, experiment: "Experiment", run_id: str) -> None:
        """Hold a run that is there."""
        self.experiment = experiment
        self.id = run_id

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
        """End the run as Completed."""
        self._execute(ChangeStatus(run_id=self.id, status=RunStatus.COMPLETED, reason=reason))

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:
        """End the run as Failed, with an error (parity G3)."""
        self._execute(ChangeStatus(run_id=self.id, status=RunStatus.FAILED, error=_error(error_details, error_code)))

    def cancel(self, reason: str | None = None) -> None:
        """End the run as Canceled."""
        self._execute(ChangeStatus(run_id=self.id, status=RunStatus.CANCELED, reason=reason))

    def __enter__(self) -> Self:
        """End the run at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the run, or fail it by the exception, which goes on (parity C4)."""
        if self._document()["status"] in TERMINAL:
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

    def _execute(self, command: Command) -> None:
        self.experiment.workspace.client.execute(command)

    def _document(self) -> dict[str, Any]:
        return self.experiment.workspace.client.run(self.id)

    def __repr__(self) -> str:
        """Its id and experiment."""
        return f"Run({self.id!r}, experiment={self.experiment.name!r})"


def _error(details: str | BaseException | None, code: str | None) -> dict[str, str | None]:
    match details:
        case None | str():
            return {"code": code or "UserError", "message": storable(details or "the run was failed by its script")}
        case BaseException():
            name = type(details).__name__
            return {
                "code": code or "UserError",
                "message": storable(f"User program failed with {name}: {details}"),
                "type": name,
                "traceback": storable("".join(traceback.format_exception(details))),
            }
        case _:
            raise TypeError(f"error_details must be text or an exception, not {type(details).__name__}")
