"""`runledger topic`: the two Kafka topics of a ledger, for who operates the cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runledger.cli.exit_codes import ExitCode
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column, plain_table

if TYPE_CHECKING:
    from ledger.logs.kafka.address import KafkaAddress

_ADDRESS = click.argument("address", required=False, metavar="[kafka://HOST:PORT[,...]/NAME]")
_DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="the folder of the workspace whose topics are meant, where no address is given",
)


@click.group(cls=Noun)
def topic() -> None:
    """Make, check and look at the Kafka topics of a ledger.

    They are those of an address, else those of the workspace. A topic that is there is never changed.
    """


@topic.command()
@_ADDRESS
@_DATA
@click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="how many the values log has, for good; else 8. The control log has one",
)
@click.option("--dry-run", is_flag=True, help="tell what would be made, also as Kafka's own commands; make nothing")
@click.pass_context
@pass_session
def create(
    session: Session,
    context: click.Context,
    address: str | None,
    data: Path | None,
    partitions: int | None,
    dry_run: bool,
) -> None:
    """Make the topics that are not there, with settings that lose no history.

    How many copies there are and how many must have a record goes by the number of brokers. The exit code is 6 if a
    topic is there already and is not as it must be.
    """
    from runledger.topics import make_topics  # noqa: PLC0415 - help needs none of it

    result = make_topics(_address(session, address, data), partitions, dry_run=dry_run)
    session.output.write(result, _planned)
    problems = [f"{row['topic']} is there and stays as it is: {each}" for row in result for each in row["problems"]]
    for problem in problems:
        note(problem)
    if problems:
        context.exit(ExitCode.CHECK_FAILED)


@topic.command()
@_ADDRESS
@_DATA
@click.pass_context
@pass_session
def check(session: Session, context: click.Context, address: str | None, data: Path | None) -> None:
    """List what is wrong with the topics, each with the command that mends it.

    The exit code is 6 if anything could lose history or keep a server from its work.
    """
    from runledger.topics import check_topics  # noqa: PLC0415 - help needs none of it

    result = check_topics(_address(session, address, data))
    session.output.write(result, _complaints)
    if not result:
        note("Both topics are as they must be.")
    if any(row["level"] == "fail" for row in result):
        context.exit(ExitCode.CHECK_FAILED)


@topic.command()
@_ADDRESS
@_DATA
@pass_session
def describe(session: Session, address: str | None, data: Path | None) -> None:
    """Show settings, partitions, leaders and copies, how much lies in each, and whose log it is."""
    from runledger.topics import describe_topics  # noqa: PLC0415 - help needs none of it

    session.output.write(describe_topics(_address(session, address, data)), _descriptions)


def _address(session: Session, address: str | None, data: Path | None) -> "KafkaAddress":
    from runledger.topics import address_named, address_of_workspace  # noqa: PLC0415

    session.hush()
    if address is not None:
        return address_named(address)
    return address_of_workspace(str(data) if data is not None else session.location())


def _planned(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        partitions = "1 partition" if row["partitions"] == 1 else f"{row['partitions']} partitions"
        copies = "1 copy" if row["replicas"] == 1 else f"{row['replicas']} copies"
        yield f"{row['topic']}: {row['result']}, {partitions}, {copies}"
        for name, value in row["settings"].items():
            yield f"  {name}={value}"
        for command in (row["command"], row["grant"]):
            if command is not None and row["result"] != "made":
                yield f"  {command}"


def _complaints(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield f"{row['level']}  {row['topic']}: {row['problem']}"
        if row["command"] is not None:
            yield f"      {row['command']}"


def _descriptions(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if not row["there"]:
            yield f"{row['topic']} is not there"
            continue
        yield row["topic"]
        yield f"  log id {row['log_id']}" if row["log_id"] else f"  no log id: {row['trouble']}"
        if row["recorded_partitions"]:
            yield f"  made with {row['recorded_partitions']} partition(s)"
        yield f"  {row['replicas']} of {row['brokers']} broker(s) have a copy"
        yield from (f"  {name}={value}" for name, value in row["settings"].items())
        if row["allowed"] is not None:
            yield f"  allowed here: {', '.join(row['allowed']) or 'nothing'}"
        yield from (f"  {line}" for line in plain_table(_PARTITIONS, row["partitions"]))


_PARTITIONS = (
    Column("PARTITION", lambda row: row["partition"]),
    Column("LEADER", lambda row: row["leader"]),
    Column("COPIES", lambda row: ",".join(map(str, row["replicas"]))),
    Column("IN SYNC", lambda row: ",".join(map(str, row["in_sync"]))),
    Column("FIRST", lambda row: row["first"]),
    Column("END", lambda row: row["end"]),
    Column("BYTES", lambda row: row["bytes"]),
)
