"""`runledger server`: serve a workspace over HTTP."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.errors import RefusedError, UnavailableError
from runledger.cli.issuing import give_token, show_token
from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.server import ROLES
from schemas.roles import Role

if TYPE_CHECKING:
    from runledger.wiring import Embedded

_PORT = 5470
_LOG_HELP = "where the log is, for a folder that is no workspace yet: sqlite, or kafka://HOST:PORT[,...]/NAME"
_ADMIN = "admin"
_ROLES_HELP = "; ".join(f"{name}: {what}" for name, what in ROLES.items())


class AdminExistsError(RefusedError):
    """The first admin is there."""


def roles_in(text: str) -> frozenset[str]:
    """The roles that a text names, with commas between."""
    found = frozenset(text.replace(" ", "").split(","))
    unknown = sorted(found - ROLES.keys())
    if unknown:
        raise click.BadParameter(f"there is no role {unknown[0]!r}; there are: {', '.join(ROLES)}")
    return found


@click.command(cls=Verb)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="the address to listen on")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True, metavar="N", help="0 takes any"
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="RUNLEDGER_DATA",
    metavar="DIR",
    help="the folder of the workspace, made if it is not there; else as for every command",
)
@click.option("--log", metavar="ADDRESS", help=_LOG_HELP)
@click.option("--roles", type=roles_in, metavar="ROLE[,...]", help=f"what this server does, else all. {_ROLES_HELP}")
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="a proxy before this server whose X-Forwarded-For, -Proto and -Host are believed; may be given several times",
)
@click.option(
    "--init-admin",
    metavar="[NAME]",
    is_flag=False,
    flag_value=_ADMIN,
    help=f"add the first admin ({_ADMIN!r} unless named), print the admin's token once, and end",
)
@pass_session
def server(
    session: Session,
    host: str,
    port: int,
    data: Path | None,
    log: str | None,
    roles: frozenset[str] | None,
    proxies: tuple[str, ...],
    init_admin: str | None,
) -> None:
    """Serve a workspace over HTTP until SIGTERM or Ctrl-C; prints its URL once it answers.

    Whoever reaches 127.0.0.1 may use it, until there is a user: from then on every request needs a token,
    /livez, /readyz and /openapi.json excepted, and people log in to the pages with a password. Other addresses
    need a user with either from the start.

    Its views are in the folder. With RUNLEDGER_VIEWS=postgresql://USER@HOST/DATABASE they are in PostgreSQL, where
    several servers of one log share them.
    """
    from runledger.wiring import make_workspace  # noqa: PLC0415 - help needs none of it

    if data is not None:
        session.workspace = str(data)
    if data is not None or log is not None:
        make_workspace(Path(session.location()), log=log, mounts=session.mounts)
    with session.embedded() as parts:
        if init_admin is not None:
            _init_admin(session, parts, init_admin)
        else:
            _serve(parts, host, port, roles, proxies)


def _serve(parts: "Embedded", host: str, port: int, roles: frozenset[str] | None, proxies: tuple[str, ...]) -> None:
    try:
        from runledger.server.serving import check_host, listen, serve  # noqa: PLC0415
    except ImportError as error:
        cure = f"the server has packages of its own: pip install 'runledger[server]' ({error})"
        raise UnavailableError(cure) from error
    with closing(_Beginning()) as beginning:

        def announce(url: str) -> None:
            beginning.close()
            click.echo(url)

        check_host(host, parts, beginning.reading)
        with listen(host, port) as listening:
            serve(parts, listening, announce, roles, proxies, beginning.reading, beginning.filling)


class _Beginning:
    """How far a server is that is not ready yet: one bar at a time."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Progress | None = None

    def reading(self, done: int, total: int) -> None:
        self._tell("reading the log", "records", done, total)

    def filling(self, done: int, total: int) -> None:
        self._tell("filling the run tables", "events", done, total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.wipe()

    def _tell(self, what: str, unit: str, done: int, total: int) -> None:
        if what != self._what or self._bar is None:
            self.close()
            self._what, self._bar = what, Progress(what, unit)
        self._bar.update(done, total)


def _init_admin(session: Session, parts: "Embedded", name: str) -> None:
    with Progress("reading the log", "records") as progress:
        parts.log.catch_up(progress.update)
    if parts.users.has_admin():
        raise AdminExistsError(
            "there is an admin already. An admin's token, or `runledger token create NAME --role admin --workspace "
            f"{parts.client.location}` on this machine, makes another one."
        )
    show_token(session.output, give_token(parts.client, name, Role.ADMIN, label="the first"))
    note(f"To log in to the pages, {name} needs a password: `runledger user password {name}`.")
