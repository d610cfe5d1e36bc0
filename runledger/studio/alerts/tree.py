"""The tree of conditions as a form has it: what was typed, right or wrong, and where."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runledger.studio.alerts.leaves import GROUPS, LEAVES, Leaf, texts_of, value_in

ROOT = "c"
_DEEPEST = 10
_MOST = 120
_NUMBER = re.compile(r"[0-9]{1,4}")

Place = tuple[str | int, ...]


@dataclass
class Node:
    """A condition: `given` is what was typed by field, `path` its name in the form, such as `c.0.2`."""

    of: str
    given: dict[str, list[str]] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    path: str = ""

    @property
    def is_group(self) -> bool:
        """Whether it holds others."""
        return self.of in GROUPS

    @property
    def leaf(self) -> Leaf:
        """Its form."""
        return LEAVES[self.of]

    def one(self, name: str) -> str:
        """What stands in a field."""
        return next(iter(self.given.get(name, ())), "")


def nodes_in(given: Mapping[str, list[str]]) -> list[Node]:
    """The conditions that fields named `c.0.of`, `c.0.key`, `c.1.0.of`, ... describe."""
    fields: dict[tuple[int, ...], dict[str, list[str]]] = {}
    for name, texts in given.items():
        steps = name.split(".")
        place = steps[1:-1]
        if steps[0] == ROOT and 0 < len(place) <= _DEEPEST and all(_NUMBER.fullmatch(step) for step in place):
            fields.setdefault(tuple(map(int, place)), {})[steps[-1]] = texts
    known = sorted(place for place in fields if _is_known(fields[place].get("of", [])))[:_MOST]
    return numbered(_below((), known, fields))


def _is_known(of: Sequence[str]) -> bool:
    return len(of) == 1 and (of[0] in GROUPS or of[0] in LEAVES)


def _below(
    place: tuple[int, ...], known: Sequence[tuple[int, ...]], fields: Mapping[tuple[int, ...], dict[str, list[str]]]
) -> list[Node]:
    found = []
    for each in known:
        if len(each) == len(place) + 1 and each[: len(place)] == place:
            given = {name: texts for name, texts in fields[each].items() if name != "of"}
            found.append(Node(fields[each]["of"][0], given, _below(each, known, fields)))
    return found


def nodes_of(conditions: Iterable[Any]) -> list[Node]:
    """The form of conditions in JSON; raises ValueError where it has none."""
    return numbered([_node_of(each, 1) for each in conditions])


def _node_of(condition: Any, depth: int) -> Node:
    if not isinstance(condition, Mapping) or depth > _DEEPEST:
        raise ValueError(f"{condition!r:.80} is no condition, such as {{of: child, value: true}}")
    of = condition.get("of")
    if of == "not":
        inner = condition.get("condition")
        several = isinstance(inner, Mapping) and inner.get("of") == "any"
        children = inner.get("conditions", []) if isinstance(inner, Mapping) and several else [inner]
        return Node("not", {}, [_node_of(each, depth + 1) for each in children])
    if of in GROUPS:
        return Node(str(of), {}, [_node_of(each, depth + 1) for each in condition.get("conditions", [])])
    if of not in LEAVES:
        raise ValueError(f"there is no condition {of!r:.80}; there is {', '.join([*GROUPS, *LEAVES])}")
    fields = LEAVES[str(of)].fields
    return Node(str(of), {each.name: texts_of(str(of), each, condition.get(each.name)) for each in fields})


def numbered(nodes: list[Node], path: str = ROOT) -> list[Node]:
    """The same with their paths."""
    for number, node in enumerate(nodes):
        node.path = f"{path}.{number}"
        numbered(node.children, node.path)
    return nodes


def each_of(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node, from the top."""
    for node in nodes:
        yield node
        yield from each_of(node.children)


def added(nodes: list[Node], path: str, of: str) -> list[Node]:
    """With another condition at the end of a group; at the end of all for the root."""
    if of not in GROUPS and of not in LEAVES:
        return nodes
    group = next((node.children for node in each_of(nodes) if node.path == path and node.is_group), None)
    (nodes if path == ROOT or group is None else group).append(Node(of, _begun(of)))
    return numbered(nodes)


def _begun(of: str) -> dict[str, list[str]]:
    return {} if of in GROUPS else {each.name: list(each.default) for each in LEAVES[of].fields}


def removed(nodes: list[Node], path: str) -> list[Node]:
    """Without one, and what it holds."""
    kept = [node for node in nodes if node.path != path]
    for node in kept:
        node.children = removed(node.children, path)
    return numbered(kept)


def conditions_of(nodes: Sequence[Node], place: Place, paths: dict[Place, str]) -> list[Any]:
    """The conditions as JSON; `paths` is told which node a mistake at a place belongs to."""
    return [_condition(node, (*place, number), paths) for number, node in enumerate(nodes)]


def _condition(node: Node, place: Place, paths: dict[Place, str]) -> dict[str, Any]:
    # Among many kinds, a mistake names the kind behind the place.
    paths[place] = paths[here := (*place, node.of)] = node.path
    if node.of == "not":
        return {"of": "not"} | _none_of(node, here, paths)
    if node.is_group:
        return {"of": node.of, "conditions": conditions_of(node.children, (*here, "conditions"), paths)}
    found: dict[str, Any] = {"of": node.of}
    for each in node.leaf.fields:
        value = value_in(node.of, each, node.given.get(each.name, []))
        if each.kind == "value" and node.one("operator") == "exists":
            value = None
        if value is not None:
            found[each.name] = value
    return found


def _none_of(node: Node, here: Place, paths: dict[Place, str]) -> dict[str, Any]:
    """One condition that does not hold; of several, any."""
    inner: Place = (*here, "condition")
    if len(node.children) == 1:
        return {"condition": _condition(node.children[0], inner, paths)}
    if not node.children:
        return {}
    paths[inner] = paths[(*inner, "any")] = node.path
    conditions = conditions_of(node.children, (*inner, "any", "conditions"), paths)
    return {"condition": {"of": "any", "conditions": conditions}}


def path_at(place: Place, paths: Mapping[Place, str]) -> tuple[str, str] | None:
    """The node and the field of a mistake; the field is empty where it is about the whole."""
    for length in range(len(place), 0, -1):
        if place[:length] in paths:
            rest = [step for step in place[length:] if isinstance(step, str)]
            return paths[place[:length]], rest[0] if rest and rest[0] not in {"conditions", "condition"} else ""
    return None
