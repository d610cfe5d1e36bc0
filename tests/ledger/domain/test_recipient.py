"""The Recipient aggregate: what an address wants no more, and whether mail still reaches it."""

from typing import cast
from uuid import UUID, uuid4

import pytest

from ledger.commands import LimitRecipient, Resubscribe, SuppressRecipient, Unsubscribe, UnsuppressRecipient
from ledger.domain.recipient import Recipient
from ledger.errors import InvalidNameError, LimitExceededError, RefusedError
from schemas.events import (
    Event,
    OpaqueEvent,
    RecipientLimitedEvent,
    RecipientResubscribedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RecipientUnsuppressedEvent,
)
from tests.alerts.story import MARIA
from tests.ledger.conftest import CALLER, Open
from tests.ledger.domain import specification
from tests.ledger.domain.specification import then_refused, when

STREAM = f"recipient:{uuid4()}"
RULE = str(UUID(int=1))
OFF_ONE = RecipientUnsubscribedEvent(recipient=MARIA, rule=RULE)
OFF_ALL = RecipientUnsubscribedEvent(recipient=MARIA)
BACK_TO_ALL = RecipientResubscribedEvent(recipient=MARIA)
BOUNCED = RecipientSuppressedEvent(recipient=MARIA, status="5.1.1")


def maria(*events: Event | OpaqueEvent) -> Recipient:
    return cast("Recipient", specification.given(STREAM, *events))


def test_who_unsubscribes_is_off_one_rule_or_off_all() -> None:
    assert when(maria(), lambda it: it.unsubscribe(MARIA, RULE)) == [OFF_ONE]
    assert when(maria(), lambda it: it.unsubscribe(MARIA, None)) == [OFF_ALL]
    assert when(maria(OFF_ONE), lambda it: it.unsubscribe(MARIA, None)) == [OFF_ALL]


@pytest.mark.parametrize("before", [OFF_ONE, OFF_ALL])
def test_unsubscribing_again_is_nothing_to_do(before: Event) -> None:
    assert when(maria(before), lambda it: it.unsubscribe(MARIA, RULE)) == []


def test_who_resubscribes_gets_one_rule_or_all_again() -> None:
    back = RecipientResubscribedEvent(recipient=MARIA, rule=RULE)

    assert when(maria(OFF_ONE), lambda it: it.resubscribe(MARIA, RULE)) == [back]
    assert when(maria(OFF_ONE, back), lambda it: it.resubscribe(MARIA, RULE)) == []
    assert when(maria(OFF_ONE, OFF_ALL), lambda it: it.resubscribe(MARIA, None)) == [BACK_TO_ALL]
    assert when(maria(OFF_ONE, OFF_ALL, BACK_TO_ALL), lambda it: it.resubscribe(MARIA, None)) == []
    assert when(maria(OFF_ONE, OFF_ALL, BACK_TO_ALL), lambda it: it.unsubscribe(MARIA, RULE)) == [OFF_ONE]


def test_one_rule_of_all_that_were_left_is_refused_with_the_way_out() -> None:
    then_refused(maria(OFF_ALL), lambda it: it.resubscribe(MARIA, RULE), RefusedError, "leave out the rule")


def test_a_bounce_suppresses_once_until_somebody_says_that_the_address_works() -> None:
    def bounce(it: Recipient) -> None:
        it.suppress(MARIA, notification=None, status="5.1.1", diagnostic=None)

    lifted = RecipientUnsuppressedEvent(recipient=MARIA)
    assert when(maria(), bounce) == [BOUNCED]
    assert when(maria(BOUNCED), bounce) == []
    assert when(maria(BOUNCED), lambda it: it.unsuppress(MARIA)) == [lifted]
    assert when(maria(), lambda it: it.unsuppress(MARIA)) == []
    assert when(maria(BOUNCED, lifted), bounce) == [BOUNCED]


def test_what_can_be_no_rule_or_no_text_is_refused() -> None:
    then_refused(maria(), lambda it: it.unsubscribe(MARIA, "r1"), InvalidNameError, "UUID")
    long = "x" * 1_001
    then_refused(
        maria(),
        lambda it: it.suppress(MARIA, notification=None, status=None, diagnostic=long),
        LimitExceededError,
        "diagnostic",
    )


def test_an_address_is_one_recipient_however_it_is_spelled(sqlite_parts: Open) -> None:
    ledger = sqlite_parts().ledger()
    for command, changed in (
        (Unsubscribe(recipient=MARIA, rule=RULE), True),
        (Unsubscribe(recipient=MARIA.upper(), rule=RULE), False),
        (Resubscribe(recipient=MARIA.title()), True),
        (SuppressRecipient(recipient=MARIA), True),
        (UnsuppressRecipient(recipient=MARIA.upper()), True),
    ):
        assert ledger.handle(command, CALLER).changed is changed
    with pytest.raises(InvalidNameError, match="no address"):
        ledger.handle(Unsubscribe(recipient="Maria <maria@example.org>"), CALLER)


LIMITED = RecipientLimitedEvent(recipient=MARIA, mails=20, seconds=3_600)
UNLIMITED = RecipientLimitedEvent(recipient=MARIA)


def test_a_recipient_has_one_limit_or_none() -> None:
    assert when(maria(), lambda it: it.limit(MARIA, 20, 3_600)) == [LIMITED]
    assert when(maria(LIMITED), lambda it: it.limit(MARIA, 20, 3_600)) == []
    assert when(maria(LIMITED), lambda it: it.limit(MARIA, None, 3_600)) == [UNLIMITED]
    assert when(maria(LIMITED, UNLIMITED), lambda it: it.limit(MARIA, None, 3_600)) == []


@pytest.mark.parametrize(("mails", "seconds"), [(0, 60), (1_001, 60), (1, 0), (1, 7 * 24 * 3_600 + 1)])
def test_a_limit_is_a_number_of_mails_in_a_time(mails: int, seconds: int) -> None:
    then_refused(maria(), lambda it: it.limit(MARIA, mails, seconds), RefusedError, "a limit is 1 to 1000 mails")


@pytest.mark.parametrize("recipient", ["*", "channel:ops", MARIA])
def test_who_can_be_told_can_have_a_limit(sqlite_parts: Open, recipient: str) -> None:
    assert sqlite_parts().ledger().handle(LimitRecipient(recipient=recipient, mails=1), CALLER).changed


@pytest.mark.parametrize("recipient", ["", "@submitter", "channel:", "maria", "**"])
def test_nobody_else_can(sqlite_parts: Open, recipient: str) -> None:
    with pytest.raises(InvalidNameError, match="nobody who can be told"):
        sqlite_parts().ledger().handle(LimitRecipient(recipient=recipient, mails=1), CALLER)
