"""How many runs have what: counted where lists are chosen from, so that nothing counts runs when it is asked."""

from collections import Counter
from collections.abc import Iterable, Mapping

from ledger.errors import InvalidNameError, LimitExceededError
from ledger.queries import KEY_KINDS, KEYS_AT_ONCE, VALUE_KINDS, KeyQuery, Named
from projections.connection import Connection
from projections.runs.attributes import Attribute
from projections.sql import marks, upper
from schemas.limits import UNSTORABLE

WORKSPACE = ""
_LONGEST_VALUE = 200
_UNCOUNTED = frozenset({"parent_run_id", "root_run_id", "top-level", "archived"})
_SELECT = """SELECT {column}, runs FROM facets WHERE scope = ? AND kind = ?{key}
AND {column} >= ?{end} ORDER BY {column} LIMIT ?"""


def of_experiment(name: str) -> str:
    """The scope of an experiment's runs."""
    return f"experiment:{name}"


def of_parent(run_id: str) -> str:
    """The scope of a run's children."""
    return f"parent:{run_id}"


class FacetCounts:
    """How many runs more, or fewer, have what: long values are not counted, nobody chooses from them."""

    def __init__(self) -> None:
        """Nothing has changed yet."""
        self._scopes: dict[str, Counter[Attribute]] = {}

    def count(self, attributes: Iterable[Attribute], experiment: str, parent: str | None, by: int) -> None:
        """Count a run that has these facts, or with -1 one that has them no more."""
        counted = [each for each in attributes if each[0] not in _UNCOUNTED and len(each[2]) <= _LONGEST_VALUE]
        self._count(WORKSPACE, counted, by)
        self._count(of_experiment(experiment), counted, by)
        if parent is not None:
            self._count(of_parent(parent), [each for each in counted if each[0] == "status"], by)

    def changed(self) -> list[tuple[str, str, str, str, int]]:
        """Each facet that more or fewer runs have, in the order of the table: scope, kind, key, value, how many."""
        scopes = sorted(self._scopes.items())
        return [(scope, *each, by) for scope, counts in scopes for each, by in sorted(counts.items()) if by]

    def _count(self, scope: str, attributes: list[Attribute], by: int) -> None:
        counts = self._scopes.get(scope)
        if counts is None:
            counts = self._scopes[scope] = Counter()
        if by > 0:
            counts.update(attributes)
        else:
            counts.subtract(attributes)


def statuses_of(connection: Connection, scopes: Iterable[str]) -> Mapping[str, dict[str, int]]:
    """How many runs of each status each of these scopes has; those without runs are absent."""
    wanted, found = [*scopes], dict[str, dict[str, int]]()
    if wanted:
        select = f"SELECT scope, value, runs FROM facets WHERE scope IN ({marks(wanted)}) AND kind = 'status'"
        for scope, value, runs in connection.execute(f"{select} ORDER BY scope, value", wanted):
            found.setdefault(scope, {})[value] = runs
    return found


def find_names(connection: Connection, query: KeyQuery) -> list[Named]:
    """Keys or values that begin like something, by name.

    Raises:
        InvalidNameError: there are no keys or values of this kind.
        LimitExceededError: too many are asked for.
    """
    check(query)
    if any(UNSTORABLE.search(text or "") for text in (query.key, query.prefix, query.experiment, query.after)):
        return []
    scope = WORKSPACE if query.experiment is None else of_experiment(query.experiment)
    keys = query.key is None and query.kind in KEY_KINDS
    column, end = "key" if keys else "value", upper(query.prefix)
    select = _SELECT.format(
        column=column, key="" if keys else " AND key = ?", end="" if end is None else f" AND {column} < ?"
    )
    if query.after is not None:
        select = select.replace(" ORDER", f" AND {column} > ? ORDER")
    asked = [scope, f"{query.kind} key" if keys else query.kind, *([] if keys else [query.key or ""]), query.prefix]
    asked += [text for text in (end, query.after) if text is not None]
    return [Named(*row) for row in connection.execute(select, [*asked, query.limit])]


def check(query: KeyQuery) -> None:
    """Raise unless there are names of this kind, and so many may be asked for."""
    if not 1 <= query.limit <= KEYS_AT_ONCE:
        raise LimitExceededError(f"1 to {KEYS_AT_ONCE} names are read at a time, not {query.limit}")
    if query.key is None and query.kind not in (*KEY_KINDS, *VALUE_KINDS):
        raise InvalidNameError(f"there is nothing to choose by {query.kind!r}; by {', '.join(KEY_KINDS + VALUE_KINDS)}")
    if query.key is not None and query.kind not in KEY_KINDS[:3]:
        raise InvalidNameError(
            f"keys of {query.kind!r} have no values to choose; those of {', '.join(KEY_KINDS[:3])} do"
        )
