"""Tags, description, archive: what people say about an experiment."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from ledger.commands import (
    ArchiveExperiment,
    DeleteExperiment,
    DescribeExperiment,
    ExperimentCommand,
    ReactivateExperiment,
    TagExperiment,
    UntagExperiment,
)
from ledger.errors import ExperimentNotFoundError
from ledger.queries import ANY_VALUE, Moment, moment_text
from ledger.sdk.display import page_of, table_of
from ledger.sdk.listing import Pairs, tag_conditions
from ledger.sdk.text import as_texts

if TYPE_CHECKING:
    from ledger.sdk.workspace import Workspace

ACTIVE, ARCHIVED, ALL = "ActiveOnly", "ArchivedOnly", "All"


class ExperimentAttributes:
    """The part of an experiment's handle for what people say about it; the ledger answers, never memory."""

    workspace: "Workspace"
    name: str

    @classmethod
    def known(cls, workspace: "Workspace", name: str) -> Self:
        """One that is there already, as a run of it proves; nothing is sent."""
        experiment = cls.__new__(cls)
        experiment.workspace, experiment.name = workspace, name
        return experiment

    @property
    def id(self) -> str:
        """The id, which follows from the name."""
        return str(self._document()["experiment_id"])

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags now."""
        return dict(self._document()["tags"])

    @property
    def archived(self) -> bool:
        """Whether lists leave it out."""
        return bool(self._document()["archived"])

    @property
    def description(self) -> str | None:
        """Markdown that describes it; setting None clears it."""
        return self._document().get("description")

    @description.setter
    def description(self, text: str | None) -> None:
        self._execute(DescribeExperiment(name=self.name, description=text))

    def tag(self, key: str, value: object = None) -> None:
        """Set a tag; without a value it is a bare tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, object] | str) -> None:
        """Set several tags; a text sets one bare tag."""
        pairs = {tags: None} if isinstance(tags, str) else tags
        self._execute(TagExperiment(name=self.name, tags=as_texts("tag", pairs)))

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags; a key that is not there is nothing to do."""
        self._execute(UntagExperiment(name=self.name, keys=[tags] if isinstance(tags, str) else [*tags]))

    def archive(self) -> None:
        """Hide it from lists; its next run reactivates it."""
        self._execute(ArchiveExperiment(name=self.name))

    def reactivate(self) -> None:
        """Show it in lists again."""
        self._execute(ReactivateExperiment(name=self.name))

    def get_portal_url(self) -> str | None:
        """The page of the experiment; None for a folder that no server is known to show."""
        return page_of(self.workspace, f"experiments/{self.name}")

    def _repr_html_(self) -> str:
        url = self.get_portal_url()
        return table_of({"Name": self.name, "Workspace": self.workspace.name}, "Details Page", url)

    def refresh(self) -> None:
        """Nothing to do: every answer is as of now."""

    @staticmethod
    def delete(workspace: "Workspace", experiment_id: str) -> None:
        """Give up an experiment, by id or name.

        Raises:
            RefusedError: it has runs; archive it instead.
            ExperimentNotFoundError: there is none.
        """
        for document in workspace.client.experiments():
            if experiment_id in {document["experiment_id"], document["name"]}:
                workspace.tracker.carry_out(DeleteExperiment(name=document["name"]))
                return
        raise ExperimentNotFoundError(experiment_id)

    @classmethod
    def list(
        cls,
        workspace: "Workspace",
        experiment_name: str | None = None,
        view_type: str = ACTIVE,
        tags: Pairs = None,
        as_of: Moment | None = None,
    ) -> "list[Self]":
        """The experiments of a workspace by name; `view_type` is ActiveOnly, ArchivedOnly or All.

        With `as_of`, those that were there then, and met the conditions; what they are asked is answered as of now.

        Raises:
            ValueError: there is no such view type.
        """
        if view_type not in {ACTIVE, ARCHIVED, ALL}:
            raise ValueError(f"view_type must be {ACTIVE}, {ARCHIVED} or {ALL}, not {view_type!r}")
        wanted = tag_conditions(tags)
        return [
            cls.known(workspace, document["name"])
            for document in workspace.client.experiments(moment_text(as_of))
            if experiment_name in {None, document["name"]}
            and view_type in {ALL, ARCHIVED if document["archived"] else ACTIVE}
            and _has(document["tags"], wanted)
        ]

    def _document(self) -> dict[str, Any]:
        return self.workspace.client.experiment(self.name)

    def _execute(self, command: ExperimentCommand) -> None:
        self.workspace.tracker.carry_out(command)


def _has(tags: Mapping[str, str | None], wanted: Mapping[str, str | None]) -> bool:
    return all(key in tags and value in {ANY_VALUE, tags[key]} for key, value in wanted.items())
