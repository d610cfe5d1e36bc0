"""What a template may call: filters, tests and methods, none of which can take long or grow large.

Jinja's own set can: `indent(10**9)`, `round(-10**9)`, `replace("", x)`. So the set is ours, and small.
Lists and mappings never become text as a whole, since a list may name one large thing many times.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import Undefined, filters, tests
from markupsafe import Markup

from alerts.templates.budget import TemplateFailedError, fits
from alerts.templates.words import duration, moment, one_line, shown, tail

Filter = Callable[..., Any]
_DIGITS = 30
_SIMPLE = (str, int, float, Undefined)


def _join(items: Iterable[object], separator: str = "") -> str:
    texts = [item if isinstance(item, str) else shown(simple(item)) for item in items]
    fits(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _replace(text: str, old: str, new: str) -> str:
    text = str(text)
    fits(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _round(value: float, digits: int = 0) -> float:
    if abs(digits) > _DIGITS:
        raise TemplateFailedError(f"|round({digits}) is out of range; up to {_DIGITS} digits can be asked for")
    return round(float(value), digits)


def _sorted(items: Iterable[Any], reverse: bool = False) -> list[Any]:
    return sorted(items, key=_order, reverse=reverse)


def _order(item: object) -> tuple[str, object]:
    if isinstance(item, tuple):
        return ("tuple", tuple(map(simple, item)))
    return ("", item) if isinstance(item, int | float) else (type(item).__name__, simple(item))


def _items(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(mapping.items())


def _first_of(items: Iterable[Any], count: int) -> list[Any]:
    return list(items)[: max(0, count)]


def _last_of(items: Iterable[Any], count: int) -> list[Any]:
    return list(items)[-count:] if count > 0 else []


def simple(value: Any) -> Any:
    """The value, which must be a text, a number or nothing; raises TemplateFailedError."""
    if value is None or isinstance(value, _SIMPLE):
        return value
    raise TemplateFailedError(f"a {type(value).__name__} cannot be shown as it is; use a loop, or |join(', ')")


def said(value: Any) -> Any:
    """What an expression puts into the message: nothing for None."""
    if isinstance(value, str):
        return value
    value = simple(value)
    if value is None:
        return ""
    return value if isinstance(value, Undefined) else shown(value)


_FOR_ONE = ("abs", "capitalize", "e", "escape", "float", "int", "lower", "string", "title", "trim", "truncate", "upper")
_FOR_MANY = ("count", "d", "default", "dictsort", "first", "last", "length", "list", "reverse")

FILTERS_FOR_ONE: Mapping[str, Filter] = MappingProxyType(
    {name: filters.FILTERS[name] for name in _FOR_ONE}
    | {
        "duration": duration,
        "moment": moment,
        "replace": _replace,
        "round": _round,
        "short": one_line,
        "shown": shown,
        "tail": tail,
    }
)
"""Every filter for a text or a number, by its name."""

FILTERS_FOR_MANY: Mapping[str, Filter] = MappingProxyType(
    {name: filters.FILTERS[name] for name in _FOR_MANY}
    | {
        "first_of": _first_of,
        "items": _items,
        "join": _join,
        "last_of": _last_of,
        "sort": _sorted,
    }
)
"""Every filter for lists, mappings or anything, by its name."""

_TESTS = (
    "boolean",
    "defined",
    "even",
    "false",
    "float",
    "integer",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
)
TESTS: Mapping[str, Any] = MappingProxyType({name: tests.TESTS[name] for name in _TESTS})
"""Every test by its name."""

_METHODS: Mapping[type, frozenset[str]] = MappingProxyType(
    {
        dict: frozenset({"get", "items", "keys", "values"}),
        str: frozenset({"endswith", "lower", "split", "splitlines", "startswith", "strip", "title", "upper"}),
        Markup: frozenset({"endswith", "lower", "split", "splitlines", "startswith", "strip", "title", "upper"}),
    }
)


def is_allowed_method(function: object) -> bool:
    """Whether a template may call this: a few methods of text and of mappings."""
    return getattr(function, "__name__", None) in _METHODS.get(type(getattr(function, "__self__", None)), frozenset())
