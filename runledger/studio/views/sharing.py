"""The part of the form that says who may use a view."""

from collections.abc import Mapping

from starlette.datastructures import FormData

from ledger.domain.saved_view import RIGHTS
from runledger.studio.forms import text_in


def everybody_in(form: FormData) -> str | None:
    """What everybody may do; None for nothing."""
    chosen = text_in(form, "everybody")
    return chosen if chosen in RIGHTS else None


def users_in(form: FormData) -> dict[str, str]:
    """Lines such as `ada` and `ada edit`: who may view or edit it by name."""
    found = {}
    for line in text_in(form, "users").splitlines():
        name, _, right = line.strip().partition(" ")
        if name:
            found[name] = right.strip() or RIGHTS[0]
    return found


def lines_of(users: Mapping[str, str]) -> str:
    """The text that `users_in` reads."""
    return "\n".join(name if right == RIGHTS[0] else f"{name} {right}" for name, right in users.items())
