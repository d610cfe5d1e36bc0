"""`runledger user`: the users of a server, and their passwords for its pages."""

import sys
from typing import TYPE_CHECKING

import click

from ledger.commands import AddUser, ChangeUser, Command, DisableUser, EndSessions, SetPassword
from runledger.cli.issuing import CLIENT
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column
from schemas.roles import Role

if TYPE_CHECKING:
    from ledger.client import Client

_ROLES = "what the user may do: a viewer asks, a contributor commands and logs too, an admin manages users too"


@click.group(cls=Noun)
def user() -> None:
    """Add, list, change and disable the users of a server."""


_PASSWORD_STDIN = click.option("--password-stdin", is_flag=True, help="read the password from stdin; for scripts")


@user.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice(Role, case_sensitive=False), default=Role.CONTRIBUTOR, show_default=True, help=_ROLES
)
@click.option("--email", metavar="ADDRESS", help="the user's address")
@_PASSWORD_STDIN
@click.option("--no-password", is_flag=True, help="ask for none: the user comes with tokens alone, or gets one later")
@pass_session
def add(session: Session, name: str, role: Role, email: str | None, *, password_stdin: bool, no_password: bool) -> None:
    """Let NAME use the server, and log in to its pages with a password, which is asked for."""
    if password_stdin and no_password:
        raise click.UsageError("--password-stdin and --no-password exclude each other.")
    asked = password_stdin or (sys.stdin.isatty() and not no_password)
    # Before anything is written: a password that is not taken leaves no half of a user.
    password = [_chosen(name, from_stdin=password_stdin)] if asked else []
    with session.client() as client:
        _execute(client, AddUser(user=name, role=role, email=email, client=CLIENT), *password)
        _show(session, client, name)
    if not asked:
        note(
            f"{name} has no password: `runledger user password {name}` sets one, and `runledger token create {name}` "
            "gives a token."
        )


@user.command()
@click.argument("name")
@_PASSWORD_STDIN
@pass_session
def password(session: Session, name: str, *, password_stdin: bool) -> None:
    """Set the password of the user NAME; wherever NAME is logged in, that is over."""
    chosen = _chosen(name, from_stdin=password_stdin)
    with session.client() as client:
        _execute(client, chosen)
        _show(session, client, name)


@user.command("list")
@pass_session
def list_users(session: Session) -> None:
    """List the users by name, disabled ones too."""
    with session.client() as client:
        found = list(client.users())
    if not found:
        note("No users yet. `runledger user add NAME` adds one.")
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
    """Let a user in no more: every token and session of the user is void for good."""
    with session.client() as client:
        client.execute(DisableUser(user=name, client=CLIENT))
        _show(session, client, name)


@user.command()
@click.argument("name")
@pass_session
def logout(session: Session, name: str) -> None:
    """Log a user out of the pages everywhere; password and tokens stay as they are."""
    with session.client() as client:
        client.execute(EndSessions(user=name, client=CLIENT))
        _show(session, client, name)


def _chosen(name: str, *, from_stdin: bool) -> SetPassword:
    """The command that sets what was typed, or what came on stdin without the end of its line."""
    from ledger.users.passwords import check_password, hash_of  # noqa: PLC0415 - of the extra [server]

    if not from_stdin and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: use --password-stdin.", click.get_current_context())
    typed = (
        sys.stdin.readline().rstrip("\r\n")
        if from_stdin
        else str(click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True))
    )
    check_password(typed, name)
    return SetPassword(user=name, password_hash=hash_of(typed), client=CLIENT)


def _execute(client: "Client", *commands: Command) -> None:
    for command in commands:
        client.execute(command)


def _show(session: Session, client: "Client", name: str) -> None:
    session.output.write(next(each for each in client.users() if each["user"].casefold() == name.casefold()))


_COLUMNS = (
    Column("USER", lambda user: user["user"], whole=True),
    Column("ROLE", lambda user: user["role"]),
    Column("ADDRESS", lambda user: user["email"]),
    Column("PASSWORD", lambda user: "yes" if user.get("password") else ""),
    Column("DISABLED", lambda user: "yes" if user["disabled"] else ""),
)
