"""The command itself: finds the verb without loading the others, and answers for what goes wrong."""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import click
from click.exceptions import Exit, NoArgsIsHelpError

from ledger.workspace.mounts import MOUNTS
from runledger import VERSION
from runledger.cli.exit_codes import ExitCode, code_of, described
from runledger.cli.output import Output, note
from runledger.cli.session import Session
from runledger.cli.shared import Noun
from runledger.process import tune_collector

PROGRAM = "runledger"
COMMANDS = {
    "init": "Make a workspace in a folder.",
    "run": "List, show, start, change and compare runs.",
    "view": "Save, list, open, share and delete views of the run list.",
    "experiment": "List and show the experiments.",
    "folder": "Tie a folder to a workspace and an experiment.",
    "alert": "Say which changes of a run's status are mailed to whom.",
    "events": "Read the accepted events, and the records that are void.",
    "projection": "See how far the views are, and build them anew.",
    "replay": "Write the history as Parquet files, for any engine.",
    "audit": "Show who did what, when and why, and what was refused.",
    "erase": "Erase the personal text of a run or a user for good.",
    "verify": "Check that the stored history was not changed.",
    "attest": "Write a signed note of what the ledger holds.",
    "prove": "Write one run's history as a file that proves itself.",
    "sync": "Deliver the runs that scripts noted with RUNLEDGER_MODE=offline.",
    "doctor": "Look at all that the workspace stands on; say what is not well.",
    "config": "Show the settings and where they come from.",
    "server": "Serve a workspace over HTTP.",
    "topic": "Make, check and look at the Kafka topics of a ledger.",
    "token": "Give, list and revoke tokens for a server.",
    "user": "Add, list, change and disable the users of a server.",
    "login": "Store the token for a server.",
    "logout": "Forget the token for a server.",
    "completion": "Let a shell complete our commands with the Tab key.",
}
"""Each command and what it is for; it lies in the module of its name."""

_COMPLETING = "_RUNLEDGER_COMPLETE"


class _Root(Noun):
    """Loads a command when it is called, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """The names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"runledger.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List names and purposes."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Root)
@click.version_option(VERSION, message="%(prog)s %(version)s")
def app() -> None:
    """A ledger of machine-learning runs: what happened, in order, for good.

    `runledger init` makes a workspace. Scripts write to it with `from runledger import Workspace`.
    """


def main(argv: Sequence[str] | None = None, *, mounts: Path = MOUNTS) -> int:
    """Run the command and answer with its exit code; `mounts` is the system's table of mounts."""
    if os.environ.get(_COMPLETING):
        app.main(prog_name=PROGRAM)
    _prepare_streams()
    tune_collector()
    arguments = list(sys.argv[1:] if argv is None else argv)
    session = Session(Output(colour=_wants_colour()), mounts=mounts)
    try:
        code = _invoke(arguments, session)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads our output has seen enough.
        _drop_output()
        return ExitCode.DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nobody else is left to answer for it
        return _fail(error, debug=session.debug, as_json=_asks_for_json(arguments))
    return code


def _invoke(arguments: list[str], session: Session) -> int:
    try:
        with app.make_context(PROGRAM, arguments, obj=session) as context:
            app.invoke(context)
    except Exit as done:
        return done.exit_code
    return ExitCode.DONE


def _fail(error: BaseException, *, debug: bool, as_json: bool) -> int:
    if debug:
        traceback.print_exception(error)
    with suppress(OSError):
        if isinstance(error, KeyboardInterrupt) and sys.stderr.isatty():
            note("")  # behind the ^C that the terminal wrote
        help_text = error.format_message() if isinstance(error, NoArgsIsHelpError) else None
        note(help_text or described(error, as_json=as_json))
    if isinstance(error, OSError):
        _drop_output()
    return code_of(error)


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether JSON is asked for by name; told from the words, since they may be what is wrong."""
    text = "\0".join(arguments).replace("--output=", "-o").replace("--output\0", "-o").replace("-o\0", "-o")
    return any(word in {"-ojson", "-ojsonc"} for word in text.split("\0"))


def _wants_colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _prepare_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    # What is still buffered would fail again, loudly, when the interpreter ends.
    with suppress(OSError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
