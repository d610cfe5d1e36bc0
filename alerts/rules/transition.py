"""What rules are matched against: a run as it was when something happened to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.events.logged import Scalar
from schemas.severities import Severity
from schemas.statuses import RunStatus

_TEXTS = frozenset({"experiment", "actor", "status", "run_type", "target", "error_code", "error_type"})


@dataclass(frozen=True, slots=True)
class Raised:
    """What a script said with `run.alert()`."""

    title: str
    text: str
    level: Severity


@dataclass(frozen=True, slots=True)
class Transition:
    """A run that moved to another status, as it was at that position; `previous` is None at its start.

    `raised` is set where the script raised an alert and no status changed. `ends` is how the
    last runs of the experiment ended, the last one last, and `all_ends` that of its child runs too.
    `duration_ms` is of the attempt so far.
    """

    run_id: str
    experiment: str
    status: RunStatus
    previous: RunStatus | None = None
    presumed: bool = False
    parent_run_id: str | None = None
    root_run_id: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    display_name: str | None = None
    actor: str = ""
    run_type: str = ""
    target: str = ""
    duration_ms: int | None = None
    error_code: str | None = None
    error_type: str | None = None
    last_values: Mapping[str, Scalar] = field(default_factory=dict)
    failed_descendants: int = 0
    ends: tuple[RunStatus, ...] = ()
    all_ends: tuple[RunStatus, ...] = ()
    raised: Raised | None = None

    def attributes(self, of: str) -> Mapping[str, Scalar]:
        """The tags, properties, parameters, or last values of metrics."""
        return {
            "tag": self.tags,
            "property": self.properties,
            "parameter": self.parameters,
            "metric": self.last_values,
        }[of]

    def text(self, of: str) -> str | None:
        """An attribute that has one text; None where the run has none."""
        match of:
            case "name":
                return self.display_name or self.run_id
            case "run" | "parent":
                return self.run_id if of == "run" else self.parent_run_id
            case "root":
                return None if self.root_run_id == self.run_id else self.root_run_id
            case _ if of in _TEXTS:
                found = getattr(self, of)
                return None if found is None else str(found)
            case _:
                return None

    def value(self, attribute: str) -> str | None:
        """An attribute to group by, such as `parent` or `tag:team`, as text; None where the run has none."""
        of, colon, key = attribute.partition(":")
        if not colon:
            return self.text(of)
        found = self.attributes(of)
        return None if key not in found else str(found[key] if found[key] is not None else "")
