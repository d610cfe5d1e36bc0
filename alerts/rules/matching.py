"""Whether a rule is about what happened to a run, and if not, why not."""

from fnmatch import fnmatchcase

from alerts.rules.conditions import about_run, all_hold, why_not_all
from alerts.rules.transition import Transition
from schemas.rules import OnAlert, OnDescendant, RuleDefinition
from schemas.severities import SEVERITIES
from schemas.statuses import RunStatus


def matches(rule: RuleDefinition, happened: Transition) -> bool:
    """Whether a rule is about it: the same as that `why_not` knows no reason, and faster."""
    return (
        may_match(rule, happened.previous, happened.status)
        and is_about(rule, happened)
        and all_hold(rule.conditions, happened, children=rule.include_children)
    )


def why_not(rule: RuleDefinition, happened: Transition) -> str | None:
    """The first reason why a rule does not match, for a person to read; None if it matches."""
    return (
        why_not_status(rule, happened)
        or why_not_run(rule, happened)
        or why_not_all(rule.conditions, happened, children=rule.include_children)
    )


def may_match(rule: RuleDefinition, previous: RunStatus | None, status: RunStatus) -> bool:
    """Whether a rule is about such a change at all; cheap, before the run is looked at."""
    wanted = rule.statuses
    return (not wanted or status in wanted) and (not rule.from_ or previous in rule.from_)


def is_about(rule: RuleDefinition, happened: Transition) -> bool:
    """Whether a rule is about such runs, before its conditions are looked at."""
    if rule.run_id is not None:
        family = (happened.parent_run_id, happened.root_run_id) if rule.include_children else ()
        if rule.run_id not in (happened.run_id, *family):
            return False
    elif happened.parent_run_id is not None and not rule.include_children:
        return False
    return rule.experiment == "*" or fnmatchcase(happened.experiment, rule.experiment)


def resolves(rule: RuleDefinition, happened: Transition) -> bool:
    """Whether a completed run is one that the rule would have told of, had it ended otherwise."""
    return is_about(rule, happened) and about_run(rule.conditions, happened)


def is_loud_enough(rule: RuleDefinition, happened: Transition) -> bool:
    """Whether what a script raised is of the level that the rule is about, or a higher one."""
    if not isinstance(rule.on, OnAlert) or happened.raised is None:
        return False
    return SEVERITIES.index(happened.raised.level) >= SEVERITIES.index(rule.on.level)


def why_not_status(rule: RuleDefinition, happened: Transition) -> str | None:
    """Why a rule is not about this kind of thing happening."""
    if rule.at_other_times or happened.raised is not None:
        return _why_not_occasion(rule, happened)
    if rule.statuses and happened.status not in rule.statuses:
        return f"it is about runs that become {_or(rule.statuses)}, and this one became {happened.status}"
    if rule.from_ and happened.previous not in rule.from_:
        before = f"was {happened.previous}" if happened.previous else "began so"
        return f"it is about runs that were {_or(rule.from_)} before, and this one {before}"
    return None


def why_not_run(rule: RuleDefinition, happened: Transition) -> str | None:
    """Why a rule is not about this run."""
    if is_about(rule, happened):
        return None
    family = (happened.parent_run_id, happened.root_run_id) if rule.include_children else ()
    if rule.run_id is not None and rule.run_id not in (happened.run_id, *family):
        return f"it is about run {rule.run_id} alone"
    if rule.run_id is None and happened.parent_run_id is not None and not rule.include_children:
        return f"it leaves out child runs, and this is one of {happened.parent_run_id}"
    return f"it is about experiments {rule.experiment}, and this one is in {happened.experiment}"


def _why_not_occasion(rule: RuleDefinition, happened: Transition) -> str | None:
    if happened.raised is None:
        return f"it is about {occasion_of(rule)}, and this is a change of status"
    if not isinstance(rule.on, OnAlert):
        return f"it is about {occasion_of(rule)}, and this was raised by the script"
    if not is_loud_enough(rule, happened):
        return f"it is about alerts of level {rule.on.level} and higher, and this is {happened.raised.level}"
    return None


def occasion_of(rule: RuleDefinition) -> str:
    """What a rule is about, in a few words."""
    match rule.on:
        case None:
            return f"changes to {_or(rule.statuses) or 'any status'}"
        case OnAlert():
            return "alerts that scripts raise"
        case OnDescendant():
            return "runs below another"
        case other:
            return f"runs that are {other.what} for {other.seconds} s"


def _or(statuses: tuple[RunStatus, ...]) -> str:
    return " or ".join(statuses)
