"""Whether the conditions of a rule hold, and if not, why not."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from alerts.rules.transition import Transition
from schemas.conditions import (
    AllOf,
    AnyCondition,
    AnyOf,
    Condition,
    DescendantsCondition,
    DurationCondition,
    FlagCondition,
    Not,
    SeriesCondition,
    StatusCondition,
    TextCondition,
    holds,
    in_order,
    regex,
)
from schemas.statuses import RunStatus

_SECOND = 1_000
_OF_CHANGE = frozenset(
    {"status", "duration", "series", "metric", "error_code", "error_type", "presumed", "descendants"}
)


def all_hold(conditions: Iterable[AnyCondition], happened: Transition, *, children: bool) -> bool:
    """Whether every condition holds; `children` says whether child runs count among the ends of an experiment."""
    return all(_holds(condition, happened, children) for condition in conditions)


def about_run(conditions: Iterable[AnyCondition], happened: Transition) -> bool:
    """Whether the conditions on the run itself hold, whatever those on its change say."""
    return all(_holds_of_run(condition, happened) is not False for condition in conditions)


def why_not_all(conditions: Iterable[AnyCondition], happened: Transition, *, children: bool) -> str | None:
    """The first condition that does not hold, for a person to read; None if all do."""
    for condition in conditions:
        if not _holds(condition, happened, children):
            return _why(condition, happened, children)
    return None


def _holds(condition: AnyCondition, happened: Transition, children: bool) -> bool:
    match condition:
        case AllOf():
            return all(_holds(each, happened, children) for each in condition.conditions)
        case AnyOf():
            return any(_holds(each, happened, children) for each in condition.conditions)
        case Not():
            return not _holds(condition.condition, happened, children)
        case SeriesCondition():
            return _begins(condition, _ends(happened, children))
        case _:
            return _leaf_holds(condition, happened)


def _leaf_holds(condition: AnyCondition, happened: Transition) -> bool:
    match condition:
        case Condition():
            found = happened.attributes(condition.of)
            there = condition.key in found
            return holds(condition, found[condition.key]) if there else condition.operator == "!="
        case TextCondition():
            return _text_holds(condition, happened.text(condition.of))
        case StatusCondition():
            return _status_holds(condition, happened)
        case DurationCondition():
            duration = happened.duration_ms
            return duration is not None and in_order(duration, condition.operator, condition.seconds * _SECOND)
        case FlagCondition():
            is_child = happened.parent_run_id is not None
            return (is_child if condition.of == "child" else happened.presumed) == condition.value
        case _:
            return isinstance(condition, DescendantsCondition) and happened.failed_descendants >= condition.at_least


def _holds_of_run(condition: AnyCondition, happened: Transition) -> bool | None:
    """As `_holds`, and None where it is for the change to say."""
    match condition:
        case AllOf() | AnyOf():
            found = {_holds_of_run(each, happened) for each in condition.conditions}
            decides = isinstance(condition, AnyOf)
            return decides if decides in found else None if None in found else not decides
        case Not():
            inner = _holds_of_run(condition.condition, happened)
            return None if inner is None else not inner
        case _ if condition.of in _OF_CHANGE:
            return None
        case _:
            return _leaf_holds(condition, happened)


def _text_holds(condition: TextCondition, found: str | None) -> bool:
    match condition.operator:
        case "=":
            return found == condition.value
        case "!=":
            return found != condition.value
        case "glob":
            return found is not None and fnmatchcase(found, condition.value)
        case "regex":
            return found is not None and regex(condition.value).isinstance_python(found)


def _status_holds(condition: StatusCondition, happened: Transition) -> bool:
    to = not condition.to or happened.status in condition.to
    return to and (not condition.from_ or happened.previous in condition.from_)


def _ends(happened: Transition, children: bool) -> Sequence[RunStatus]:
    return happened.all_ends if children else happened.ends


def _begins(condition: SeriesCondition, ends: Sequence[RunStatus]) -> bool:
    """Whether it holds with the last end and did not without it."""
    return _enough(condition, ends) and not _enough(condition, ends[:-1])


def _enough(condition: SeriesCondition, statuses: Sequence[RunStatus]) -> bool:
    return sum(status in condition.status for status in statuses[-condition.last :]) >= condition.at_least


def _why(condition: AnyCondition, happened: Transition, children: bool) -> str | None:
    if isinstance(condition, AllOf):
        return why_not_all(condition.conditions, happened, children=children)
    found = _found(condition, happened, children)
    return f"it wants {condition}" + (f", and the run has {found}" if found else "")


def _found(condition: AnyCondition, happened: Transition, children: bool) -> str:
    """What the run has instead of what a condition wants."""
    match condition:
        case Condition():
            attributes = happened.attributes(condition.of)
            return repr(attributes[condition.key]) if condition.key in attributes else f"no such {condition.of}"
        case TextCondition():
            return repr(happened.text(condition.of))
        case DurationCondition():
            return "no duration" if happened.duration_ms is None else f"{happened.duration_ms / _SECOND:g} s"
        case DescendantsCondition():
            return str(happened.failed_descendants)
        case SeriesCondition():
            return f"these before it: {', '.join(_ends(happened, children)[-condition.last - 1 :]) or 'none'}"
        case _:
            return ""
