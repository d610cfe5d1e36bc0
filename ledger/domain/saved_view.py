"""The SavedView aggregate: a list of runs under a name, and who may see or change it (parity C10)."""

from collections.abc import Mapping

from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.names import check_length
from ledger.errors import (
    ForbiddenError,
    InvalidNameError,
    LimitExceededError,
    RefusedError,
    ViewNotFoundError,
)
from schemas.events import Event, ViewChangedEvent, ViewDeletedEvent, ViewSavedEvent, ViewSharedEvent, readable

NAME_LENGTH = 200
DESCRIPTION_LENGTH = 5_000
QUERY_LENGTH = 8_000
"""About what browsers and proxies take for an address."""

SHARED_WITH = 100
RIGHTS = ("view", "edit")

_OWN = "own"


class SavedView(LedgerAggregate):
    """One saved view. Its owner and admins share and delete it; who may edit it changes the rest."""

    kind = "view"

    name: str
    query: str
    description: str | None
    owner: str | None
    everybody: str | None
    users: dict[str, str]
    deleted: bool

    def begin_state(self) -> None:
        """Nothing is saved."""
        self.name = self.query = ""
        self.description = self.owner = self.everybody = None
        self.users = {}
        self.deleted = False

    def save(self, name: str, query: str, description: str | None, owner: str) -> None:
        """Save it; the same again is nothing to do."""
        _check(name, query, description)
        if self.exists:
            if self.deleted or (self.name, self.query, self.description) != (name, query, description or None):
                raise RefusedError(f"there is or was a view {self.key} already; choose another id")
            return
        self.decide(
            ViewSavedEvent, view_name=name, definition={"query": query}, description=description or None, owner=owner
        )

    def change(self, name: str | None, query: str | None, description: str | None, *, who: "Who") -> None:
        """Set name, query and description."""
        self._required(who, "edit")
        wanted = (
            self.name if name is None else name,
            self.query if query is None else query,
            self.description if description is None else description or None,
        )
        _check(*wanted)
        if wanted != (self.name, self.query, self.description):
            name, query, description = wanted
            self.decide(ViewChangedEvent, view_name=name, definition={"query": query}, description=description)

    def share(self, everybody: str | None, users: Mapping[str, str], *, who: "Who") -> None:
        """Say who may use it beside its owner."""
        self._required(who, _OWN)
        if len(users) > SHARED_WITH:
            raise LimitExceededError(f"a view is shared with at most {SHARED_WITH} users by name, or with everybody")
        for right in (*users.values(), *([] if everybody is None else [everybody])):
            if right not in RIGHTS:
                raise InvalidNameError(f"{right!r} is no right to a view; there are {' and '.join(RIGHTS)}")
        if (everybody, dict(users)) != (self.everybody, self.users):
            self.decide(ViewSharedEvent, everybody=everybody, users=dict(users))

    def delete(self, *, who: "Who") -> None:
        """Delete it; again is nothing to do."""
        if self.exists and self.deleted:
            return
        self._required(who, _OWN)
        self.decide(ViewDeletedEvent)

    def apply(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case ViewSavedEvent() | ViewChangedEvent():
                query = event.definition.get("query")
                self.name, self.query = readable(event.view_name) or "", query if isinstance(query, str) else ""
                self.description = readable(event.description)
                if isinstance(event, ViewSavedEvent):
                    self.owner, self.everybody = event.owner, "view" if event.shared or event.owner is None else None
            case ViewSharedEvent():
                self.everybody, self.users = event.everybody, dict(event.users)
            case ViewDeletedEvent():
                self.deleted = True
            case _:
                pass

    def right_of(self, who: "Who") -> str | None:
        """What somebody may do: view, edit, own; None for nothing."""
        if who.is_admin or _is_same(who.name, self.owner):
            return _OWN
        named = next((right for user, right in self.users.items() if _is_same(user, who.name)), None)
        return max((right for right in (named, self.everybody) if right in RIGHTS), key=RIGHTS.index, default=None)

    def check_may(self, who: "Who", wanted: str) -> None:
        """Raise ForbiddenError, which says who can help, unless somebody has a right."""
        rights = (*RIGHTS, _OWN)
        found = self.right_of(who)
        if found is None or rights.index(found) < rights.index(wanted):
            what = {"view": "see", "edit": "change"}.get(wanted, "share or delete")
            raise ForbiddenError(
                f"{who.name} may not {what} the view {self.key}: it is {self.owner or 'nobody'}'s, who can share it",
                wanted,
            )

    def _required(self, who: "Who", wanted: str) -> None:
        if not self.exists or self.deleted:
            raise ViewNotFoundError(self.key)
        self.check_may(who, wanted)


class Who:
    """Who asks, and whether he may do everything."""

    __slots__ = ("is_admin", "name")

    def __init__(self, name: str, *, is_admin: bool) -> None:
        """Name somebody."""
        self.name, self.is_admin = name, is_admin


def _is_same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.casefold() == other.casefold()


def _check(name: str, query: str, description: str | None) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise InvalidNameError(
            f"view name {name!r} is not allowed: it is empty, or has spaces around or control characters"
        )
    check_length("view name", name, NAME_LENGTH)
    check_length("description of the view", description, DESCRIPTION_LENGTH)
    check_length("query of the view", query, QUERY_LENGTH)
