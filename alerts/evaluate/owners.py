"""Owners of rules are told when a template of theirs cannot be used: once for each version, and not too often."""

from collections import deque

from alerts.evaluate.addresses import AddressBook
from alerts.evaluate.bundle import Member
from alerts.evaluate.intent import TEMPLATE
from alerts.evaluate.runs import RunState
from alerts.rules.in_force import Rule
from alerts.rules.suppressing import Subject
from alerts.rules.transition import Raised
from ledger.feed import FeedEvent
from schemas.rules import RuleDefinition

MAILS = 10
HOUR_MS = 3_600_000
"""An owner of many rules gets so many of these mails in so long; `alert health` names the rest."""


class Owners:
    """What owners were told of their templates lately."""

    def __init__(self, addresses: AddressBook) -> None:
        """Nobody was told."""
        self._addresses = addresses
        self._told: dict[str, deque[int]] = {}
        self._last: dict[str, int] = {}

    def is_new(self, rule: Rule, version: int) -> bool:
        """Whether this is what the rule says, and was not told of before; asked again, it was."""
        if version != rule.version or self._last.get(rule.id) == version:
            return False
        self._last[rule.id] = version
        return True

    def tell(
        self, happened: FeedEvent, because: str, rule: Rule, definition: RuleDefinition, run: RunState
    ) -> tuple[Member, str | None]:
        """What the owner is told, and why nobody can be."""
        address = self._addresses.of(rule.owner)
        why = None if address else f"no address for the owner of the rule: {rule.owner or 'nobody'} has none in the log"
        if address is not None and not self._has_room(address, happened.recorded_at):
            why = f"more than {MAILS} templates of this owner failed within an hour"
        title = f"a template of the rule {definition.name} cannot be used"
        raised = Raised(title, f"{because}\n\n{_SAID}", "error")
        transition = run.became(None, raised=raised)
        recipient = address or definition.recipients[0]
        subject = Subject(rule.id, definition.name, recipient, TEMPLATE, transition, happened.recorded_at)
        return Member(happened.position, happened.hash, subject), why

    def _has_room(self, address: str, at: int) -> bool:
        told = self._told.setdefault(address, deque(maxlen=MAILS))
        if len(told) == MAILS and told[0] > at - HOUR_MS:
            return False
        told.append(at)
        return True


_SAID = """\
The mail about this run was sent with the facts instead. Change the template of the rule; until then each \
of its mails is sent like that, and you are told no more."""
