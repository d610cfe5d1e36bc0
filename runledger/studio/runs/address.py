"""The address of a list is the view: filters, search, order and columns, each a part of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from ledger.filters import Filter, Operator, split
from ledger.queries import COLUMN_KINDS, RunQuery

USUAL_COLUMNS = ("status", "experiment", "started", "duration", "submitter", "tags")
PLAIN_COLUMNS = (*USUAL_COLUMNS, "description", "ended", "run_id", "run_type", "target", "parameters", "children")
"""Columns without a key; the name of the run always comes first."""

_SORTED_BY = {
    "started": "start",
    "ended": "end",
    "duration": "duration",
    "status": "status",
    "experiment": "experiment",
}
_PAGE, _STEPS = 50, 20
_WITHIN = 30_000
"""So many runs are looked at for a page that few match: the next page comes by itself, and goes on from there."""


@dataclass(frozen=True, slots=True)
class ListAddress:
    """What a list of runs shows; `columns` are those beside the name, in their order."""

    path: str
    filters: tuple[Filter, ...] = ()
    search: str = ""
    order_by: str = ""
    columns: tuple[str, ...] = USUAL_COLUMNS
    include_children: bool = False
    include_archived: bool = False
    cursor: str = ""
    view: str = ""
    as_of: str = ""
    step: int = 1
    fixed: tuple[Filter, ...] = field(default=(), repr=False)
    """Conditions of the page itself, such as its experiment."""

    @classmethod
    def parse(cls, path: str, asked: QueryParams, fixed: Sequence[Filter] = ()) -> Self:
        """Read an address; raises InvalidNameError, which names the part that is none."""
        hidden = {chip.field for chip in fixed}
        return cls(
            path=path,
            filters=_filters(asked),
            search=asked.get("search", "").strip(),
            order_by=asked.get("order_by", ""),
            columns=_columns(asked) or tuple(each for each in USUAL_COLUMNS if each not in hidden),
            include_children=asked.get("include_children") == "true",
            include_archived=asked.get("include_archived") == "true",
            cursor=asked.get("cursor", ""),
            view=asked.get("view", ""),
            as_of=asked.get("as_of", "").strip(),
            step=int(asked["step"]) if asked.get("step", "").isdecimal() else 1,
            fixed=tuple(fixed),
        )

    def query(self) -> RunQuery:
        """The question."""
        return RunQuery(
            filters=(*self.fixed, *self.filters),
            search=self.search or None,
            order_by=self.order_by or None,
            include_children=self.include_children,
            include_archived=self.include_archived,
            columns=self._keyed(),
            family=True,
            count=not self.cursor,
            limit=_PAGE,
            cursor=self.cursor or None,
            within=_WITHIN,
            as_of=self.as_of or None,
        )

    def _keyed(self) -> list[str]:
        """What documents must have; the column of all tags shows all of them."""
        named = [each for each in self.columns if each.partition(".")[0] in COLUMN_KINDS]
        every = {"tags": "tag.*", "parameters": "parameter.*"}
        return named + [pattern for column, pattern in every.items() if column in self.columns]

    def parts(self) -> list[tuple[str, str]]:
        """The parts of the address, without the cursor."""
        given = [("filter", str(chip)) for chip in self.filters]
        given += [("search", self.search)] if self.search else []
        given += [("order_by", self.order_by)] if self.order_by else []
        given += [("column", each) for each in self.columns] if self.columns != self._usual() else []
        given += [("include_children", "true")] if self.include_children else []
        given += [("include_archived", "true")] if self.include_archived else []
        given += [("as_of", self.as_of)] if self.as_of else []
        return given + ([("view", self.view)] if self.view else [])

    def _usual(self) -> tuple[str, ...]:
        hidden = {chip.field for chip in self.fixed}
        return tuple(each for each in USUAL_COLUMNS if each not in hidden)

    def kept(self) -> str:
        """What a saved view holds: the parts of the whole question, as the API and the command line read them too."""
        whole = replace(self, filters=(*self.fixed, *self.filters), fixed=(), view="", as_of="")
        return urlencode(whole.parts())

    def to(self, **changed: Any) -> str:
        """The address with something changed, at its first page unless a cursor is given."""
        other = replace(self, **({"cursor": ""} | changed))
        parts = other.parts() + ([("cursor", other.cursor), ("step", str(self.step + 1))] if other.cursor else [])
        return f"{quote(self.path)}?{urlencode(parts)}" if parts else quote(self.path)

    @property
    def loads_by_itself(self) -> bool:
        """Whether the next page comes as soon as the end is seen: a list does not grow without end."""
        return self.step % _STEPS > 0

    def without(self, chip: Filter) -> str:
        """The address without one of its filters."""
        return self.to(filters=tuple(each for each in self.filters if each != chip))

    def with_chip(self, text: str) -> str:
        """The address with one more filter, such as that of a tag that is clicked."""
        chip = Filter.parse(text)
        return self.to(filters=self.filters if chip in self.filters else (*self.filters, chip))

    def sorted_by(self, column: str) -> str | None:
        """The address ordered by a column, the other way round if it is already; None if nothing is ordered by it."""
        keyed = column.partition(".")[0] in COLUMN_KINDS
        order = _SORTED_BY.get(column, column if keyed else None)
        if order is None:
            return None
        return self.to(order_by=order if self.order_by == f"-{order}" else f"-{order}")

    def direction(self, column: str) -> str:
        """Whether and how a column is ordered, in the words of `aria-sort`."""
        order = _SORTED_BY.get(column, column)
        usual = not self.order_by and column == "started"
        if usual or self.order_by == f"-{order}":
            return "descending"
        return "ascending" if self.order_by == order else "none"

    def fields(self, *without: str) -> Iterable[tuple[str, str]]:
        """The parts as hidden fields of a form, save those that the form itself has."""
        return [(name, value) for name, value in self.parts() if name not in without]


def _filters(asked: QueryParams) -> tuple[Filter, ...]:
    """The chips; an experiment and statuses may be named without, as the API has them."""
    chips = [Filter.parse(text) for text in asked.getlist("filter") if text]
    for name in ("experiment", "status"):
        values = tuple(value for value in asked.getlist(name) if value)
        chips += [Filter(name, Operator.IS, values)] if values else []
    return tuple(dict.fromkeys(chips))


def _columns(asked: QueryParams) -> tuple[str, ...]:
    named = [*asked.getlist("column"), *split(asked.get("columns", ""))]
    return tuple(dict.fromkeys(each for each in named if each))


def chip_of(kind: str, key: str, value: object) -> str:
    """The filter that finds what has a tag, property or parameter; None for a bare tag."""
    if value is None:
        return str(Filter(kind, Operator.HAS_KEY, (), key))
    return str(Filter(kind, Operator.IS, (str(value),), key))
