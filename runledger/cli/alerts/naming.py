"""A rule by what people call it."""

from typing import TYPE_CHECKING

from ledger.errors import NotFoundError

if TYPE_CHECKING:
    from ledger.client import Client


def id_of(client: "Client", rule: str) -> str:
    """The id of a rule that is named by its id or its name."""
    rules = list(client.rules())
    named = [each["rule_id"] for each in rules if rule in {each["rule_id"], each["name"]}]
    if len(named) == 1:
        return str(named[0])
    if named:
        raise NotFoundError(f"{len(named)} rules are called {rule!r}; name one by its id: {', '.join(named)}")
    known = ", ".join(each["name"] for each in rules) or "none"
    raise NotFoundError(f"there is no rule {rule!r}; there is: {known}")


def id_at(client: "Client", rule: str, as_of: str | None) -> str:
    """As `id_of`; of a rule that was there at a moment and is deleted by now, what is named is its id."""
    try:
        return id_of(client, rule)
    except NotFoundError:
        if as_of is None:
            raise
        return rule
