"""`runledger erase`: destroy the key of somebody's text, and delete all that was made of it."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ledger.errors import RefusedError
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun

if TYPE_CHECKING:
    from runledger.erasing import Erasure
    from runledger.wiring import Embedded

Decide = Callable[["Embedded"], "Erasure"]

_REASON = click.option("--reason", required=True, metavar="TEXT", help="why; it stays in the history, for all to read")
_YES = click.option("--yes", is_flag=True, help="do not ask")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="tell what would be erased, and do nothing")


@click.group(cls=Noun)
def erase() -> None:
    """Erase the personal text of a run or a user for good; that it was there, and was erased, stays in the history."""


@erase.command()
@click.argument("run_id", metavar="RUN_ID")
@_REASON
@_YES
@_DRY_RUN
@click.option("--lake", "lakes", multiple=True, metavar="FOLDER|URL", help="a lake that another workspace filled too")
@pass_session
def run(session: Session, run_id: str, reason: str, *, yes: bool, dry_run: bool, lakes: tuple[str, ...]) -> None:
    """Erase the text of a run that has ended: names, tags, values of properties, logged texts, log lines, files.

    Lakes that `runledger replay` filled from this workspace are rewritten too, wherever they are noted.
    """
    from runledger.erasing import erasure_of_run  # noqa: PLC0415 - help needs none of it

    _erase(session, f"run {run_id}", lambda parts: erasure_of_run(parts, run_id, lakes), reason, yes, dry_run)


@erase.command()
@click.argument("name")
@_REASON
@_YES
@_DRY_RUN
@pass_session
def user(session: Session, name: str, reason: str, *, yes: bool, dry_run: bool) -> None:
    """Erase a user: name and address, from where the user logged in, and to whom mails went. The user is disabled.

    The name stays where it stands as the actor of events, and runs that the user started keep their text: erase
    them one by one (`runledger run list --filter submitter:is:NAME` lists them).
    """
    from runledger.erasing import erasure_of_user  # noqa: PLC0415 - help needs none of it

    _erase(session, f"user {name}", lambda parts: erasure_of_user(parts, name), reason, yes, dry_run)


def _erase(session: Session, what: str, decide: Decide, reason: str, yes: bool, dry_run: bool) -> None:
    from runledger.erasing import steps  # noqa: PLC0415 - help needs none of it

    _check_location(session)
    with session.embedded() as parts:
        erasure = decide(parts)
        if erasure.before:
            note(_about_before(erasure.before))
        if dry_run:
            session.output.write(erasure.document() | {"erased": False})
            return
        _check_something(what, erasure)
        _confirm(what, erasure, yes=yes)
        done: dict[str, int] = {}
        for step in steps(parts, erasure, reason):
            done[step.name] = step.do()
    session.output.write(erasure.document() | {"erased": True, "done": done}, lambda found: _lines(what, found))


def _check_something(what: str, erasure: "Erasure") -> None:
    if not erasure.keys:
        raise RefusedError(
            f"nothing of {what} is encrypted, so nothing of it can be erased: it was stored before encryption was set "
            "up, or has no text. The log keeps it as it is (docs/privacy.md)."
        )


def _confirm(what: str, erasure: "Erasure", *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: add --yes, or look with --dry-run.")
    held = f"{erasure.events:,} events and {len(erasure.files):,} files"
    click.confirm(f"Erase the text of {what} for good ({held})? It cannot be undone.", abort=True, err=True)


def _about_before(count: int) -> str:
    return (
        f"{count:,} events were stored before encryption was set up: their text stays in the log and is not erased "
        "(docs/privacy.md)."
    )


def _check_location(session: Session) -> None:
    from runledger.locating import is_url  # noqa: PLC0415

    location = session.location()
    if is_url(location):
        raise RefusedError(
            f"to erase needs the keys, and {location} is a server: run it on that machine with `-w FOLDER`, the folder "
            "that the server was given as --data. The server may go on meanwhile."
        )


def _lines(what: str, found: dict[str, Any]) -> Iterator[str]:
    done = found["done"]
    yield f"the text of {what} is erased: {found['events']:,} events say (erased) from now on"
    yield f"  keys destroyed: {len(found['keys']):,}"
    if found.get("run_id"):
        yield f"  files deleted: {done['files']:,}, journals: {done['journals']:,}"
        yield f"  Parquet files rewritten: {done['lakes']:,}"
    yield "  tables and search index written anew; `runledger verify` checks the chain as before"
