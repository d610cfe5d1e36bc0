"""`runledger verify`: was the stored history changed?"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runledger.cli.exit_codes import ExitCode
from runledger.cli.output import note
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

if TYPE_CHECKING:
    from runledger.bookmark import Bookmark
    from runledger.verifying import Asked, Told

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_LOG_HELP = "the topics to compare with, kafka://HOST:PORT[,...]/NAME; without a folder they are checked by themselves"
# What is being done to many a what, by the names of `runledger.verifying.Step`.
_STEPS = {
    "events": ("verifying", "events"),
    "file": ("reading the whole file", "steps"),
    "seals": ("verifying seals", "positions"),
    "attestation": ("comparing with the attestation", "events"),
    "topics": ("reading the topics", "records"),
}
_CHANGED = {
    "topic": "the topic was changed",
    "replica": "ledger.db was changed",
    "either": "one of them was changed",
}


@click.command(cls=Verb)
@click.option("--against", type=_FILE, metavar="FILE", help="an attestation of before: nothing up to it has changed")
@click.option("--public-key", metavar="KEY", help="who signed that, as text or a file; else the workspace's own key")
@click.option("--data", type=_FOLDER, metavar="DIR", help="the folder of a server, as in `runledger server`")
@click.option("--log", metavar="ADDRESS", help=_LOG_HELP)
@click.option("--resume", is_flag=True, help="go on where an earlier check was stopped")
@click.option("--replica-only", is_flag=True, help="check ledger.db alone: no broker needs to be reached")
@click.pass_context
@pass_session
def verify(
    session: Session,
    context: click.Context,
    against: Path | None,
    public_key: str | None,
    data: Path | None,
    log: str | None,
    *,
    resume: bool,
    replica_only: bool,
) -> None:
    """Check that the stored history was not changed: every hash is computed again.

    Where the log is on Kafka, the topics are read from their first record as well, and compared with ledger.db
    record by record: what was changed, is missing or is too much in either is named, the first of each chain.
    The exit code is 6 if anything is not as it was. Nothing is written in the workspace.

    A check that is stopped, by Ctrl-C or for good, goes on with `--resume`: of the events before, the links are
    followed again, but their content is not read. A change of content since, under its old hash, is found
    by a check without it alone.

    What no chain can show, that the end was cut off or that everything was computed anew, is
    found with `--against` an attestation that was kept elsewhere.
    """
    if public_key is not None and against is None:
        raise click.UsageError("--public-key says who signed an attestation: name that with --against")
    if replica_only and log is not None:
        raise click.UsageError("--replica-only and --log exclude each other: name no topics, or compare with them.")
    if resume and log is not None and session.workspace is None and data is None:
        raise click.UsageError("--resume goes on with a check of a folder: of topics alone, nothing is kept.")
    if data is not None:
        session.workspace = str(data)
    if log is not None and session.workspace is None:
        if against is not None and public_key is None:
            raise click.UsageError("Without a folder nobody's key is known: name it with --public-key.")
        result = _of_topics(log, _asked("", against, public_key, None))
    else:
        location = session.location()
        asked = _asked(location, against, public_key, _topics(location, log, replica_only))
        result = _of_folder(location, replace(asked, bookmark=_bookmark(location), resume=resume))
        if resume and not result["resumed"]:
            note("There is no place to go on from: it was verified from the first event on.")
    session.output.write(result, _lines)
    if not result["intact"]:
        context.exit(ExitCode.CHECK_FAILED)


def _topics(location: str, log: str | None, replica_only: bool) -> str | None:
    from runledger.comparing import topics_of  # noqa: PLC0415 - help needs none of it

    return None if replica_only else log or topics_of(location)


def _asked(location: str, against: Path | None, public_key: str | None, topics: str | None) -> "Asked":
    from runledger.attesting import read_note, verifiers_of  # noqa: PLC0415 - help needs none of it
    from runledger.verifying import Asked  # noqa: PLC0415

    if against is None:
        return Asked(topics=topics)
    return Asked(read_note(against), verifiers_of(location, public_key), topics)


def _bookmark(location: str) -> "Bookmark":
    from runledger.bookmark import bookmark_of  # noqa: PLC0415 - help needs none of it
    from runledger.locating import folder_of  # noqa: PLC0415

    return bookmark_of(folder_of(location).ledger_db)


def _of_folder(location: str, asked: "Asked") -> dict[str, Any]:
    from runledger.verifying import verified  # noqa: PLC0415 - help needs none of it

    with Progress(*_STEPS["events"]) as progress:
        try:
            return verified(location, _telling(progress), asked)
        except KeyboardInterrupt:
            progress.wipe()
            if asked.bookmark is not None and asked.bookmark.file.exists():
                note("Stopped: `runledger verify --resume` goes on from about here.")
            raise


def _of_topics(log: str, asked: "Asked") -> dict[str, Any]:
    from runledger.verifying import verified_topics  # noqa: PLC0415 - help needs none of it

    with Progress(*_STEPS["topics"]) as progress:
        return verified_topics(log, _telling(progress), asked)


def _telling(progress: Progress) -> "Told":
    def told(step: str, done: int, total: int | None) -> None:
        progress.turn_to(*_STEPS[step])
        progress.update(done, total)

    return told


def _lines(result: dict[str, Any]) -> Iterator[str]:
    for log in result["logs"]:
        yield f"{log['log']} log {log['log_id']}"
        if log["intact"]:
            yield f"  {log['events']:,} events in {log['streams']:,} streams, {log['voids']:,} void records"
            if log["known_events"]:
                yield f"  the content of {log['known_events']:,} of them was checked before, their links again"
            yield f"  running hash {log['running_hash']}"
            yield "  chain intact"
        else:
            yield f"  {log['events']:,} events hold, then the first broken link:"
            yield f"  {log['broken']['text']}"
    for seal in result["seals"]:
        yield f"broken: {seal['text']}"
    if (attested := result["attestation"]) is not None:
        signers = ", ".join(attested["signed_by"])
        yield f"attestation of position {attested['position']}, {attested['recorded_at']}, signed by {signers}"
        yield from (f"  {each}" for each in attested["differences"] or ["nothing up to there has changed"])
    if result["topics"] is not None:
        yield from _lines_of_topics(result["topics"])
    if result["damage"] is not None:
        yield f"broken: {result['damage']}"


def _lines_of_topics(topics: dict[str, Any]) -> Iterator[str]:
    yield f"topics {topics['address']}"
    unread = f", {topics['unread']:,} more are not read yet" if topics["unread"] else ""
    known = f", {topics['known']:,} of them before" if topics["known"] else ""
    yield f"  {topics['compared']:,} records compared{known}{unread}"
    yield from (f"  {text}" for text in topics["wrong"])
    yield from (f"  {each['text']} ({_CHANGED[each['side']]})" for each in topics["differences"])
    if topics["more"]:
        yield f"  and {topics['more']:,} more"
    if topics["intact"]:
        yield "  topics and ledger.db hold the same"
