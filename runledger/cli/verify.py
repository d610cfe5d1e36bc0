"""`runledger verify`: was the stored history changed?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runledger.cli.exit_codes import ExitCode
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

if TYPE_CHECKING:
    from runledger.verifying import Asked

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_LOG_HELP = "the topics to compare with, kafka://HOST:PORT[,...]/NAME; without a folder they are checked by themselves"
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
    replica_only: bool,
) -> None:
    """Check that the stored history was not changed: every hash is computed again.

    Where the log is on Kafka, the topics are read from their first record as well, and compared with ledger.db
    record by record: what was changed, is missing or is too much in either is named, the first of each chain.
    The exit code is 6 if anything is not as it was. Nothing is written anywhere.

    What no chain can show, that the end was cut off or that everything was computed anew, is
    found with `--against` an attestation that was kept elsewhere.
    """
    if public_key is not None and against is None:
        raise click.UsageError("--public-key says who signed an attestation: name that with --against")
    if replica_only and log is not None:
        raise click.UsageError("--replica-only and --log exclude each other: name no topics, or compare with them.")
    if data is not None:
        session.workspace = str(data)
    if log is not None and session.workspace is None:
        if against is not None and public_key is None:
            raise click.UsageError("Without a folder nobody's key is known: name it with --public-key.")
        result = _of_topics(log, _asked("", against, public_key, None))
    else:
        location = session.location()
        result = _of_folder(location, _asked(location, against, public_key, _topics(location, log, replica_only)))
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


def _of_folder(location: str, asked: "Asked") -> dict[str, Any]:
    from runledger.verifying import verified  # noqa: PLC0415 - help needs none of it

    with Progress("verifying", "events") as progress, Progress("comparing with the topics", "records") as comparing:
        return verified(location, progress.update, asked, comparing.update)


def _of_topics(log: str, asked: "Asked") -> dict[str, Any]:
    from runledger.verifying import verified_topics  # noqa: PLC0415 - help needs none of it

    with Progress("reading the topics", "records") as progress:
        return verified_topics(log, progress.update, asked)


def _lines(result: dict[str, Any]) -> Iterator[str]:
    for log in result["logs"]:
        yield f"{log['log']} log {log['log_id']}"
        if log["intact"]:
            yield f"  {log['events']:,} events in {log['streams']:,} streams, {log['voids']:,} void records"
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
    yield f"  {topics['compared']:,} records compared{unread}"
    yield from (f"  {text}" for text in topics["wrong"])
    yield from (f"  {each['text']} ({_CHANGED[each['side']]})" for each in topics["differences"])
    if topics["more"]:
        yield f"  and {topics['more']:,} more"
    if topics["intact"]:
        yield "  topics and ledger.db hold the same"
