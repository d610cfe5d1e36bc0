"""`--query`: JMESPath over a result, and what of it the ledger can answer itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import jmespath
from click import UsageError
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from ledger.queries import RunDocument, RunQuery
from schemas.statuses import RunStatus

Node = Any
"""A node of the parsed expression: its type, its children, and a value where it has one."""

_IDENTITY: Node = {"type": "identity", "children": []}
# Through these the first child is what the rest works on, so the list at its end is the whole input.
_THROUGH_FIRST = frozenset({"pipe", "subexpression", "index_expression", "projection", "flatten", "filter_projection"})
# Fields of a document that a query knows by the same name.
_ALIKE = frozenset({"target", "run_type", "parent_run_id", "root_run_id"})
_EXPERIMENT = frozenset({"experiment_name", "_experiment_name"})


@dataclass(frozen=True, slots=True)
class Query:
    """A JMESPath expression that can be read."""

    text: str
    tree: Node

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            return cls(text, jmespath.compile(text).parsed)
        except JMESPathError as error:
            raise UsageError(f"--query cannot be read: {_one_line(error)}") from error

    def apply(self, result: Any) -> Any:
        """The expression's value for a result.

        Raises:
            UsageError: it does not fit the result, such as `keys(@)` of something that has none.
        """
        return self._visit(self.tree, result)

    def condition(self) -> Node | None:
        """The condition of the filter `[?...]` that everything else works on, if there is one."""
        node = self.tree
        while not _filters_input(node):
            following = _first(node)
            if following is None:
                return None
            node = following
        return node["children"][2]

    def matching(self, runs: Sequence[RunDocument]) -> list[RunDocument]:
        """Those of the runs that the leading filter keeps; all of them where there is none."""
        condition = self.condition()
        if condition is None:
            return list(runs)
        kept: list[RunDocument] = self._visit(
            {"type": "filter_projection", "children": [_IDENTITY, _IDENTITY, condition]}, list(runs)
        )
        return kept

    def narrow(self, query: RunQuery) -> RunQuery:
        """Put what the leading filter demands into a query that does not say otherwise yet.

        The filter still runs on what comes back: this makes it quick and changes no result.
        """
        condition = self.condition()
        for path, value in _equalities(condition) if condition is not None else ():
            query = _narrowed(query, path, value)
        return query

    def _visit(self, tree: Node, value: Any) -> Any:
        try:
            return TreeInterpreter().visit(tree, value)
        except JMESPathError as error:
            raise UsageError(f"--query does not fit the result: {_one_line(error)}") from error


def _filters_input(node: Node) -> bool:
    return bool(node["type"] == "filter_projection" and node["children"][0]["type"] == "identity")


def _first(node: Node) -> Node | None:
    children = node["children"]
    if node["type"] == "function_expression":
        # `sort_by([?...], &key)`: a reference to an expression takes no list of its own.
        children = [child for child in children if child["type"] != "expref"]
        return children[0] if len(children) == 1 else None
    return children[0] if node["type"] in _THROUGH_FIRST else None


def _equalities(condition: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every `path == 'text'` that must hold for the condition to hold."""
    left_right = condition["children"]
    if condition["type"] == "and_expression":
        for child in left_right:
            yield from _equalities(child)
    elif condition["type"] == "comparator" and condition["value"] == "eq":
        for one, other in (left_right, left_right[::-1]):
            path = _path(one)
            if path and other["type"] == "literal" and isinstance(other["value"], str):
                yield path, other["value"]


def _path(node: Node) -> tuple[str, ...]:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression":
        parts = [_path(child) for child in node["children"] if child["type"] != "current"]
        return tuple(name for part in parts for name in part) if all(parts) else ()
    return ()


def _narrowed(query: RunQuery, path: tuple[str, ...], value: str) -> RunQuery:
    match path:
        case ("status",) if value in (query.statuses or set(RunStatus)):
            return replace(query, statuses=(value,))
        case (name,) if name in _EXPERIMENT and query.experiment is None:
            return replace(query, experiment=value)
        case (name,) if name in _ALIKE and getattr(query, name) is None and _may_narrow(query, name):
            return replace(query, **dict[str, Any]({name: value}))
        case ("tags", key) if key not in query.tags:
            return replace(query, tags={**query.tags, key: value})
        case ("properties", key) if key not in query.properties:
            return replace(query, properties={**query.properties, key: value})
        case _:
            return query


def _may_narrow(query: RunQuery, name: str) -> bool:
    # A query for the children of a run brings them even where child runs are left out.
    return name != "parent_run_id" or query.include_children


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
