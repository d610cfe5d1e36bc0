"""Words of the command line as conditions and pairs."""

from collections.abc import Iterable

import click

from ledger.queries import ANY_VALUE
from schemas.statuses import RunStatus

Pair = tuple[str, str | None]
WrittenPair = tuple[str, str]

PAIR = "KEY[=VALUE]"
WRITTEN_PAIR = "KEY=VALUE"
STATUS = click.Choice([str(status) for status in RunStatus], case_sensitive=False)


def pair(text: str) -> Pair:
    """A key and its value, split at the first `=`; None where there is no `=`.

    Raises:
        BadParameter: there is no key.
    """
    key, equals, value = text.partition("=")
    if not key:
        raise click.BadParameter(f"{text!r} has no key; write {PAIR}")
    return key, value if equals else None


def written_pair(text: str) -> WrittenPair:
    """A key and its value, split at the first `=`; the value may be empty.

    Raises:
        BadParameter: there is no key, or no `=`.
    """
    key, value = pair(text)
    if value is None:
        raise click.BadParameter(f"{text!r} has no value; write {WRITTEN_PAIR}")
    return key, value


def once_each(pairs: Iterable[WrittenPair]) -> dict[str, str]:
    """Pairs by key.

    Raises:
        UsageError: a key is given twice with two values.
    """
    found: dict[str, str] = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise click.UsageError(f"{key!r} is given twice, with two values")
    return found


def conditions(pairs: Iterable[Pair], option: str) -> dict[str, str]:
    """What each key must be; a key alone may have any value.

    Raises:
        UsageError: a key is given twice with two values, which no run can have.
    """
    wanted: dict[str, str] = {}
    for key, value in pairs:
        condition = ANY_VALUE if value is None else value
        if wanted.setdefault(key, condition) != condition:
            raise click.UsageError(f"{option} {key!r} is given twice, and no run has two values for it")
    return wanted
