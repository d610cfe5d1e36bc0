"""The Experiment aggregate: a name that runs share."""

from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.names import check_experiment_name
from schemas.events import Event, ExperimentCreatedEvent
from schemas.limits import Limits


class Experiment(LedgerAggregate):
    """Get-or-create by name; two who create it at once get the same one."""

    kind = "experiment"
    name: str

    def begin_state(self) -> None:
        """No name yet."""
        self.name = ""

    def create(self, name: str, limits: Limits) -> None:
        """Create it unless it is there (parity B3)."""
        check_experiment_name(name, limits)
        if not self.exists:
            self.decide(ExperimentCreatedEvent, experiment=name)

    def apply(self, event: Event) -> None:
        """Take in an event."""
        if isinstance(event, ExperimentCreatedEvent) and not self.name:
            self.name = event.experiment
