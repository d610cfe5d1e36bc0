"""Whether a rule is about a change of status, and if not, why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from schemas.events.logged import Scalar
from schemas.rules import Condition, RuleDefinition, holds
from schemas.statuses import RunStatus


@dataclass(frozen=True, slots=True)
class Transition:
    """A run that moved to another status, as it was at that position; `previous` is None at its start."""

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

    def attributes(self, of: str) -> Mapping[str, Scalar]:
        """The tags, properties or parameters."""
        return {"tag": self.tags, "property": self.properties, "parameter": self.parameters}[of]


def why_not(rule: RuleDefinition, happened: Transition) -> str | None:
    """The first reason why a rule does not match, for a person to read; None if it matches."""
    return _why_not_status(rule, happened) or _why_not_run(rule, happened) or _why_not_conditions(rule, happened)


def may_match(rule: RuleDefinition, previous: RunStatus | None, status: RunStatus) -> bool:
    """Whether a rule is about such a change at all; cheap, before the run is looked at."""
    wanted = rule.statuses
    return (not wanted or status in wanted) and (not rule.from_ or previous in rule.from_)


def _why_not_status(rule: RuleDefinition, happened: Transition) -> str | None:
    if rule.statuses and happened.status not in rule.statuses:
        return f"it is about runs that become {_or(rule.statuses)}, and this one became {happened.status}"
    if rule.from_ and happened.previous not in rule.from_:
        before = f"was {happened.previous}" if happened.previous else "began so"
        return f"it is about runs that were {_or(rule.from_)} before, and this one {before}"
    return None


def _why_not_run(rule: RuleDefinition, happened: Transition) -> str | None:
    if rule.run_id is not None:
        family = (happened.parent_run_id, happened.root_run_id) if rule.include_children else ()
        if rule.run_id not in (happened.run_id, *family):
            return f"it is about run {rule.run_id} alone"
    elif happened.parent_run_id is not None and not rule.include_children:
        return f"it leaves out child runs, and this is one of {happened.parent_run_id}"
    if not fnmatchcase(happened.experiment, rule.experiment):
        return f"it is about experiments {rule.experiment}, and this one is in {happened.experiment}"
    return None


def _why_not_conditions(rule: RuleDefinition, happened: Transition) -> str | None:
    for condition in rule.conditions:
        why = _why_not_condition(condition, happened.attributes(condition.of))
        if why:
            return why
    return None


def _why_not_condition(condition: Condition, found: Mapping[str, Scalar]) -> str | None:
    if condition.key not in found:
        return None if condition.operator == "!=" else f"it wants {condition}, and the run has no such {condition.of}"
    value = found[condition.key]
    return None if holds(condition, value) else f"it wants {condition}, and the run has {value!r}"


def _or(statuses: tuple[RunStatus, ...]) -> str:
    return " or ".join(statuses)
