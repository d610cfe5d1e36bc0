"""`runledger server`: serve a workspace over HTTP."""

from pathlib import Path

import click

from ledger.errors import UnavailableError
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

_PORT = 5470
_LOG_HELP = "where the log is, for a folder that is no workspace yet: sqlite, or kafka://HOST:PORT[,...]/NAME"


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
@pass_session
def server(session: Session, host: str, port: int, data: Path | None, log: str | None) -> None:
    """Serve a workspace over HTTP until SIGTERM or Ctrl-C; prints its URL once it answers."""
    from runledger.wiring import make_workspace  # noqa: PLC0415 - help needs none of it

    try:
        from runledger.server.serving import listen, serve  # noqa: PLC0415
    except ImportError as error:
        cure = f"the server has packages of its own: pip install 'runledger[server]' ({error})"
        raise UnavailableError(cure) from error
    if data is not None:
        session.workspace = str(data)
    if data is not None or log is not None:
        make_workspace(Path(session.location()), log=log, mounts=session.mounts)
    with listen(host, port) as listening, session.embedded() as parts:
        serve(parts, listening, click.echo)
