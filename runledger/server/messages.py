"""Reading what clients send: bodies of a bearable size, commands, questions."""

import json
import re
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ledger.commands import Command
from ledger.filters import Filter, split
from ledger.liveness.writers import LiveWriter
from ledger.metrics import SeriesQuery
from ledger.problems import BadMessageError
from ledger.queries import AUDITED_AT_ONCE, KEYS_AT_ONCE, RUNS_COMPARED, AuditQuery, KeyQuery, RunQuery
from ledger.tables import TableName, TableQuery
from ledger.wire import command_from, key_from, pairs_from
from runledger.server.replies import JSON, BodyTooLargeError
from schemas.events import RunLoggedEvent
from schemas.events.base import Maybe, Microseconds, Text
from schemas.limits import Limits

M = TypeVar("M", bound=BaseModel)

_ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"')
_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")

BODY_BYTES = 16_000_000
MAIL = "message/rfc822"
MAIL_BYTES = 4_000_000
_NAMES = {JSON: "JSON", MAIL: "a mail"}
BUCKETS = 10_000
RUNS_AT_ONCE = 100
RUNS_OF_A_TABLE = 10_000
REPORTED_WRITERS = 10_000
BULK_COMMANDS = Limits().children_per_call


class AtLeast(BaseModel):
    """The position that an answer must include."""

    model_config = ConfigDict(extra="forbid")

    at_least: Annotated[int, Field(ge=0, lt=2**62)] = 0


class RunParameters(AtLeast):
    """`RunQuery` as parameters of a URL: `tag=KEY=VALUE`; `tag=KEY` for any value; `%3D` is a `=` in a key."""

    experiment: str | None = None
    status: list[str] = []
    tag: list[str] = []
    bare_tag: list[str] = []
    property: list[str] = []
    run_type: str | None = None
    target: str | None = None
    parent_run_id: str | None = None
    root_run_id: str | None = None
    include_children: bool = False
    include_archived: bool = False
    started_from: str | None = None
    started_before: str | None = None
    search: str | None = None
    order_by: str | None = None
    filter: list[str] = []
    columns: str | None = None
    count: bool = False
    family: bool = False
    limit: int = 50
    cursor: str | None = None
    as_of: str | None = None

    def query(self) -> RunQuery:
        """The question."""
        return RunQuery(
            experiment=self.experiment,
            statuses=self.status,
            tags=pairs_from(self.tag) | {key_from(key): None for key in self.bare_tag},
            properties=pairs_from(self.property),
            run_type=self.run_type,
            target=self.target,
            parent_run_id=self.parent_run_id,
            root_run_id=self.root_run_id,
            include_children=self.include_children,
            include_archived=self.include_archived,
            started_from=self.started_from,
            started_before=self.started_before,
            search=self.search,
            order_by=self.order_by,
            filters=tuple(map(Filter.parse, self.filter)),
            columns=None if self.columns is None else [name for name in split(self.columns) if name],
            count=self.count,
            family=self.family,
            limit=self.limit,
            cursor=self.cursor,
            as_of=self.as_of,
        )


class RunMoment(AtLeast):
    """As of when: a position, a time in ISO 8601, or `FIELD=VALUE` where it came to be so last; without it, now."""

    as_of: Annotated[str | None, Field(max_length=1_000)] = None


class LedgerMoment(AtLeast):
    """As of when: a position, or a time in ISO 8601; without it, now."""

    as_of: Annotated[str | None, Field(max_length=100)] = None


class CompareParameters(LedgerMoment):
    """The runs to compare."""

    run_id: Annotated[list[str], Field(min_length=2, max_length=RUNS_COMPARED)]


class KeyParameters(AtLeast):
    """Keys of one kind that begin like a prefix; behind `after`, at most `limit`."""

    kind: str
    prefix: str = ""
    experiment: str | None = None
    after: str | None = None
    limit: int = KEYS_AT_ONCE

    def query(self) -> KeyQuery:
        """The question."""
        return KeyQuery(**self.model_dump(exclude={"at_least"}))


class ValueParameters(KeyParameters):
    """As `KeyParameters`, for the values of a key; of a kind without keys, such as status, of it."""

    key: str | None = None


class AuditParameters(AtLeast):
    """What was done: by whom, to what, when; `since` and `until` are milliseconds of the time of record."""

    actor: str | None = None
    action: str | None = None
    stream: str | None = None
    kind: str | None = None
    experiment: str | None = None
    field: str | None = None
    value: str | None = None
    client: str | None = None
    address: str | None = None
    since: Annotated[int | None, Field(ge=0, lt=1 << 53)] = None
    until: Annotated[int | None, Field(ge=0, lt=1 << 53)] = None
    because_of: Annotated[int | None, Field(ge=0, lt=1 << 62)] = None
    refused: bool | None = None
    as_of: Annotated[int | None, Field(ge=0, lt=1 << 62)] = None
    oldest_first: bool = False
    limit: Annotated[int, Field(ge=1, le=AUDITED_AT_ONCE)] = 50
    cursor: str | None = None

    def query(self) -> AuditQuery:
        """The question."""
        return AuditQuery(**self.model_dump(exclude={"at_least"}))


class ArtifactParameters(AtLeast):
    """Names that begin with one of these; all without any."""

    prefix: list[str] = []


class ContentParameters(BaseModel):
    """How large a content is, in bytes."""

    model_config = ConfigDict(extra="forbid")

    size: Annotated[int, Field(ge=0, lt=2**62)]


class OutputParameters(AtLeast):
    """The place in a script's output to read from."""

    start: Annotated[int, Field(ge=0, lt=2**62)] = 0


class SeriesParameters(AtLeast):
    """Which points of a run: of one metric or of all, from one step to another; both logs may be waited for."""

    values_at_least: Annotated[int, Field(ge=0, lt=2**62)] = 0
    name: str | None = None
    first_step: int | None = None
    last_step: int | None = None
    as_of: str | None = None

    def query(self, run_id: str) -> SeriesQuery:
        """The question."""
        return SeriesQuery(
            run_id=run_id, name=self.name, first_step=self.first_step, last_step=self.last_step, as_of=self.as_of
        )


class SeveralSeriesParameters(LedgerMoment):
    """Points of which runs, and of which metric or of all; each place of the values log is waited for."""

    run_id: Annotated[list[str], Field(min_length=1, max_length=RUNS_AT_ONCE)]
    values_at_least: list[Annotated[int, Field(ge=0, lt=2**62)]] = []
    name: str | None = None


class ThinnedParameters(SeriesParameters):
    """As `SeriesParameters`, with the number of marks."""

    buckets: Annotated[int, Field(ge=1, le=BUCKETS)] = 500


class BatchMessage(RunLoggedEvent):
    """A batch of logged values with its run and the time of its last point."""

    run_id: Text
    occurred_at: Maybe[Microseconds] = None

    def event(self) -> RunLoggedEvent:
        """What is appended."""
        return RunLoggedEvent.model_construct(writer=self.writer, first=self.first, last=self.last, series=self.series)


def _check_writer(writer: LiveWriter) -> LiveWriter:
    if not all(_ID.fullmatch(name) for name in writer):
        raise ValueError("an id has 1 to 256 letters, digits, '.', '_' or '-'")
    return writer


Reported = Annotated[list[Annotated[LiveWriter, AfterValidator(_check_writer)]], Field(max_length=REPORTED_WRITERS)]


class PresenceMessage(BaseModel):
    """Writers that are alive, each with its run, and writers that have left."""

    model_config = ConfigDict(extra="forbid")

    writers: Reported
    left: Reported = []


class PreviewMessage(AtLeast):
    """What a rule would have sent, or a draft in its place, from one moment to another (milliseconds)."""

    rule_id: str | None = None
    draft: dict[str, Any] | None = None
    since: int | None = None
    until: int | None = None


class TableMessage(AtLeast):
    """Rows of the history, all conditions of which hold; `since` and `until` are milliseconds of the time of record."""

    values_at_least: list[Annotated[int, Field(ge=0, lt=2**62)]] = []
    run_ids: Annotated[list[str], Field(max_length=RUNS_OF_A_TABLE)] = []
    experiment: str | None = None
    metric: str | None = None
    since: Annotated[int | None, Field(ge=0, lt=1 << 53)] = None
    until: Annotated[int | None, Field(ge=0, lt=1 << 53)] = None
    cursor: str | None = None

    def query(self, table: TableName) -> TableQuery:
        """The question."""
        return TableQuery(table=table, **self.model_dump(exclude={"at_least", "values_at_least", "cursor"}))


async def _read_body(request: Request) -> bytes:
    return await _body_of(request, JSON, BODY_BYTES)


async def _read_mail(request: Request) -> bytes:
    return await _body_of(request, MAIL, MAIL_BYTES)


async def _body_of(request: Request, kind: str, most: int) -> bytes:
    # A page of another site can send text without being asked for leave, but none of these.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise BadMessageError(f"send {_NAMES[kind]}, with the header `Content-Type: {kind}`")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BodyTooLargeError(f"the request is larger than {most:,} bytes; send less at once")
    return bytes(body)


async def _read_json(body: Annotated[bytes, Depends(_read_body)]) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadMessageError(f"the request is no JSON: {error}") from error


async def _read_command(
    content: Annotated[Any, Depends(_read_json)], if_match: Annotated[str | None, Header()] = None
) -> Command:
    command = command_from(content)
    as_of = _position_in(if_match)
    if as_of is None:
        return command
    if command.as_of not in {None, as_of}:
        raise BadMessageError(f"If-Match says position {as_of} and the command says as_of {command.as_of}")
    return replace(command, as_of=as_of)


def _position_in(if_match: str | None) -> int | None:
    """The position that a client's `ETag` names; None for any (RFC 9110, 13.1.1)."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise BadMessageError(f'If-Match takes one ETag of this API, such as "12", not {if_match[:80]!r}')
    return int(found[1])


async def _read_commands(content: Annotated[Any, Depends(_read_json)]) -> list[Command]:
    items = content.get("commands") if isinstance(content, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= BULK_COMMANDS:
        raise BadMessageError(f'send {{"commands": [...]}} with 1 to {BULK_COMMANDS:,} commands')
    return [_numbered(index, item) for index, item in enumerate(items)]


def _read_batch(body: Annotated[bytes, Depends(_read_body)]) -> BatchMessage:
    return _validated(BatchMessage, body)


def _read_presence(body: Annotated[bytes, Depends(_read_body)]) -> PresenceMessage:
    return _validated(PresenceMessage, body)


def _read_preview(body: Annotated[bytes, Depends(_read_body)]) -> PreviewMessage:
    return _validated(PreviewMessage, body)


def _read_table(body: Annotated[bytes, Depends(_read_body)]) -> TableMessage:
    return _validated(TableMessage, body)


def _validated(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise BadMessageError(f"{where}: {first['msg']}") from error


def _numbered(index: int, item: Any) -> Command:
    try:
        return command_from(item)
    except BadMessageError as error:
        raise BadMessageError(f"commands[{index}]: {error}") from error


SentMail = Annotated[bytes, Depends(_read_mail)]
SentCommand = Annotated[Command, Depends(_read_command)]
SentBatch = Annotated[BatchMessage, Depends(_read_batch)]
SentPresence = Annotated[PresenceMessage, Depends(_read_presence)]
SentPreview = Annotated[PreviewMessage, Depends(_read_preview)]
SentTable = Annotated[TableMessage, Depends(_read_table)]
SentCommands = Annotated[list[Command], Depends(_read_commands)]
