"""Which rules told of a run, whom, and what came of it; and why the others did not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ledger.queries import DeliveryDocument, ReasonDocument
from runledger.server.desk import Desk


@dataclass(slots=True)
class RuleTold:
    """A rule, what it said about each thing that happened, and the newest of that it told of."""

    rule_id: str
    name: str
    reasons: list[ReasonDocument] = field(default_factory=list)

    @property
    def told(self) -> list[ReasonDocument]:
        """What it told of, or would have, had nothing been in the way."""
        return [reason for reason in self.reasons if reason["notifications"]]


async def rules_about(desk: Desk, run_id: str, at_least: int) -> list[RuleTold]:
    """Every rule, those that told of the run first; raises RunNotFoundError."""
    reasons = await desk.ask(partial(desk.parts.alerts.explain, run_id), at_least)
    rules = by_rule(reasons)
    for rule in rules:
        if rule.told:
            add_deliveries(rule, await desk.in_thread(partial(desk.parts.alerts.deliveries, rule.rule_id)))
    return sorted(rules, key=lambda rule: (not rule.told, rule.name))


def by_rule(reasons: Sequence[ReasonDocument]) -> list[RuleTold]:
    """Reasons, parted by rule, in the order in which things happened."""
    found: dict[str, RuleTold] = {}
    for reason in sorted(reasons, key=lambda each: int(each["position"])):
        found.setdefault(reason["rule_id"], RuleTold(reason["rule_id"], reason["rule"])).reasons.append(reason)
    return list(found.values())


def add_deliveries(rule: RuleTold, deliveries: Sequence[DeliveryDocument]) -> None:
    """Add to each notification what came of its attempts."""
    known = {each["notification"]: each for each in deliveries}
    for reason in rule.told:
        for told in reason["notifications"]:
            delivery: dict[str, Any] = known.get(told["notification"], {})
            told |= {name: delivery.get(name) for name in ("attempt", "settled_utc", "code", "reply", "channel")}
