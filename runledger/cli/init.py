"""`runledger init`: make a workspace."""

from pathlib import Path

import click

from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb


@click.command(cls=Verb)
@click.argument("path", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option(
    "--log",
    metavar="ADDRESS",
    help="where the log is: sqlite (a file of the workspace), or kafka://HOST:PORT[,...]/NAME",
)
@click.option("--adopt", is_flag=True, help="take over a workspace that was made on another host")
@pass_session
def init(session: Session, path: Path | None, log: str | None, adopt: bool) -> None:  # fmt: skip
    """Make a workspace in a folder, here unless PATH names another; one that is there stays as it is."""
    from runledger.wiring import make_workspace  # noqa: PLC0415 - help needs none of it

    place = path or Path(session.workspace or ".")
    folder = make_workspace(place, log=log, adopt=adopt, mounts=session.mounts)
    result = {"workspace": str(folder.path.parent), "log": folder.settings()["log"]}
    session.output.write(result, lambda made: [f"{made['workspace']} is a workspace; its log is {made['log']}."])
    note(_next_steps(folder.path.parent))


def _next_steps(place: Path) -> str:
    return (
        "Next, in a script in this folder or below it:\n"
        "    from runledger import Experiment, Workspace\n"
        '    run = Experiment(Workspace(), "my-experiment").start_logging()\n'
        "Then `runledger run list` shows it."
        if place == Path.cwd()
        else f"Next: export RUNLEDGER_WORKSPACE={place}, or give --workspace {place}."
    )
