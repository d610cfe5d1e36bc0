"""Rules, conditions and deliveries in words, in the reader's language."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from runledger.studio.formats import duration, number

Gettext = Callable[[str], str]

_NOTHING_LEFT = re.compile(r"(?<=\w) 0 \w+$|\.0(?= s$)")
_OPERATORS = {"!=": "≠", "<=": "≤", ">=": "≥", "glob": "~", "regex": "~ /", "=~": "~", "!~": "≁"}


def condition_words(condition: Mapping[str, Any], _: Gettext) -> str:
    """A condition: `tag team = vision`."""
    match condition["of"]:
        case "all" | "any" as of:
            return f"({_joined(condition['conditions'], _('and') if of == 'all' else _('or'), _)})"
        case "not":
            return f"{_('not')} {condition_words(condition['condition'], _)}"
        case "child" | "presumed" as of:
            return kind_name(of, _) if condition.get("value", True) else f"{_('not')} {kind_name(of, _)}"
        case "status":
            return _change(condition, _)
        case "series" | "descendants":
            return _counted(condition, _)
        case _:
            return _compared(condition, _)


def _counted(condition: Mapping[str, Any], _: Gettext) -> str:
    least = condition.get("at_least", 1)
    if condition["of"] == "descendants":
        return _("%(least)s failed runs below it") % {"least": least}
    ends = _either(condition.get("status") or ("Failed",), _)
    return _("%(least)s of the last %(last)s runs %(status)s") % {
        "least": least,
        "last": condition["last"],
        "status": ends,
    }


def _compared(condition: Mapping[str, Any], _: Gettext) -> str:
    what = " ".join(filter(None, [kind_name(condition["of"], _), condition.get("key")]))
    if condition.get("operator") == "exists":
        return _("%(what)s is there") % {"what": what}
    if condition["of"] == "duration":
        return f"{what} {_operator(condition)} {span(condition['seconds'])}"
    end = "/" if condition.get("operator") == "regex" else ""
    between = "" if end else " "
    return f"{what} {_operator(condition)}{between}{number(condition.get('value'))}{end}"


def _operator(condition: Mapping[str, Any]) -> str:
    operator = condition.get("operator") or (">=" if condition["of"] == "duration" else "=")
    return _OPERATORS.get(operator, operator)


def _joined(conditions: Sequence[Mapping[str, Any]], word: str, _: Gettext) -> str:
    return f" {word} ".join(condition_words(each, _) for each in conditions)


def _either(statuses: Sequence[str], _: Gettext) -> str:
    return f" {_('or')} ".join(statuses)


def _change(found: Mapping[str, Any], _: Gettext) -> str:
    before, after = _either(found.get("from") or (), _), _either(found.get("to") or (), _)
    if before and after:
        return f"{before} → {after}"
    return after or f"{before} → {_('anything else')}"


def occasion_words(definition: Mapping[str, Any], _: Gettext) -> str:
    """What a rule is about: `Failed or NotResponding`."""
    on = definition.get("on")
    if on is None:
        return _change(definition, _)
    match on["what"]:
        case "alert":
            return _("a script raises an alert (%(level)s or worse)") % {"level": on.get("level", "info")}
        case "descendant":
            return _("a run below it: %(change)s") % {"change": _change(definition, _)}
        case "unfinished":
            return _("not ended %(span)s after it began") % {"span": span(on["seconds"])}
        case "stuck":
            return _("%(status)s for %(span)s") % {
                "status": _either(on["status"], _),
                "span": span(on["seconds"]),
            }
        case _:
            return _("no run completed for %(span)s") % {"span": span(on["seconds"])}


def where_words(definition: Mapping[str, Any], _: Gettext) -> list[str]:
    """Which runs a rule is about, a text for each condition; none if it is about all."""
    found = []
    if definition.get("run_id"):
        found.append(_("run %(id)s") % {"id": definition["run_id"]})
    if definition.get("experiment", "*") != "*":
        found.append(_("experiment %(name)s") % {"name": definition["experiment"]})
    found += [condition_words(each, _) for each in definition.get("conditions") or ()]
    return [*found, _("child runs too")] if definition.get("include_children") else found


def span(seconds: float) -> str:
    """A length of time that somebody chose: 30 min, not 30 min 0 s."""
    return _NOTHING_LEFT.sub("", duration(seconds))


def kind_name(of: str, _: Gettext) -> str:
    """What a kind of condition is called."""
    return {
        "all": _("all of these"),
        "any": _("any of these"),
        "not": _("none of these"),
        "tag": _("tag"),
        "property": _("property"),
        "parameter": _("parameter"),
        "metric": _("metric"),
        "experiment": _("experiment"),
        "run": _("run id"),
        "name": _("run name"),
        "actor": _("person"),
        "run_type": _("type of run"),
        "target": _("compute target"),
        "error_code": _("error code"),
        "error_type": _("type of error"),
        "duration": _("duration"),
        "child": _("a child of another run"),
        "presumed": _("presumed from outside"),
        "status": _("change of status"),
        "series": _("several in a row"),
        "descendants": _("failed runs below it"),
    }.get(of, of)


def field_name(name: str, _: Gettext) -> str:
    """What an input of a condition is called."""
    return {
        "key": _("name"),
        "operator": _("comparison"),
        "value": _("value"),
        "seconds": _("seconds"),
        "to": _("after"),
        "from": _("before"),
        "at_least": _("at least"),
        "last": _("of the last"),
        "status": _("ended so"),
    }.get(name, name)


def choice_name(choice: str, _: Gettext) -> str:
    """What a choice is called."""
    return {
        "exists": _("is there"),
        "glob": _("like (* and ?)"),
        "regex": _("matches (regex)"),
        "true": _("yes"),
        "false": _("no"),
    }.get(choice, _OPERATORS.get(choice, choice))


def delivery_words(delivery: Mapping[str, Any], _: Gettext) -> str:
    """What came of a notification."""
    if "bounced" in delivery:
        return _("came back: the address does not work")
    return {
        "claimed": _("being sent"),
        "sent": _("sent: the mail server took it"),
        "retry": _("refused for now, tried again later"),
        "ambiguous": _("nobody knows: the connection broke, tried again"),
        "rejected": _("refused for good"),
        "dead": _("given up: tried for too long"),
        "suppressed": _("kept back"),
        "digested": _("told in a digest"),
    }.get(str(delivery["state"]), str(delivery["state"]))


def kind_words(kind: str, _: Gettext) -> str:
    """Why a notification was sent."""
    return {
        "fired": _("it happened"),
        "repeated": _("told again"),
        "corrected": _("correction"),
        "resolved": _("it is over"),
        "digest": _("digest"),
        "test": _("test"),
        "template": _("its template failed"),
    }.get(kind, kind)


def not_mailed_words(why: str, _: Gettext) -> str:
    """Why a recipient is not mailed."""
    return {"bounced": _("mails came back"), "unsubscribed": _("unsubscribed")}.get(why, why)


def action_words(action: str, _: Gettext) -> str:
    """What was done to a rule."""
    return {
        "defined": _("made it"),
        "changed": _("changed it"),
        "enabled": _("put it into force"),
        "disabled": _("put it out of force"),
        "deleted": _("deleted it"),
        "tested": _("tested it"),
        "template failed": _("could not use its template"),
    }.get(action, action)


def value_words(named: Sequence[Any], _: Gettext) -> str:
    """What a field of a rule is, for who reads what was changed; `named` is its name and its value."""
    name, value = named
    if name == "conditions":
        return ", ".join(condition_words(each, _) for each in value or ()) or _("none")
    if isinstance(value, Mapping):
        said = {key: each for key, each in value.items() if each not in (None, [], {}, "")}
        return ", ".join(f"{key}: {value_words((key, each), _)}" for key, each in said.items()) or _("none")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _("none") if value is None else str(value)


def words_in(_: Gettext) -> Mapping[str, Callable[[Any], Any]]:
    """What templates say things with."""
    spoken: dict[str, Callable[[Any, Gettext], Any]] = {
        "condition": condition_words,
        "occasion": occasion_words,
        "where": where_words,
        "kind": kind_name,
        "field": field_name,
        "choice": choice_name,
        "delivery": delivery_words,
        "why_sent": kind_words,
        "action": action_words,
        "not_mailed": not_mailed_words,
        "value": value_words,
        "span": lambda seconds, _: span(seconds),
    }
    return {name: partial(_say, say, _) for name, say in spoken.items()}


def _say(say: Callable[[Any, Gettext], Any], _: Gettext, what: Any) -> Any:
    return say(what, _)
