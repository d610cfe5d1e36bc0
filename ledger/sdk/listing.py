"""Runs that a question has found: gone through, printed, or taken as a table."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypedDict

from ledger.client import Client
from ledger.queries import ANY_VALUE, Moment, RunDocument, RunQuery, moment_text
from ledger.sdk.tables import Tabular, arrow_of, library

if TYPE_CHECKING:
    import pandas  # noqa: ICN001 - for the signature alone
    import polars  # noqa: ICN001
    import pyarrow  # noqa: ICN001

    from ledger.sdk.run import Run

_PAGE = 500
_SHOWN = 20

Pairs = Mapping[str, object] | str | None
"""Conditions on tags or properties: all pairs must match, or one key is there with any value."""


class RunConditions(TypedDict, total=False):
    """The conditions of `Experiment.runs`, by name."""

    type: str | None
    tags: Pairs
    properties: Pairs
    include_children: bool
    status: str | None
    search: str | None
    order_by: str | None
    started_from: datetime | None
    started_before: datetime | None
    as_of: Moment | None


class Runs(Tabular, Iterator["Run"]):
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

    def to_arrow(self) -> "pyarrow.Table":
        """The rows as a table of Arrow; raises ModuleNotFoundError, which says what to install."""
        return arrow_of(self.rows())

    def to_pandas(self) -> "pandas.DataFrame":
        """The rows as a DataFrame; raises ModuleNotFoundError, which says what to install."""
        found: pandas.DataFrame = library("pandas").DataFrame(self.rows())
        return found

    def to_polars(self) -> "polars.DataFrame":
        """The rows as a DataFrame; raises ModuleNotFoundError, which says what to install."""
        # A parameter may be a number in one run and text in another: then all of them are text.
        found: polars.DataFrame = library("polars").DataFrame(self.rows(), infer_schema_length=None, strict=False)
        return found


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


def run_query(  # noqa: PLR0913 - conditions, each by its name
    experiment: str | None,
    *,
    type: str | None = None,  # noqa: A002 - as in `get_runs`
    tags: Pairs = None,
    properties: Pairs = None,
    include_children: bool = False,
    status: str | None = None,
    search: str | None = None,
    order_by: str | None = None,
    started_from: datetime | None = None,
    started_before: datetime | None = None,
    as_of: Moment | None = None,
) -> RunQuery:
    """The conditions of `Experiment.runs` as a question."""
    return RunQuery(
        experiment=experiment,
        run_type=type,
        statuses=[status] if status else (),
        tags=tag_conditions(tags),
        properties=property_conditions(properties),
        include_children=include_children,
        search=search,
        order_by=order_by,
        started_from=None if started_from is None else started_from.astimezone().isoformat(),
        started_before=None if started_before is None else started_before.astimezone().isoformat(),
        as_of=moment_text(as_of),
    )


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
