"""What a question looks at in the tables of runs: tables that are made for it need nothing else."""

from dataclasses import dataclass

from ledger.queries import RunQuery
from projections.runs.attributes import ARCHIVED, one
from projections.runs.matching import attributes_asked
from projections.runs.ordering import Order


@dataclass(frozen=True, slots=True)
class Wanted:
    """Facts by kind and key, values by field, and whether words are searched."""

    facts: frozenset[tuple[str, str]]
    values: frozenset[str]
    words: bool


def wanted_by(query: RunQuery) -> Wanted:
    """All that the answer to a question may depend on."""
    facts = {fact[:2] for each in attributes_asked(query) for fact in each}
    facts |= {ARCHIVED[:2], one("parent_run_id", "")[:2]}
    values = {name for name in query.columns or () if name.startswith("metric.")}
    for chip in query.filters:
        facts |= _facts_about(chip.field, chip.key)
        values.add(chip.name)
    if query.order_by is not None:
        order = Order.parse(query.order_by)
        facts |= _facts_about(order.field, order.key)
        values |= {order.valued} if order.valued is not None else set()
    return Wanted(frozenset(facts), frozenset(values), query.search is not None)


def _facts_about(field: str, key: str) -> set[tuple[str, str]]:
    """All that there may be about a field: its value, and of a tag that it is there, or bare."""
    return {(field, key), (f"{field} key", key), (f"{field} bare", key)}
