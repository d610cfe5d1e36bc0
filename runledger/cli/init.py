"""`runledger init`: make a workspace."""

import os
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
@click.option("--encrypt-personal", is_flag=True, help="encrypt personal text from now on, so that it can be erased")
@pass_session
def init(session: Session, path: Path | None, log: str | None, adopt: bool, encrypt_personal: bool) -> None:
    """Make a workspace in a folder, here unless PATH names another; one that is there stays as it is."""
    from runledger.encrypting import keys_of  # noqa: PLC0415 - help needs none of it
    from runledger.wiring import SQLITE, make_workspace  # noqa: PLC0415

    place = path or Path(session.workspace or ".")
    folder = make_workspace(place, log=log, adopt=adopt, encrypt=encrypt_personal, mounts=session.mounts)
    result = {"workspace": str(folder.path.parent), "log": folder.settings()["log"]}
    if encrypt_personal:
        result["keys"] = str(keys_of(folder, os.environ))
    session.output.write(result, lambda made: [f"{made['workspace']} is a workspace; its log is {made['log']}."])
    if encrypt_personal:
        note(_about_keys(result["keys"], on_kafka=result["log"] != SQLITE))
    note(_next_steps(folder.path.parent))


def _about_keys(keys: str, *, on_kafka: bool) -> str:
    begins = "from its first use on" if on_kafka else "from now on"
    servers = (
        "\nEvery server of this log needs these keys: RUNLEDGER_KEYS names one folder for all." if on_kafka else ""
    )
    return (
        f"Personal text is encrypted {begins}; what was stored before stays as it is.\n"
        f"The keys are in {keys}.\n"
        "Who loses them has lost the text, and a key in a backup is text that cannot be erased: keep a copy of that\n"
        f"folder apart from every backup of the log, and for a short time (docs/privacy.md).{servers}"
    )


def _next_steps(place: Path) -> str:
    return (
        "Next, in a script in this folder or below it:\n"
        "    from runledger import Experiment, Workspace\n"
        '    run = Experiment(Workspace(), "my-experiment").start_logging()\n'
        "Then `runledger run list` shows it."
        if place == Path.cwd()
        else f"Next: export RUNLEDGER_WORKSPACE={place}, or give --workspace {place}."
    )
