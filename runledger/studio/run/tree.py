"""The runs below a run as rows of a table: small branches are open, large ones wait until somebody wants them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ledger.queries import RunDocument, RunPage, RunQuery

OPEN_UP_TO = 20
"""A run with more children than these is shown closed."""

_PAGE, _ROWS, _DEPTH = 50, 300, 50


@dataclass(frozen=True, slots=True)
class Row:
    """A run below another, `depth` levels below the first; or with `cursor`, that its siblings go on."""

    run: RunDocument
    depth: int
    is_open: bool = False
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows below a run, and that run with its counts (None where it has no children)."""

    rows: list[Row]
    top: RunDocument | None


def branch_of(
    ask: Callable[[RunQuery], RunPage],
    run_id: str,
    depth: int = 0,
    cursor: str | None = None,
    as_of: str | None = None,
) -> Branch:
    """A page of the children of a run, oldest first, with what is below those that have few; or as it was.

    However deep and wide the tree: at most some 300 rows are opened, and nothing is read of the others.
    """
    return _Growing(lambda query: ask(replace(query, as_of=as_of))).grow(run_id, depth, cursor)


class _Growing:
    def __init__(self, ask: Callable[[RunQuery], RunPage]) -> None:
        self._ask = ask
        self._left = _ROWS
        # A stranger's events may say that a run is below itself.
        self._met: set[str] = set()

    def grow(self, run_id: str, depth: int, cursor: str | None = None) -> Branch:
        page = self._ask(_children(run_id, cursor))
        self._met |= {run_id}
        self._left -= len(page.runs)
        rows = list(self._rows(page, depth))
        if page.cursor:
            rows.append(Row({"run_id": run_id}, depth, cursor=page.cursor))
        top = next((each for each in page.parents if each["run_id"] == run_id), None)
        return Branch(rows, top)

    def _rows(self, page: RunPage, depth: int) -> Iterator[Row]:
        for run in page.runs:
            count = run.get("children", {}).get("count", 0)
            is_open = 0 < count <= min(OPEN_UP_TO, self._left) and depth < _DEPTH and run["run_id"] not in self._met
            yield Row(run, depth, is_open)
            if is_open:
                yield from self.grow(run["run_id"], depth + 1).rows


def _children(run_id: str, cursor: str | None) -> RunQuery:
    return RunQuery(
        parent_run_id=run_id,
        include_children=True,
        include_archived=True,
        family=True,
        columns=(),
        order_by="start",
        limit=_PAGE,
        cursor=cursor,
    )
