"""Filter chips: a field, how it is compared, and values; each is one text, so that an address can hold it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ledger.errors import InvalidNameError
from schemas.limits import UNSTORABLE
from schemas.statuses import RunStatus

FILTERS = 30
"""The most chips of one question."""

FILTER_VALUES = 50
"""The most values of one chip."""


class Operator(StrEnum):
    """How a field is compared; `is` with several values means one of them."""

    IS = "is"
    IS_NOT = "is-not"
    HAS_KEY = "has-key"
    STARTS_WITH = "starts-with"
    ABOVE = ">"
    BELOW = "<"
    BETWEEN = "between"


_EQUAL = (Operator.IS, Operator.IS_NOT)
_TEXT = (*_EQUAL, Operator.STARTS_WITH)
_RANGE = (Operator.ABOVE, Operator.BELOW, Operator.BETWEEN)

OPERATORS: dict[str, tuple[Operator, ...]] = {
    "status": _EQUAL,
    "experiment": _TEXT,
    "submitter": _TEXT,
    "name": _TEXT,
    "run_id": _TEXT,
    "run_type": _TEXT,
    "target": _TEXT,
    "created": _RANGE,
    "started": _RANGE,
    "ended": _RANGE,
    "duration": _RANGE,
}
"""The fields of a run, and how each can be compared."""

KEYED_OPERATORS: dict[str, tuple[Operator, ...]] = {
    "tag": (*_TEXT, Operator.HAS_KEY),
    "property": (*_TEXT, Operator.HAS_KEY),
    "parameter": (*_TEXT, *_RANGE, Operator.HAS_KEY),
    "metric": (*_EQUAL, *_RANGE, Operator.HAS_KEY),
}
"""The fields that have a key, such as `tag.team`, and how each can be compared."""

MOMENTS = ("created", "started", "ended")

_ALIASES = {"in": "is", "is not": "is-not", "not": "is-not", "has key": "has-key", "starts with": "starts-with"}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MICROSECOND = 1_000_000
_LONGEST = 10**10
_ONE_EACH = {Operator.HAS_KEY: 0, Operator.STARTS_WITH: 1, Operator.ABOVE: 1, Operator.BELOW: 1, Operator.BETWEEN: 2}


@dataclass(frozen=True, slots=True)
class Filter:
    """One chip; all chips of a question must hold. `is-not` holds for a run without the key, too.

    `between` includes both ends, `>` and `<` exclude theirs. Numbers of parameters and metrics
    are compared as numbers, all else as text, names in any case of letters; a metric counts by its
    last value. Moments are in ISO 8601, durations in seconds or such as 90s, 5m, 2h, 1d.
    """

    field: str
    operator: Operator
    values: tuple[str, ...] = ()
    key: str = ""

    def __post_init__(self) -> None:
        """Raise InvalidNameError, which names the chip and the way out, unless it can be asked for."""
        _check(self)

    @classmethod
    def parse(cls, text: str) -> "Filter":
        r"""Read a chip such as `tag.team:is:vision,speech`; `\` goes before a `:` in a key and a `,` in a value.

        Raises:
            InvalidNameError: it is no chip.
        """
        name, operator, values = _parted(text)
        field, _, key = name.partition(".")
        word = _ALIASES.get(operator, operator)
        if word not in set(Operator):
            raise InvalidNameError(
                f"filter {text[:200]!r}: {operator[:40]!r} compares nothing; write FIELD:OPERATOR:VALUES, such as "
                f"tag.team:is:vision,speech, with one of {', '.join(Operator)}"
            )
        return cls(field, Operator(word), tuple(split(values)) if values is not None else (), key)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        name = f"{self.field}.{escaped(self.key, ':')}" if self.key else self.field
        return ":".join([name, self.operator, *([joined(self.values)] if self.values else [])])

    @property
    def name(self) -> str:
        """The field with its key, such as `metric.loss`."""
        return f"{self.field}.{self.key}" if self.key else self.field


def split(text: str) -> list[str]:
    r"""The parts of a text between commas; `\` goes before a comma that parts nothing."""
    parts, part, quoted = list[str](), "", False
    for character in text:
        if quoted or character not in "\\,":
            part, quoted = part + character, False
        elif character == "\\":
            quoted = True
        else:
            parts, part = [*parts, part], ""
    return [*parts, part + ("\\" if quoted else "")]


def joined(parts: Sequence[str]) -> str:
    """The text whose parts `split` gives."""
    return ",".join(escaped(part, ",") for part in parts)


def escaped(text: str, mark: str) -> str:
    r"""A text with `\` before each mark and each `\`."""
    return text.replace("\\", "\\\\").replace(mark, f"\\{mark}")


def number_of(text: str) -> float | int | None:
    """The number that a text is; None if it is none."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdecimal() and len(text) <= 18 else float(text)  # noqa: PLR2004 - fits 64 bits


def microseconds_of(text: str) -> int:
    """A moment in ISO 8601, in UTC unless it names a zone, in microseconds since 1970; raises InvalidNameError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidNameError(f"{text!r} is no moment; write it as 2026-11-25 or 2026-11-25T08:30:00+01:00") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * _MICROSECOND)


def duration_of(text: str) -> int:
    """A duration such as 90, 90s, 5m, 2h or 1d in microseconds; raises InvalidNameError."""
    found = _DURATION.fullmatch(text)
    seconds = float(found[1]) * _SECONDS[found[2]] if found else _LONGEST
    if seconds >= _LONGEST:
        raise InvalidNameError(f"{text[:40]!r} is no duration; write seconds, or such as 90s, 5m, 2h, 1d")
    return int(seconds * _MICROSECOND)


def _parted(text: str) -> tuple[str, str, str | None]:
    """The name, the operator and what stands behind it."""
    name, place = "", 0
    while place < len(text) and text[place] != ":":
        place += text[place] == "\\"
        name += text[place : place + 1]
        place += 1
    operator, colon, values = text[place + 1 :].partition(":")
    return name, operator, values if colon else None


def _check(chip: Filter) -> None:
    known = KEYED_OPERATORS.get(chip.field) if chip.key else OPERATORS.get(chip.field)
    if known is None:
        names = ", ".join([*OPERATORS, *(f"{name}.KEY" for name in KEYED_OPERATORS)])
        raise _refused(chip, f"runs have no field {chip.name!r}; they have {names}")
    if chip.operator not in known:
        raise _refused(chip, f"{chip.name} cannot be compared by {str(chip.operator)!r}; it can by {', '.join(known)}")
    wanted = _ONE_EACH.get(chip.operator)
    if (not chip.values) if wanted is None else len(chip.values) != wanted:
        many = "one value or more, with commas between them" if wanted is None else f"{wanted} values, not so many"
        raise _refused(chip, f"{str(chip.operator)!r} takes {'no value' if wanted == 0 else many}")
    if len(chip.values) > FILTER_VALUES:
        raise _refused(chip, f"a filter takes at most {FILTER_VALUES} values")
    if any(map(UNSTORABLE.search, (chip.key, *chip.values))):
        raise _refused(chip, "no text of a run holds a NUL or half of a surrogate pair")
    _check_values(chip)


def _check_values(chip: Filter) -> None:
    try:
        for value in chip.values:
            if chip.field in MOMENTS:
                microseconds_of(value)
            elif chip.field == "duration":
                duration_of(value)
            elif chip.field == "metric" or chip.operator in _RANGE:
                _check_number(value)
            elif chip.field == "status" and value not in set(RunStatus):
                raise InvalidNameError(f"{value!r} is no status; there are {', '.join(RunStatus)}")  # noqa: TRY301
    except (InvalidNameError, OverflowError, OSError) as error:
        raise _refused(chip, str(error)) from error


def _check_number(value: str) -> None:
    if number_of(value) is None:
        raise InvalidNameError(f"{value[:40]!r} is no number; write it as 0.5 or 1e-3")


def _refused(chip: Filter, why: str) -> InvalidNameError:
    return InvalidNameError(f"filter {str(chip)[:200]!r}: {why}")
