"""A rule that somebody is writing: what stands in the form, right or wrong, and the rule that it describes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData

from runledger.studio.alerts import tree
from runledger.studio.alerts.leaves import typed
from runledger.studio.alerts.tree import Node, Place
from runledger.yaml_text import yaml_of
from schemas.rules import Mistake, RuleDefinition, mistakes_in
from schemas.spans import seconds_of, span_of

FORM, TEXT = "form", "text"
GENERAL = ""
"""The field of what is wrong with the whole."""

# Each input with the place of its value in the definition.
_TEXTS: Mapping[str, Place] = {
    "name": ("name",),
    "experiment": ("experiment",),
    "run_id": ("run_id",),
    "severity": ("severity",),
    "subject": ("templates", "subject"),
    "text": ("templates", "text"),
    "html": ("templates", "html"),
}
_SPANS: Mapping[str, Place] = {
    "wait": ("group", "wait_seconds"),
    "interval": ("group", "interval_seconds"),
    "repeat": ("group", "repeat_seconds"),
    "throttle_span": ("throttle", "seconds"),
    "max_age": ("max_age_seconds",),
    "retry_first": ("retry", "first_seconds"),
    "retry_longest": ("retry", "longest_seconds"),
    "retry_for": ("retry", "max_age_seconds"),
}
_NUMBERS: Mapping[str, Place] = {"repeats": ("group", "repeats"), "mails": ("throttle", "mails")}
_LISTS: Mapping[str, Place] = {"recipients": ("recipients",), "by": ("group", "by")}
OCCASIONS = ("", "alert", "descendant", "unfinished", "stuck", "missing")
_ABOUT_STATUS = frozenset({"", "descendant"})
_WITH_SPAN = frozenset({"unfinished", "stuck", "missing"})


@dataclass
class Draft:
    """`given` is what was typed by field; in the text view `written` is all of it, and the form is not looked at."""

    given: dict[str, list[str]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    view: str = FORM
    written: str = ""
    wrong: dict[str, str] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """What stands in a field."""
        return next(iter(self.given.get(name, ())), "")

    def many(self, name: str) -> list[str]:
        """What is chosen in a field."""
        return self.given.get(name, [])

    def definition(self) -> RuleDefinition | None:
        """The rule; None with `wrong` filled where there is none."""
        content = self.content()
        if content is None or self.wrong:
            return None
        return RuleDefinition.model_validate_json(json.dumps(content))

    def content(self) -> dict[str, Any] | None:
        """The rule as JSON, with what is wrong with it in `wrong`, by field; None where a text is no rule."""
        paths: dict[Place, str] = {}
        if self.view == TEXT:
            found = self._parsed()
            if found is None:
                return None
        else:
            found = self._filled(paths)
        for mistake in mistakes_in(found):
            if not mistake.place and self.wrong:
                continue  # what is wrong with the whole is so because of a part
            self.wrong.setdefault(self._field(mistake, paths), _said(mistake, self.view))
        return found

    def _parsed(self) -> dict[str, Any] | None:
        try:
            found = parsed(self.written)
        except ValueError as error:
            self.wrong["written"] = str(error)
            return None
        return found

    def _field(self, mistake: Mistake, paths: Mapping[Place, str]) -> str:
        """The name of the input that a mistake is beside."""
        if self.view == TEXT:
            return "written"
        node = tree.path_at(mistake.place, paths)
        if node is not None:
            path, name = node
            return f"{path}.{name}" if name else path
        for names in (_TEXTS, _SPANS, _NUMBERS, _LISTS, _OTHERS):
            for name, place in names.items():
                if mistake.place[: len(place)] == place:
                    return name
        return _OF_GROUPS.get(mistake.place[:1], GENERAL)

    def _filled(self, paths: dict[Place, str]) -> dict[str, Any]:
        """What the fields say; what they do not is left to the defaults."""
        on = self.one("on") if self.one("on") in OCCASIONS else ""
        found: dict[str, Any] = {"name": self.one("name"), "recipients": self._list("recipients")}
        for name, place in _TEXTS.items():
            text = self.one(name)
            _put(found, place, text if name in {"text", "html", "subject"} and text.strip() else text.strip() or None)
        found |= {"include_children": bool(self.one("include_children"))}
        if on in _ABOUT_STATUS:
            found |= {"to": self.many("to"), "from": self.many("from")}
            if not self.many("to") and not self.many("from"):
                self.wrong["to"] = _("choose at least one status")
        if on:
            found["on"] = self._occasion(on)
        if self.one("grouped"):
            by = [each.strip() for each in self.one("by").replace("\n", ",").split(",")]
            found["group"] = {"by": list(filter(None, by)), "resolved": bool(self.one("resolved"))}
        if self.one("throttled"):
            found["throttle"] = {"per": self.one("per") or "recipient"}
        for name, place in [*_SPANS.items(), *_NUMBERS.items()]:
            if place[0] not in {"group", "throttle"} or place[0] in found:
                _put(found, place, self._span(name) if name in _SPANS else self._number(name))
        if "throttle" in found:
            found["throttle"].setdefault("mails", None)
        found["conditions"] = tree.conditions_of(self.nodes, ("conditions",), paths)
        return found

    def _occasion(self, on: str) -> dict[str, Any]:
        found: dict[str, Any] = {"what": on}
        if on == "alert":
            found["level"] = self.one("level") or "info"
        if on == "stuck":
            found["status"] = self.many("stuck")
        if on in _WITH_SPAN:
            found["seconds"] = self._span("after")
        return found

    def _list(self, name: str) -> list[str]:
        return [each for line in self.one(name).splitlines() for each in line.replace(",", " ").split()]

    def _span(self, name: str) -> Any:
        text = self.one(name).strip()
        if not text:
            return None
        try:
            return seconds_of(text)
        except ValueError as error:
            self.wrong[name] = str(error)
            return text

    def _number(self, name: str) -> Any:
        text = self.one(name).strip()
        return typed(text) if text else None


_OTHERS: Mapping[str, Place] = {
    "to": ("to",),
    "conditions": ("conditions",),
    "from": ("from",),
    "after": ("on", "unfinished"),
    "level": ("on", "alert"),
    "stuck": ("on", "stuck", "status"),
}
_OF_GROUPS: Mapping[Place, str] = {
    ("on",): "after",
    ("group",): "by",
    ("retry",): "retry_first",
    ("throttle",): "mails",
}


def _said(mistake: Mistake, view: str) -> str:
    if view == TEXT:
        place = ".".join(str(step) for step in mistake.place)
        return f"{place}: {mistake.text}" if place else mistake.text
    return _PLAINLY.get(mistake.kind, mistake.text)


def _(text: str) -> str:
    """Mark a text that templates translate."""
    return text


_PLAINLY = {
    "missing": _("something is missing here"),
    "string_too_short": _("write something here"),
    "too_short": _("name at least one"),
    "int_type": _("write a whole number"),
    "int_parsing": _("write a whole number"),
    "float_type": _("write a number"),
    "literal_error": _("choose one of the list"),
    "enum": _("choose one of the list"),
}
"""What pydantic finds, for who fills in a form."""


def draft_in(form: FormData) -> Draft:
    """What a form sent."""
    given: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            given.setdefault(name, []).append(value.replace("\r\n", "\n"))
    view = TEXT if given.get("view") == [TEXT] else FORM
    return Draft(given, tree.nodes_in(given), view, next(iter(given.get("written", ())), ""))


def draft_of(content: Mapping[str, Any]) -> Draft:
    """The form of a definition in JSON; raises ValueError for what has no form."""
    given: dict[str, list[str]] = {name: _texts(_at(content, place)) for name, place in _TEXTS.items()}
    for name, place in _SPANS.items():
        given[name] = _texts(_at(content, place), span_of)
    given |= {name: _texts(_at(content, place)) for name, place in _NUMBERS.items()}
    given |= {name: ["\n".join(map(str, _at(content, place) or ()))] for name, place in _LISTS.items()}
    given["by"] = [given["by"][0].replace("\n", ", ")]
    on = content.get("on") or {}
    given |= {
        "on": [str(on.get("what", ""))],
        "level": _texts(on.get("level")),
        "stuck": list(map(str, on.get("status", ()))),
        "after": _texts(on.get("seconds"), span_of),
        "to": list(map(str, content.get("to") or ())),
        "from": list(map(str, content.get("from") or ())),
        "include_children": ["yes"] if content.get("include_children") else [],
        "grouped": ["yes"] if content.get("group") else [],
        "resolved": ["yes"] if _at(content, ("group", "resolved")) else [],
        "throttled": ["yes"] if content.get("throttle") else [],
        "per": _texts(_at(content, ("throttle", "per"))),
    }
    return Draft(given, tree.nodes_of(content.get("conditions") or ()))


def parsed(text: str) -> dict[str, Any]:
    """The rule that YAML or JSON describes, not looked at any further; raises ValueError."""
    import yaml  # noqa: PLC0415 - only for who writes it

    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is no YAML: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ValueError("a rule is written as `name: ...`, `recipients: [...]`, and so on, one a line")
    return found


def as_text(content: Mapping[str, Any]) -> str:
    """A definition as YAML, without what it leaves to the defaults."""
    return yaml_of(_without_nothing(content), width=100)


def _without_nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: _without_nothing(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, [], {})}
    return [_without_nothing(each) for each in value] if isinstance(value, list | tuple) else value


def _put(found: dict[str, Any], place: Place, value: Any) -> None:
    if value is None or value == "":
        return
    for step in place[:-1]:
        found = found.setdefault(str(step), {})
    found[str(place[-1])] = value


def _at(content: Mapping[str, Any], place: Place) -> Any:
    found: Any = content
    for step in place:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any, write: Any = str) -> list[str]:
    return [] if value is None else [write(value)]
