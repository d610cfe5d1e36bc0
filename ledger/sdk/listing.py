"""Runs that a question has found: gone through, printed, or taken as a table."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ledger.client import Client
from ledger.queries import ANY_VALUE, RunDocument, RunQuery

if TYPE_CHECKING:
    import pandas  # noqa: ICN001 - for the signature alone
    import polars  # noqa: ICN001

    from ledger.sdk.run import Run

_PAGE = 500
_SHOWN = 20

Pairs = Mapping[str, object] | str | None
"""Conditions on tags or properties: all pairs must match, or one key is there with any value."""


class Runs(Iterator["Run"]):
    """Runs, newest start first; pages are read as they are needed, and again when gone through again."""

    def __init__(self, documents: Callable[[], Iterator[RunDocument]], make: "Callable[[RunDocument], Run]") -> None:
        """Ask `documents` when somebody looks."""
        self._documents = documents
        self._make = make
        self._going: Iterator[Run] | None = None

    def __iter__(self) -> "Iterator[Run]":
        return map(self._make, self._documents())

    def __next__(self) -> "Run":
        if self._going is None:
            self._going = iter(self)
        return next(self._going)

    def __repr__(self) -> str:
        """The first ones (parity H9: printing says which runs, not which generator)."""
        first = [repr(run) for run in islice(self, _SHOWN + 1)]
        return f"[{', '.join([*first[:_SHOWN], '...'] if len(first) > _SHOWN else first)}]"

    def rows(self) -> list[dict[str, Any]]:
        """A flat row a run: tags, properties and parameters are `tags.KEY` and so on."""
        return [_flat(document) for document in self._documents()]

    def to_pandas(self) -> "pandas.DataFrame":
        """The rows as a DataFrame; raises ModuleNotFoundError without pandas."""
        import pandas as pd  # noqa: PLC0415 - only for who asks

        return pd.DataFrame(self.rows())

    def to_polars(self) -> "polars.DataFrame":
        """The rows as a DataFrame; raises ModuleNotFoundError without polars."""
        import polars as pl  # noqa: PLC0415 - only for who asks

        # A parameter may be a number in one run and text in another: then all of them are text.
        return pl.DataFrame(self.rows(), infer_schema_length=None, strict=False)


def pages(client: Client, query: RunQuery) -> Iterator[RunDocument]:
    """Every run that matches."""
    query = replace(query, limit=_PAGE)
    while True:
        page = client.runs(query)
        yield from page.runs
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)


def tag_conditions(wanted: Pairs) -> dict[str, str | None]:
    """What tags must be; raises ValueError for what is neither pairs nor a key."""
    return _conditions("tags", wanted)


def property_conditions(wanted: Pairs) -> dict[str, str]:
    """What properties must be; raises ValueError for what is neither pairs nor a key."""
    return {key: value or "" for key, value in _conditions("properties", wanted).items()}


def _conditions(what: str, wanted: Pairs) -> dict[str, str | None]:
    if wanted is None:
        return {}
    if isinstance(wanted, str):
        return {wanted: ANY_VALUE}
    if isinstance(wanted, Mapping):
        # As they are stored: 1 is the text "1".
        return {key: None if value is None else str(value) for key, value in wanted.items()}
    raise ValueError(f"{what} must be a mapping of pairs or one key, not {type(wanted).__name__}")


def _flat(document: RunDocument) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in document.items():
        if name in {"tags", "properties", "parameters"}:
            row |= {f"{name}.{key}": each for key, each in value.items()}
        elif isinstance(value, str | int | float | bool):
            row[name] = value
    return row
