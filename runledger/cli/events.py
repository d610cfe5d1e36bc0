"""`runledger events`: the accepted events in their order, and the records that no reader accepts."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from runledger.cli.output import Output, note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column, as_text, event_name, moment

if TYPE_CHECKING:
    from ledger.feed import FeedEvent
    from ledger.store.fold import Void
    from schemas.records import Record
    from schemas.streams import LogName

_POLL_SECONDS = 0.5
_BATCH = 500
_SUMMARY_LENGTH = 120
# What every event carries, beside what it is about.
_COMMON = frozenset({"command", "digest", "reason", "on_behalf_of", "client"})


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
    from schemas.streams import CONTROL, VALUES  # noqa: PLC0415 - help needs none of it

    with session.embedded() as parts:
        parts.log.catch_up()
        result = [_void_document(log, found) for log in (CONTROL, VALUES) for found in parts.database.voids(log)]
    if not result:
        note("No record is void.")
    session.output.write(result, _VOID_COLUMNS)


def _tell(output: Output, found: "list[FeedEvent]") -> int | None:
    if not found:
        return None
    output.write([_event_document(event) for event in found], _lines, by_line=True)
    return found[-1].position


def _event_document(event: "FeedEvent") -> dict[str, Any]:
    envelope = event.envelope
    data = _payload(envelope.type, envelope.value)
    return {
        "position": event.position,
        "recorded_at": _iso(event.recorded_at),
        "stream": envelope.stream,
        "seq": envelope.seq,
        "type": envelope.type,
        "actor": envelope.actor,
        "summary": _summary(data),
        "id": envelope.id,
        "source": envelope.source,
        "occurred_at": envelope.time,
        "hash": event.hash.hex(),
        "data": data,
    }


def _void_document(log: "LogName", found: "Void") -> dict[str, Any]:
    record = found.record
    return {
        "log": log,
        "position": found.offset,
        "recorded_at": _iso(found.recorded_at),
        "rule": found.rule,
        "key": _readable(record.key),
        "headers": [[name, _readable(value)] for name, value in record.headers],
        "value": _void_value(record),
    }


def _void_value(record: "Record") -> str | None:
    from schemas.events.base import CONCEALED  # noqa: PLC0415 - help needs none of it
    from schemas.registry import secrets_in  # noqa: PLC0415

    types = [_readable(value) or "" for name, value in record.headers if name == "ce_type"]
    return CONCEALED if any(map(secrets_in, types)) else _readable(record.value)


def _lines(documents: list[dict[str, Any]]) -> Iterator[str]:
    for event in documents:
        name = as_text(event_name(event["type"]))
        start = f"{event['position']:>7}  {moment(event['recorded_at'])}  {as_text(event['stream']):<40}  {name:<20}"
        yield f"{start}  {as_text(event['actor']):<10}  {as_text(event['summary'])}".rstrip()


def _summary(data: Any) -> str:
    match data:
        case {"previous": previous, "status": status}:
            text = f"{previous} -> {status}"
        case {"key": key, "value": value} if value is not None:
            text = f"{key} = {_shown(value)}"
        case {"key": key}:
            text = str(key)
        case dict():
            text = ", ".join(f"{name}={_shown(value)}" for name, value in data.items() if name not in _COMMON)
        case _:
            text = _shown(data)
    return text if len(text) <= _SUMMARY_LENGTH else f"{text[: _SUMMARY_LENGTH - 3]}..."


def _shown(value: Any) -> str:
    return "(encrypted)" if isinstance(value, dict) and "$enc" in value else as_text(value)


def _payload(type_name: str, value: bytes) -> Any:
    from schemas.events.base import CONCEALED  # noqa: PLC0415 - help needs none of it
    from schemas.registry import secrets_in  # noqa: PLC0415

    secrets = secrets_in(type_name)
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return CONCEALED if secrets else _readable(value)
    return data | dict.fromkeys(secrets & data.keys(), CONCEALED) if secrets and isinstance(data, dict) else data


def _readable(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", errors="backslashreplace")


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _headers(found: Any) -> str:
    return "; ".join(f"{name}={value}" for name, value in found["headers"])


_VOID_COLUMNS = (
    Column("LOG", lambda found: found["log"], whole=True),
    Column("POSITION", lambda found: found["position"], whole=True),
    Column("RECORDED (UTC)", lambda found: moment(found["recorded_at"])),
    Column("RULE", lambda found: found["rule"], whole=True),
    Column("KEY", lambda found: found["key"]),
    Column("HEADERS", _headers),
)
