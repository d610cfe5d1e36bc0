"""The Experiment aggregate: a name that runs share."""

from collections.abc import Callable, Iterable, Mapping

from ledger.domain.aggregate import LedgerAggregate, changed_keys
from ledger.domain.names import check_experiment_name, check_key, check_length
from ledger.errors import ExperimentNotFoundError, LimitExceededError, RefusedError
from schemas.events import (
    Event,
    ExperimentArchivedEvent,
    ExperimentCreatedEvent,
    ExperimentDeletedEvent,
    ExperimentDescribedEvent,
    ExperimentReactivatedEvent,
    ExperimentTaggedEvent,
    ExperimentUntaggedEvent,
    readable,
)
from schemas.limits import Limits


class Experiment(LedgerAggregate):
    """Get-or-create by name; two who create it at once get the same one."""

    kind = "experiment"
    name: str
    description: str | None
    archived: bool
    deleted: bool
    tags: dict[str, str | None]

    def begin_state(self) -> None:
        """No name yet."""
        self.name = ""
        self.description = None
        self.archived = self.deleted = False
        self.tags = {}

    def create(self, name: str, limits: Limits, *, reopen: bool = False) -> None:
        """Create it unless it is there (parity B3); with `reopen`, reactivate it if it is archived."""
        check_experiment_name(name, limits)
        if not self.exists or self.deleted:
            self.decide(ExperimentCreatedEvent, experiment=name)
        elif self.archived and reopen:
            self.decide(ExperimentReactivatedEvent)

    def tag(self, name: str, tags: Mapping[str, str | None], limits: Limits) -> None:
        """Set tags; a value of None is a bare tag."""
        self._required(name)
        for key, value in tags.items():
            check_key("tag", key, limits.experiment_tag_key_length)
            check_length(f"tag {key!r}", value, limits.experiment_tag_value_length)
        count = len(self.tags.keys() | tags.keys())
        if count > limits.experiment_tags:
            raise LimitExceededError(f"an experiment may have {limits.experiment_tags:,} tags; this would be {count:,}")
        for key, value in changed_keys(self.tags, tags).items():
            self.decide(ExperimentTaggedEvent, key=key, value=value)

    def untag(self, name: str, keys: Iterable[str]) -> None:
        """Remove tags; a key that is not there is nothing to do."""
        self._required(name)
        for key in dict.fromkeys(keys):
            if key in self.tags:
                self.decide(ExperimentUntaggedEvent, key=key)

    def describe(self, name: str, description: str | None, limits: Limits) -> None:
        """Set or clear the description."""
        self._required(name)
        check_length("description", description, limits.experiment_description_length)
        if description != self.description:
            self.decide(ExperimentDescribedEvent, description=description)

    def archive(self, name: str) -> None:
        """Hide it from lists; its runs stay where they are."""
        self._required(name)
        if not self.archived:
            self.decide(ExperimentArchivedEvent)

    def reactivate(self, name: str) -> None:
        """Show it again."""
        self._required(name)
        if self.archived:
            self.decide(ExperimentReactivatedEvent)

    def delete(self, name: str, has_runs: Callable[[str], bool]) -> None:
        """Give it up; only one without runs can be."""
        self._required(name)
        if has_runs(name):
            raise RefusedError(f"experiment {name} has runs, and what a run has done stays; archive it instead")
        self.decide(ExperimentDeletedEvent)

    def apply(self, event: Event) -> None:
        """Take in an event, in whatever order a stranger may have written them."""
        match event:
            case ExperimentCreatedEvent():
                self.name = self.name or event.experiment
                self.deleted = False
            case ExperimentTaggedEvent():
                self.tags[event.key] = readable(event.value)
            case ExperimentUntaggedEvent():
                self.tags.pop(event.key, None)
            case ExperimentDescribedEvent():
                self.description = readable(event.description)
            case ExperimentArchivedEvent() | ExperimentReactivatedEvent():
                self.archived = isinstance(event, ExperimentArchivedEvent)
            case ExperimentDeletedEvent():
                self.begin_state()
                self.deleted = True
            case _:
                pass

    def _required(self, name: str) -> None:
        if not self.exists or self.deleted:
            raise ExperimentNotFoundError(name)
