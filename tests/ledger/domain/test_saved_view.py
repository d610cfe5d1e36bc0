"""The SavedView aggregate: given, when, then."""

from collections.abc import Callable

import pytest

from ledger.domain.saved_view import QUERY_LENGTH, SHARED_WITH, SavedView, Who
from ledger.errors import (
    ForbiddenError,
    InvalidNameError,
    LimitExceededError,
    RefusedError,
    ViewNotFoundError,
)
from schemas.events import Event, ViewChangedEvent, ViewDeletedEvent, ViewSavedEvent, ViewSharedEvent
from schemas.events.view import ViewRight
from tests.ledger.domain.specification import given, when

MARIA, BO, ANN = (Who(name, is_admin=False) for name in ("maria", "bo", "ann"))
ADMIN = Who("root", is_admin=True)
SAVED = ViewSavedEvent(view_name="mine", definition={"query": "search=x"}, owner="maria")


def view(*events: Event) -> SavedView:
    found = given("view:v", *events)
    assert isinstance(found, SavedView)
    return found


def shared(everybody: ViewRight | None = None, **users: ViewRight) -> ViewSharedEvent:
    return ViewSharedEvent(everybody=everybody, users=users)


def change(who: Who, name: str = "other") -> Callable[[SavedView], None]:
    return lambda it: it.change(name, None, None, who=who)


def test_a_view_is_saved_once() -> None:
    assert when(view(), lambda it: it.save("mine", "search=x", None, "maria")) == [SAVED]
    assert when(view(SAVED), lambda it: it.save("mine", "search=x", None, "maria")) == []
    for events in ((SAVED,), (SAVED, ViewDeletedEvent())):
        with pytest.raises(RefusedError, match="choose another id"):
            when(view(*events), lambda it: it.save("another", "", None, "bo"))


def test_what_is_not_named_stays_and_the_same_is_nothing_to_do() -> None:
    renamed = ViewChangedEvent(view_name="other", definition={"query": "search=x"})
    assert when(view(SAVED), change(MARIA)) == [renamed]
    assert when(view(SAVED), change(MARIA, "mine")) == []


@pytest.mark.parametrize(
    ("who", "events", "right"),
    [
        (MARIA, [SAVED], "own"),
        (Who("MARIA", is_admin=False), [SAVED], "own"),
        (ADMIN, [SAVED], "own"),
        (BO, [SAVED], None),
        (BO, [SAVED, shared("view")], "view"),
        (BO, [SAVED, shared("edit")], "edit"),
        (BO, [SAVED, shared(bo="edit")], "edit"),
        (BO, [SAVED, shared("view", bo="edit")], "edit"),
        (BO, [SAVED, shared("edit", bo="view")], "edit"),
        (ANN, [SAVED, shared(bo="edit")], None),
        (BO, [SAVED, shared("edit"), shared()], None),
    ],
)
def test_who_may_do_what(who: Who, events: list[Event], right: str | None) -> None:
    assert view(*events).right_of(who) == right
    if right in {"edit", "own"}:
        assert len(when(view(*events), change(who))) == 1
    else:
        with pytest.raises(ForbiddenError, match="it is maria's, who can share it"):
            when(view(*events), change(who))
    for own in (lambda it: it.share("view", {"x": "view"}, who=who), lambda it: it.delete(who=who)):
        if right == "own":
            assert len(when(view(*events), own)) == 1
        else:
            with pytest.raises(ForbiddenError, match="share or delete"):
                when(view(*events), own)


def test_a_view_that_is_not_there() -> None:
    assert when(view(SAVED, ViewDeletedEvent()), lambda it: it.delete(who=MARIA)) == []
    for events in ((), (SAVED, ViewDeletedEvent())):
        with pytest.raises(ViewNotFoundError):
            when(view(*events), change(MARIA))


def test_what_is_too_long_or_unknown_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="query of the view"):
        when(view(), lambda it: it.save("n", "x" * (QUERY_LENGTH + 1), None, "maria"))
    for name in ("", " x", "a\nb"):
        with pytest.raises(InvalidNameError, match="view name"):
            when(view(), lambda it, name=name: it.save(name, "", None, "maria"))  # type: ignore[misc]
    with pytest.raises(InvalidNameError, match="'own' is no right"):
        when(view(SAVED), lambda it: it.share("own", {}, who=MARIA))
    users = {f"u{n}": "view" for n in range(SHARED_WITH + 1)}
    with pytest.raises(LimitExceededError, match="100 users"):
        when(view(SAVED), lambda it: it.share(None, users, who=MARIA))
