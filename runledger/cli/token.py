"""`runledger token`: who may use a server, from the folder of its workspace or with an admin's token."""

from datetime import timedelta

import click

from ledger.commands import RevokeToken
from ledger.errors import TokenNotFoundError
from runledger.cli.issuing import CLIENT, give_token, show_token
from runledger.cli.moments import duration
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column, moment
from schemas.roles import Role

_STATE_COLOURS = {"valid": "green", "revoked": "red", "expired": "yellow"}
_NO_TOKENS = "No tokens yet. `runledger server --init-admin` gives the first one, on the server's machine."


@click.group(cls=Noun)
def token() -> None:
    """Give, list and revoke tokens for a server."""


@token.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice(Role, case_sensitive=False), help="what the user may do; contributor for a new one"
)
@click.option("--email", metavar="ADDRESS", help="the user's address")
@click.option("--label", metavar="TEXT", help="what the token is for")
@click.option("--expires", type=duration, metavar="30d", help="how long it is valid; else until it is revoked")
@pass_session
def create(
    session: Session, name: str, role: Role | None, email: str | None, label: str | None, expires: timedelta | None
) -> None:
    """Give the user NAME a token, shown once; a user who is not there is added."""
    with session.client() as client:
        result = give_token(client, name, role, email=email, label=label, lasting=expires)
    show_token(session.output, result)


@token.command("list")
@pass_session
def list_tokens(session: Session) -> None:
    """List the tokens in the order of issue, without what is secret in them."""
    with session.client() as client:
        found = client.tokens()
    if not found:
        note(_NO_TOKENS)
    session.output.write(list(found), _COLUMNS)


@token.command()
@click.argument("token_id")
@pass_session
def revoke(session: Session, token_id: str) -> None:
    """Void a token for good, by the id that `token list` shows."""
    with session.client() as client:
        owner = next((each["user"] for each in client.tokens() if each["token_id"] == token_id), None)
        if owner is None:
            raise TokenNotFoundError(token_id)
        answer = client.execute(RevokeToken(user=owner, token_id=token_id, client=CLIENT))
    note(f"Token {token_id} of {owner} is void." if answer.changed else f"Token {token_id} was void already.")
    session.output.write({"token_id": token_id, "user": owner, "state": "revoked"})


_COLUMNS = (
    Column("TOKEN ID", lambda token: token["token_id"], whole=True),
    Column("USER", lambda token: token["user"]),
    Column("ROLE", lambda token: token["role"]),
    Column("STATE", lambda token: token["state"], lambda state: _STATE_COLOURS.get(state, ""), whole=True),
    Column("ISSUED (UTC)", lambda token: moment(token["issued_at"])),
    Column("EXPIRES (UTC)", lambda token: moment(token["expires_at"])),
    Column("LABEL", lambda token: token["label"]),
)
