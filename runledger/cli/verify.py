"""`runledger verify`: was the stored history changed?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ledger.errors import UnavailableError
from runledger.cli.exit_codes import ExitCode
from runledger.cli.progress import Progress
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

_DATA_HELP = "the folder of a server, as in `runledger server`; else as for every command"
_LOG_HELP = "the topics to compare with, kafka://HOST:PORT[,...]/NAME; without a folder they are checked by themselves"
_CHANGED = {
    "topic": "the topic was changed",
    "replica": "ledger.db was changed",
    "either": "one of them was changed",
}
_ALONE_HELP = "check ledger.db alone: no broker needs to be reached"


@click.command(cls=Verb)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), envvar="RUNLEDGER_DATA", metavar="DIR", help=_DATA_HELP
)
@click.option("--log", metavar="ADDRESS", help=_LOG_HELP)
@click.option("--replica-only", is_flag=True, help=_ALONE_HELP)
@click.pass_context
@pass_session
def verify(session: Session, context: click.Context, data: Path | None, log: str | None, *, replica_only: bool) -> None:
    """Check that the stored history was not changed: every hash is computed again.

    Where the log is on Kafka, the topics are read from their first record as well, and compared with ledger.db
    record by record: what was changed, is missing or is too much in either is named, the first of each chain.
    The exit code is 6 if anything is not as it was. Nothing is written anywhere.
    """
    if replica_only and log is not None:
        raise click.UsageError("--replica-only and --log exclude each other: name no topics, or compare with them.")
    if data is not None:
        session.workspace = str(data)
    result = _checked_topics(log) if log and session.workspace is None else _checked(session, log, alone=replica_only)
    session.output.write(result, _lines)
    if not result["intact"]:
        context.exit(ExitCode.CHECK_FAILED)


def _checked(session: Session, log: str | None, *, alone: bool) -> dict[str, Any]:
    from runledger.verifying import topics_of, verified  # noqa: PLC0415 - help needs none of it

    location = session.location()
    topics = None if alone else log or topics_of(location)
    with Progress("verifying", "events") as progress, Progress("comparing with the topics", "records") as compared:
        try:
            return verified(location, progress.update, topics, compared.update)
        except UnavailableError as error:
            if topics is None:
                raise
            raise UnavailableError(f"{error} --replica-only checks ledger.db without its topics.") from error


def _checked_topics(log: str) -> dict[str, Any]:
    from runledger.verifying import verified_topics  # noqa: PLC0415 - as above

    with Progress("reading the topics", "records") as progress:
        return verified_topics(log, progress.update)


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
