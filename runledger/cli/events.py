"""`runledger events`: the accepted events in their order, and the records that no reader accepts."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from runledger.cli.output import Output, note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column, as_text, event_name, moment

if TYPE_CHECKING:
    from ledger.feed import FeedEvent

_POLL_SECONDS = 0.5
_BATCH = 500


@click.group(cls=Noun)
def events() -> None:
    """Read the accepted events, and the records that are void."""


@events.command()
@click.option(
    "--last", type=click.IntRange(min=0), default=10, show_default=True, metavar="N", help="how many to begin with"
)
@click.option("-f", "--follow", is_flag=True, help="go on with new events until interrupted")
@pass_session
def tail(session: Session, last: int, follow: bool) -> None:  # fmt: skip
    """Show the last events, oldest first, one on a line; JSON is one object on a line."""
    with session.embedded() as parts:
        parts.log.catch_up()
        end = parts.feed.last_position()
        if not end:
            note("No events yet.")
        position = _tell(session.output, parts.feed.latest(last)) or end
        while follow:
            parts.log.catch_up()
            told = _tell(session.output, parts.feed.after(position, _BATCH))
            if told is None:
                time.sleep(_POLL_SECONDS)
            position = told or position


@events.command()
@pass_session
def void(session: Session) -> None:
    """List the records that break a rule: kept and counted, and passed over by every reader."""
    from runledger.recorded import void_document  # noqa: PLC0415 - help needs none of it
    from schemas.streams import CONTROL, VALUES  # noqa: PLC0415

    with session.embedded() as parts:
        parts.log.catch_up()
        parts.values_log.catch_up()
        result = [void_document(log, found) for log in (CONTROL, VALUES) for found in parts.database.voids(log)]
    if not result:
        note("No record is void.")
    session.output.write(result, _VOID_COLUMNS)


@events.command()
@pass_session
def heads(session: Session) -> None:
    """Show the last event of every stream, number and hash: what any reader of the logs must come to.

    JSON is one object on a line, as the reader in examples/reader prints it of the topics.
    """
    from runledger.recorded import head_documents  # noqa: PLC0415 - help needs none of it

    with session.embedded() as parts:
        parts.log.catch_up()
        parts.values_log.catch_up()
        result = head_documents(parts.database)
    session.output.write(result, _HEAD_COLUMNS, by_line=True)


def _tell(output: Output, found: "list[FeedEvent]") -> int | None:
    if not found:
        return None
    from runledger.recorded import event_document  # noqa: PLC0415 - help needs none of it

    output.write([event_document(event, as_text) for event in found], _lines, by_line=True)
    return found[-1].position


def _lines(documents: list[dict[str, Any]]) -> Iterator[str]:
    for event in documents:
        name = as_text(event_name(event["type"]))
        start = f"{event['position']:>7}  {moment(event['recorded_at'])}  {as_text(event['stream']):<40}  {name:<20}"
        yield f"{start}  {as_text(event['actor']):<10}  {as_text(event['summary'])}".rstrip()


def _headers(found: Any) -> str:
    return "; ".join(f"{name}={value}" for name, value in found["headers"])


_HEAD_COLUMNS = (
    Column("LOG", lambda found: found["log"], whole=True),
    Column("STREAM", lambda found: found["stream"], whole=True),
    Column("SEQ", lambda found: found["seq"], whole=True),
    Column("HASH", lambda found: found["hash"], whole=True),
)

_VOID_COLUMNS = (
    Column("LOG", lambda found: found["log"], whole=True),
    Column("POSITION", lambda found: found["position"], whole=True),
    Column("RECORDED (UTC)", lambda found: moment(found["recorded_at"])),
    Column("RULE", lambda found: found["rule"], whole=True),
    Column("KEY", lambda found: found["key"]),
    Column("HEADERS", _headers),
)
