"""Which rules may be about what happened: found by what they name, without looking at each of them."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Protocol

from alerts.rules.in_force import Rule
from schemas.conditions import Condition, SeriesCondition, certain, leaves
from schemas.rules import OnAlert, OnDescendant, RuleDefinition
from schemas.statuses import RunStatus

ALERT = "alert"
DESCENDANT = "descendant"
RESOLVED = "resolved"

Placed = tuple[Rule, RuleDefinition]

_CACHED = 10_000


class Known(Protocol):
    """What of a run finds the rules that may be about it."""

    @property
    def run_id(self) -> str: ...  # noqa: D102
    @property
    def experiment(self) -> str: ...  # noqa: D102
    @property
    def parent_run_id(self) -> str | None: ...  # noqa: D102
    @property
    def root_run_id(self) -> str | None: ...  # noqa: D102
    @property
    def tags(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def properties(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def parameters(self) -> Mapping[str, Any]: ...  # noqa: D102


class Bucket:
    """Rules by the narrowest thing that each names: a run, a value of an attribute, or an experiment."""

    def __init__(self) -> None:
        """No rules."""
        self._of_run: dict[str, dict[str, Placed]] = {}
        self._of_value: dict[tuple[str, str], dict[object, dict[str, Placed]]] = {}
        self._of_experiment: dict[str, dict[str, Placed]] = {}
        self._cached: dict[str, list[dict[str, Placed]]] = {}

    def add(self, rule: Rule, definition: RuleDefinition) -> None:
        """Take a rule in."""
        self._home(definition)[rule.id] = rule, definition

    def remove(self, rule: Rule, definition: RuleDefinition) -> None:
        """Take a rule out."""
        self._home(definition).pop(rule.id, None)

    def of(self, run: Known) -> list[Placed]:
        """Every rule that may match a run, in the order of their definition, and few that do not."""
        found = [placed for home in self._homes(run.experiment) for placed in home.values()]
        if self._of_run:
            for run_id in {run.run_id, run.parent_run_id or "", run.root_run_id or ""}:
                found += self._of_run.get(run_id, {}).values()
        if self._of_value:
            known = {"tag": run.tags, "property": run.properties, "parameter": run.parameters}
            for (of, key), rules in self._of_value.items():
                if key in known[of]:
                    found += rules.get(known[of][key], {}).values()
        found.sort(key=lambda placed: placed[0].since)
        return found

    def _homes(self, experiment: str) -> list[dict[str, Placed]]:
        found = self._cached.get(experiment)
        if found is None:
            if len(self._cached) >= _CACHED:
                self._cached.clear()
            found = [home for pattern, home in self._of_experiment.items() if fnmatchcase(experiment, pattern)]
            self._cached[experiment] = found
        return found

    def _home(self, definition: RuleDefinition) -> dict[str, Placed]:
        if definition.run_id is not None:
            return self._of_run.setdefault(definition.run_id, {})
        for condition in certain(definition.conditions):
            if isinstance(condition, Condition) and condition.of != "metric" and condition.operator == "=":
                by_value = self._of_value.setdefault((condition.of, condition.key), {})
                return by_value.setdefault(condition.value, {})
        if definition.experiment not in self._of_experiment:
            self._of_experiment[definition.experiment] = {}
            self._cached.clear()
        return self._of_experiment[definition.experiment]


class RuleIndex:
    """The rules in force by what they are about; a rule that looks back on ends is counted too."""

    def __init__(self) -> None:
        """No rules."""
        self._buckets: dict[object, Bucket] = {}
        self._placed: dict[str, Placed] = {}
        self._looking_back: set[str] = set()

    def set(self, rule_id: str, rule: Rule | None) -> None:
        """Note what a rule is from here on; None is none."""
        before = self._placed.pop(rule_id, None)
        if before is not None:
            for key in _keys(before[1]):
                self._buckets[key].remove(*before)
        self._looking_back.discard(rule_id)
        if rule is not None and rule.enabled and rule.definition is not None:
            self._place(rule, rule.definition)

    def bucket(self, key: object) -> Bucket | None:
        """The rules about changes to a status, `ALERT`, changes below (DESCENDANT, status), RESOLVED."""
        return self._buckets.get(key)

    @property
    def looks_back(self) -> bool:
        """Whether any rule is about the last ended runs of an experiment."""
        return bool(self._looking_back)

    def _place(self, rule: Rule, definition: RuleDefinition) -> None:
        self._placed[rule.id] = rule, definition
        for key in _keys(definition):
            self._buckets.setdefault(key, Bucket()).add(rule, definition)
        if any(isinstance(leaf, SeriesCondition) for leaf in leaves(definition.conditions)):
            self._looking_back.add(rule.id)


def _keys(definition: RuleDefinition) -> list[object]:
    resolved = definition.group is not None and definition.group.resolved
    return [*_occasions(definition), *([RESOLVED] if resolved else [])]


def _occasions(definition: RuleDefinition) -> list[object]:
    match definition.on:
        case None:
            return list(definition.statuses or RunStatus)
        case OnDescendant():
            return [(DESCENDANT, status) for status in definition.statuses or RunStatus]
        case OnAlert():
            return [ALERT]
        case _:
            return []
