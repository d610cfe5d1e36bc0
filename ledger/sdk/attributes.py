"""Tags, properties, names and descriptions of a run."""

from collections.abc import Iterable, Mapping

from ledger.commands import AddProperties, DescribeRun, TagRun, UntagRun
from ledger.sdk.handle import RunHandle
from ledger.sdk.text import as_texts


class RunAttributes(RunHandle):
    """The part of a run's handle for what people say about it."""

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
