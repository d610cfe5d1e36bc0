"""Giving somebody a token: drawn here, sent to the ledger as a hash, shown once."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ledger.commands import AddUser, Command, IssueToken
from ledger.errors import UserNotFoundError
from ledger.users.tokens import Token, draw_token
from runledger import VERSION
from runledger.cli.output import Output, note
from schemas.roles import Role

if TYPE_CHECKING:
    from ledger.client import Client

CLIENT = f"runledger {VERSION}"


def give_token(
    client: "Client",
    user: str,
    role: Role | None,
    *,
    email: str | None = None,
    label: str | None = None,
    lasting: timedelta | None = None,
) -> dict[str, Any]:
    """A new token for a user, who is added if he is not there: as a contributor unless a role is named."""
    token = draw_token()
    expires_at = None if lasting is None else datetime.now(UTC) + lasting
    issue = IssueToken(
        user=user, token_id=token.id, token_hash=token.hash, label=label, expires_at=expires_at, client=CLIENT
    )
    add = AddUser(user=user, role=role or Role.CONTRIBUTOR, email=email, client=CLIENT)
    for command in _steps(client, issue, add, known=role is None and email is None):
        client.execute(command)
    return _result(token, user, expires_at)


def _steps(client: "Client", issue: IssueToken, add: AddUser, *, known: bool) -> Iterable[Command]:
    """What is still to be done; with nothing said about the user, he may be there as anything."""
    if not known:
        return [add, issue]
    try:
        client.execute(issue)
    except UserNotFoundError:
        # What was refused was stored nowhere, so the same id may be sent again.
        return [add, issue]
    return []


def _result(token: Token, user: str, expires_at: datetime | None) -> dict[str, Any]:
    return {
        "token": token.text,
        "token_id": token.id,
        "user": user,
        "expires_at": expires_at.isoformat() if expires_at else None,
    }


def show_token(output: Output, result: dict[str, Any]) -> None:
    """The token alone for a person, with what to do about it."""
    output.write(result, lambda given: [given["token"]])
    note(f"This token of {result['user']} is shown once and stored nowhere. Its owner runs `runledger login URL`.")
