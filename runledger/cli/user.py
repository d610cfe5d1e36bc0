"""`runledger user`: the users of a server; `runledger token create` adds them."""

from typing import TYPE_CHECKING

import click

from ledger.commands import ChangeUser, DisableUser
from runledger.cli.issuing import CLIENT
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column
from schemas.roles import Role

if TYPE_CHECKING:
    from ledger.client import Client


@click.group(cls=Noun)
def user() -> None:
    """List, change and disable the users of a server."""


@user.command("list")
@pass_session
def list_users(session: Session) -> None:
    """List the users by name, disabled ones too."""
    with session.client() as client:
        found = list(client.users())
    if not found:
        note("No users yet. `runledger token create NAME` adds one.")
    session.output.write(found, _COLUMNS)


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(Role, case_sensitive=False), help="what the user may do from now on")
@click.option("--email", metavar="ADDRESS", help="the user's address; '' for none")
@pass_session
def change(session: Session, name: str, role: Role | None, email: str | None) -> None:
    """Set the role or the address of a user; tokens stay as they are."""
    if role is None and email is None:
        raise click.UsageError("Name what changes: --role or --email.", click.get_current_context())
    with session.client() as client:
        client.execute(ChangeUser(user=name, role=role, email=email, client=CLIENT))
        _show(session, client, name)


@user.command()
@click.argument("name")
@pass_session
def disable(session: Session, name: str) -> None:
    """Let a user in no more: every token of the user is void for good."""
    with session.client() as client:
        client.execute(DisableUser(user=name, client=CLIENT))
        _show(session, client, name)


def _show(session: Session, client: "Client", name: str) -> None:
    session.output.write(next(each for each in client.users() if each["user"].casefold() == name.casefold()))


_COLUMNS = (
    Column("USER", lambda user: user["user"], whole=True),
    Column("ROLE", lambda user: user["role"]),
    Column("ADDRESS", lambda user: user["email"]),
    Column("DISABLED", lambda user: "yes" if user["disabled"] else ""),
)
