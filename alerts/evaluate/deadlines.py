"""Deadlines: runs that do not end, that are stuck in a status, and experiments in which nothing completes.

A deadline that is noticed in time is told of. One that is noticed late fell into a time in which
nobody wrote to the log that would have shown it (the servers were down, a laptop slept, a clock
jumped): what ended meanwhile may not have been reported yet, so it is put off once by a grace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from alerts.evaluate.timers import Timers
from alerts.evaluate.unended import Attempt, Moment, Unended
from alerts.rules.in_force import Rule
from alerts.rules.index import Placed
from schemas.rules import OnMissing, OnStuck, OnUnfinished, RuleDefinition

LATE_MS = 30_000
"""A deadline noticed later than this was noticed late."""

GRACE_MS = 60_000
"""How long the log is given to catch up with what happened while nobody wrote to it."""

_SECOND = 1_000
_CACHED = 10_000
_ANY = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Deadline:
    """What becomes due: of a rule, about a run, or about an experiment."""

    rule: str
    about: str
    of_experiment: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """A deadline that has passed: what it was measured from, and when it passed."""

    rule: Rule
    definition: RuleDefinition
    deadline: Deadline
    since: Moment
    at: int


class Deadlines:
    """Every deadline that is running."""

    def __init__(self, timers: Timers, unended: Unended, *, punctual: bool = False) -> None:
        """None; with `punctual` every deadline counts as noticed in time."""
        self._timers = timers
        self._unended = unended
        self._punctual = punctual
        self._rules: dict[str, Placed] = {}
        self._running: dict[Deadline, Moment] = {}
        self._of: dict[str, dict[Deadline, None]] = {}
        self._put_off: set[Deadline] = set()
        self._passed: dict[str, dict[Deadline, int]] = {}
        self._watched: dict[str, set[str]] = {}
        self._cached: dict[str, list[Placed]] = {}

    def set_rule(self, rule_id: str, rule: Rule | None, moment: Moment) -> None:
        """Note what a rule is from this moment on; None or one out of force has no deadlines."""
        for deadline in list(self._of.get(_rule_key(rule_id), ())):
            self._cancel(deadline)
        changed = self._rules.pop(rule_id, None) is not None
        self._watched.pop(rule_id, None)
        definition = rule.definition if rule is not None and rule.enabled else None
        if rule is not None and definition is not None and _has_deadline(definition):
            self._rules[rule_id] = rule, definition
            changed = True
            self._begin(rule, definition, moment)
        if changed:
            self._cached.clear()

    def moved(self, attempt: Attempt, moment: Moment, *, began: bool) -> list[Deadline]:
        """An attempt under way began, or changed its status; the answer is the deadlines that it makes good for."""
        over: list[Deadline] = []
        if not self._rules:
            return over
        for rule, definition in self._about(attempt.experiment):
            match definition.on:
                case OnUnfinished(seconds=seconds) if began and _may_be_about(definition, attempt):
                    self._set(Deadline(rule.id, attempt.run_id), moment, seconds)
                case OnStuck(seconds=seconds) as stuck if _may_be_about(definition, attempt):
                    deadline = Deadline(rule.id, attempt.run_id)
                    self._cancel(deadline)
                    if attempt.status in stuck.status:
                        self._set(deadline, moment, seconds)
                    elif self._passed.get(attempt.run_id, {}).pop(deadline, None) is not None:
                        over.append(deadline)
                case OnMissing(seconds=seconds) if began and _may_be_about(definition, attempt):
                    watched = self._watched.setdefault(rule.id, set())
                    if attempt.experiment not in watched:
                        watched.add(attempt.experiment)
                        self._set(Deadline(rule.id, attempt.experiment, of_experiment=True), moment, seconds)
                case _:
                    pass
        return over

    def ended(self, run_id: str) -> list[Deadline]:
        """An attempt is under way no more; the answer is the deadlines of it that had passed."""
        for deadline in list(self._of.get(_run_key(run_id), ())):
            self._cancel(deadline)
        return list(self._passed.pop(run_id, ()))

    def wanted(self, experiment: str) -> Iterator[Placed]:
        """The rules that wait for a run of an experiment to complete."""
        if self._rules:
            for rule, definition in self._about(experiment):
                if isinstance(definition.on, OnMissing):
                    yield rule, definition

    def met(self, rule: Rule, definition: RuleDefinition, experiment: str, moment: Moment) -> None:
        """A run that the rule waits for completed; from here on it waits for the next."""
        if isinstance(definition.on, OnMissing):
            self._watched.setdefault(rule.id, set()).add(experiment)
            self._set(Deadline(rule.id, experiment, of_experiment=True), moment, definition.on.seconds)

    def due(self, deadline: Deadline, at: int, now: int) -> Passed | None:
        """What a deadline means that is due at a moment and noticed at `now`; None if it was put off."""
        since, (rule, definition) = self._running[deadline], self._rules[deadline.rule]
        if now - at > LATE_MS and not self._punctual and deadline not in self._put_off:
            self._put_off.add(deadline)
            self._timers.set(deadline, now + GRACE_MS)
            return None
        self._cancel(deadline)
        if not deadline.of_experiment:
            self._passed.setdefault(deadline.about, {})[deadline] = since.position
        return Passed(rule, definition, deadline, since, at)

    def __len__(self) -> int:
        return len(self._running)

    def _begin(self, rule: Rule, definition: RuleDefinition, moment: Moment) -> None:
        """A rule came into force: it is about what runs already too, but about nothing that is over."""
        if isinstance(definition.on, OnMissing):
            if not _ANY & set(definition.experiment):
                self.met(rule, definition, definition.experiment, moment)
            return
        for attempt in self._unended:
            if fnmatchcase(attempt.experiment, definition.experiment) and _may_be_about(definition, attempt):
                deadline = Deadline(rule.id, attempt.run_id)
                match definition.on:
                    case OnUnfinished(seconds=seconds):
                        self._set(deadline, attempt.began, seconds, not_before=moment.recorded_at)
                    case OnStuck(seconds=seconds) as stuck if attempt.status in stuck.status:
                        self._set(deadline, attempt.changed, seconds, not_before=moment.recorded_at)
                    case _:
                        pass

    def _about(self, experiment: str) -> list[Placed]:
        found = self._cached.get(experiment)
        if found is None:
            if len(self._cached) >= _CACHED:
                self._cached.clear()
            found = [placed for placed in self._rules.values() if fnmatchcase(experiment, placed[1].experiment)]
            found.sort(key=lambda placed: placed[0].since)
            self._cached[experiment] = found
        return found

    def _set(self, deadline: Deadline, since: Moment, seconds: int, *, not_before: int = 0) -> None:
        self._cancel(deadline)
        if self._passed.get(deadline.about, {}).get(deadline) == since.position:
            return  # told already, whatever was done to the rule since
        self._running[deadline] = since
        for key in _keys(deadline):
            self._of.setdefault(key, {})[deadline] = None
        self._timers.set(deadline, max(since.recorded_at + seconds * _SECOND, not_before))

    def _cancel(self, deadline: Deadline) -> None:
        if self._running.pop(deadline, None) is None:
            return
        self._timers.cancel(deadline)
        self._put_off.discard(deadline)
        for key in _keys(deadline):
            of = self._of[key]
            del of[deadline]
            if not of:
                del self._of[key]


def _has_deadline(definition: RuleDefinition) -> bool:
    return isinstance(definition.on, OnUnfinished | OnStuck | OnMissing)


def _may_be_about(definition: RuleDefinition, attempt: Attempt) -> bool:
    """Whether a rule may be about an attempt, as far as is known here."""
    if definition.run_id is None:
        return definition.include_children or not attempt.is_child
    return definition.run_id == attempt.run_id or (definition.include_children and attempt.is_child)


def _keys(deadline: Deadline) -> list[str]:
    rule = _rule_key(deadline.rule)
    return [rule] if deadline.of_experiment else [rule, _run_key(deadline.about)]


def _rule_key(rule_id: str) -> str:
    return f"rule {rule_id}"


def _run_key(run_id: str) -> str:
    return f"run {run_id}"
