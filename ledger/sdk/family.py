"""Parents and children of a run (parity section H)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from ledger.commands import StartRun
from ledger.errors import LimitExceededError, RefusedError, RunNotFoundError, UnavailableError
from ledger.queries import Moment, RunDocument, RunQuery, moment_text
from ledger.sdk.listing import Pairs, Runs, pages, property_conditions, tag_conditions
from ledger.sdk.origin import origin
from ledger.sdk.text import as_texts
from ledger.sdk.tree import below
from ledger.sdk.types import RunTypes
from schemas.limits import Limits

if TYPE_CHECKING:
    from ledger.sdk.outputs import Folders
    from ledger.sdk.run import Run

BATCH_NUMBER = "azureml.batch_child_number"
_LIMIT = Limits().children_per_call


class RunFamily(RunTypes):
    """The part of a run's handle for the runs above and below it; their statuses do not depend on each other."""

    _root: str | None = None

    def below(self, root: str) -> Self:
        """This handle, told which run is at the top, so that nobody needs to be asked."""
        self._root = root
        return self

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: "Folders" = None) -> "Run":
        """Start a run below this one; `name` becomes its display name (parity H3).

        `outputs` are folders as of `start_logging`; a child has none unless they are named, for those
        beside the script are its parent's.
        """
        command = replace(self._child(run_id or str(uuid4())), display_name=name)
        self._tracker.begin(command)
        return self._of(command.run_id).writing_to(outputs or False)

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[object] | None = None
    ) -> "list[Run]":
        """Start several runs below this one by one request, in order (parity H4).

        Args:
            count: how many; each gets its number as the tag `azureml.batch_child_number`.
            tag_key: with `tag_values`, the tag that tells one from another.
            tag_values: a value for each.

        Raises:
            RefusedError: neither or both ways were used.
            LimitExceededError: more than one call may start.
        """
        tags = _batch_tags(count, tag_key, tag_values)
        commands = [replace(self._child(str(uuid4())), tags=each) for each in tags]
        if commands:
            self._tracker.begin_all(commands)
        return [self._of(command.run_id) for command in commands]

    def get_children(
        self,
        recursive: bool = False,
        tags: Pairs = None,
        properties: Pairs = None,
        type: str | None = None,  # noqa: A002 - the name of the original (parity H9)
        status: str | None = None,
        _rehydrate_runs: bool = True,
        as_of: Moment | None = None,
    ) -> Runs:
        """The runs below this one, newest start first; with `recursive`, those below them too.

        With `as_of`, those that were there then, and met the conditions.
        """
        query = RunQuery(
            parent_run_id=None if recursive else self.id,
            include_children=True,
            tags=tag_conditions(tags),
            properties=property_conditions(properties),
            run_type=type,
            statuses=[status] if status else (),
            as_of=moment_text(as_of),
        )

        def documents() -> Iterator[RunDocument]:
            return below(self._client, self.id, self._root_id(), query) if recursive else pages(self._client, query)

        return Runs(documents, self._maker(rehydrate=_rehydrate_runs))

    @property
    def parent(self) -> "Run | None":
        """The run above; None at the root."""
        above = self._known().get("parent_run_id")
        return None if above is None else self._relative(above)

    @property
    def root(self) -> "Run":
        """The run at the top, which may be this one."""
        return self._relative(self._root_id())

    def _of(self, run_id: str) -> "Run":
        from ledger.sdk.run import Run  # noqa: PLC0415 - a run has this part

        return Run(self.experiment, run_id).below(self._root_of_children())

    def _relative(self, run_id: str) -> "Run":
        return self.made_from(self.experiment.workspace, self._client.run(run_id))

    def _root_id(self) -> str:
        if self._root is None:
            self._root = str(self._known().get("root_run_id", self.id))
        return self._root

    def _child(self, run_id: str) -> StartRun:
        return StartRun(
            run_id=run_id,
            experiment=self.experiment.name,
            parent_run_id=self.id,
            root_run_id=self._root_of_children(),
            origin=origin(),
        )

    def _root_of_children(self) -> str:
        try:
            return self._root_id()
        except (UnavailableError, RunNotFoundError):
            # Nobody can be asked, and a script goes on: as far as is known here, this is the top.
            return self.id


def _batch_tags(count: int | None, key: str | None, values: Sequence[object] | None) -> list[dict[str, str | None]]:
    if (key is None) != (values is None):
        raise RefusedError("create_children needs tag_key and tag_values together, or count alone")
    if (count is None) == (key is None):
        raise RefusedError("create_children needs either count, or tag_key and tag_values")
    number = len(values) if values is not None else count or 0
    if number < 0:
        raise RefusedError(f"create_children cannot make {number} children")
    if number > _LIMIT:
        raise LimitExceededError(f"create_children makes at most {_LIMIT:,} children at once, not {number:,}")
    if key is not None and values is not None:
        return [as_texts("tag", {key: value}) for value in values]
    return [{BATCH_NUMBER: str(index)} for index in range(number)]
