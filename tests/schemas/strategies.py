"""Events at random: a strategy for every class, made from the types of its fields."""

import enum
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from schemas.events import Encrypted, Event, RunLoggedEvent, Series
from schemas.events.base import Count, Microseconds, Milliseconds, Part, Secret, Sha256, Step, Text
from schemas.events.logged import JsonObject, LoggedValue, LoggedValues, NamedValues
from schemas.limits import NUMBER_DIGITS

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
COUNTS = st.integers(0, 2**63 - 1)
STEPS = st.integers(-(2**63), 2**63 - 1)
MICROSECONDS = st.integers(0, 253_402_300_799_999_999)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**400, 10**401),
    st.floats(),
    TEXTS,
    st.sampled_from(["NaN", '{"$float":"NaN"}', 1, 1.0, True, "1", -0.0, 10**NUMBER_DIGITS - 1]),
)
PLAIN_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
# Annotated types need not be hashable, so this is a list to search.
KNOWN: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Text, TEXTS),
    (Secret, TEXTS),
    (Sha256, st.text("0123456789abcdef", min_size=64, max_size=64)),
    (Count, COUNTS),
    (Step, STEPS),
    (Milliseconds, st.integers(0, 253_402_300_799_999)),
    (Microseconds, MICROSECONDS),
    (LoggedValue, SCALARS),
    (LoggedValues, st.lists(SCALARS, max_size=3)),
    (NamedValues, st.dictionaries(TEXTS, SCALARS, max_size=3)),
    (JsonObject, st.dictionaries(TEXTS, PLAIN_JSON, max_size=3)),
    (Encrypted, st.builds(Encrypted.of, TEXTS, TEXTS, TEXTS)),
    (bool, st.booleans()),
    (int, st.integers(1, 64)),
    (float, st.floats(0, 1e6)),
    (NoneType, st.none()),
]


def events_of(event: type[Event]) -> st.SearchStrategy[Event]:
    """Events of one class, of any content."""
    return batches() if event is RunLoggedEvent else built(event)


def built(part: type[Part]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(part, include_extras=True)
    return st.builds(part, **{name: values_of(hints[name]) for name in part.model_fields})


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    for known, strategy in KNOWN:
        if hint == known:
            return strategy
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Part):
        return series() if hint is Series else built(hint)
    return composed(get_origin(hint), get_args(hint))


def composed(origin: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin in (Union, UnionType):
        return st.one_of([values_of(argument) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(values_of(arguments[0]), max_size=3)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    if origin in (Annotated, ClassVar):
        return values_of(arguments[0])
    raise NotImplementedError(f"no strategy for {origin}[{arguments}]")


@st.composite
def series(draw: st.DrawFn, *, first: int = 0, last: int = 2**63 - 1) -> Series:
    length = draw(st.integers(0, 4))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=length, max_size=length))

    shape: dict[str, Any] = {"values": column(SCALARS)}
    if draw(st.booleans()):
        shape = {"columns": {name: column(SCALARS) for name in draw(st.lists(TEXTS, max_size=2))}}
    return Series(
        name=draw(TEXTS),
        kind=draw(st.sampled_from(["scalar", "list", "row", "table", "of-the-future"])),
        description=draw(st.none() | TEXTS),
        index=column(st.integers(first, last)),
        times=column(MICROSECONDS),
        steps=column(st.none() | STEPS) if draw(st.booleans()) else None,
        **shape,
    )


@st.composite
def batches(draw: st.DrawFn) -> RunLoggedEvent:
    first, last = sorted((draw(COUNTS), draw(COUNTS)))
    return RunLoggedEvent(
        writer=draw(TEXTS),
        first=first,
        last=last,
        series=draw(st.lists(series(first=first, last=last), max_size=2)),
        command=draw(st.none() | TEXTS),
        reason=draw(st.none() | TEXTS | st.builds(Encrypted.of, TEXTS, TEXTS, TEXTS)),
    )
