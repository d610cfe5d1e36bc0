"""What a question looks at in the tables of runs: tables that are made for it need nothing else."""

from dataclasses import dataclass

from ledger.queries import RunQuery
from projections.runs.attributes import ARCHIVED, Attribute, one
from projections.runs.matching import attributes_asked
from projections.runs.ordering import Order


@dataclass(frozen=True, slots=True)
class Wanted:
    """Facts by kind and key, values by field, and whether words are searched."""

    facts: frozenset[tuple[str, str]]
    values: frozenset[str]
    words: bool

    def has(self, fact: Attribute) -> bool:
        """Whether a fact is looked at."""
        return _named(fact) in self.facts


def wanted_by(query: RunQuery) -> Wanted:
    """All that the answer to a question may depend on."""
    facts = {_named(fact) for each in attributes_asked(query) for fact in each}
    facts |= {_named(ARCHIVED), _named(one("parent_run_id", ""))}
    values = {name for name in query.columns or () if name.startswith("metric.")}
    for chip in query.filters:
        facts.add((chip.field, chip.key))
        values.add(chip.name)
    if query.order_by is not None:
        order = Order.parse(query.order_by)
        facts.add((order.field, order.key))
        values |= {order.valued} if order.valued is not None else set()
    return Wanted(frozenset(facts), frozenset(values), query.search is not None)


def _named(fact: Attribute) -> tuple[str, str]:
    # "tag", "tag key" and "tag bare" are about one tag.
    return fact[0].partition(" ")[0], fact[1]
