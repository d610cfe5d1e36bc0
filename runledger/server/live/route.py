"""`GET /api/v1/stream`: what happens, as server-sent events."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from ledger.problems import BadMessageError
from runledger.server.asking import Asking
from runledger.server.guard import Visitor
from runledger.server.live.follower import Follower, Wants
from runledger.server.live.stream import Place, Stream
from runledger.server.openapi import STREAM_REPLY
from schemas.streams import user_stream

ABORT = "runledger.abort"
"""The extension of the scope whose member `now` breaks a connection off."""
_PLACE = re.compile(r"([0-9]{1,18})(?:-([A-Za-z0-9-]{1,64}))?")
_NAMED = 100
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class StreamParameters(BaseModel):
    """Of which runs and experiments to hear, of all without any; `after` is a position or the id of an event."""

    model_config = ConfigDict(extra="forbid")

    run: Annotated[list[str], Field(max_length=_NAMED)] = []
    experiment: Annotated[list[str], Field(max_length=_NAMED)] = []
    after: Annotated[str, Field(pattern=rf"^{_PLACE.pattern}$")] | None = None
    follow: bool = True


class StreamApi:
    """The route, on the one stream of this server."""

    def __init__(self, stream: Stream, log_id: str, check_run: Callable[[str], None]) -> None:
        """`check_run` raises RunNotFoundError for a run that is not there."""
        self._stream, self._log_id, self._check_run = stream, log_id, check_run

    async def follow(self, asked: Annotated[StreamParameters, Query()], visitor: Asking, request: Request) -> Response:
        """What happens, as it happens (server-sent events): an event's `id` is its position and the ledger's id.

        Goes on behind the header `Last-Event-ID`, else behind `after`, else behind what is there already. Then comes
        `position`; before it `reset` in the place of events that are too many, or of another ledger. Of runs that are
        named there are `values` and `output` too, each with how far they reach. `follow=false` ends after `position`.
        """
        for run_id in asked.run:
            await to_thread.run_sync(self._check_run, run_id)
        wants = Wants(frozenset(asked.run), frozenset(asked.experiment))
        abort = request.scope.get("extensions", {}).get(ABORT, {}).get("now", lambda: None)
        follower = Follower(wants, user=self._user(visitor), abort=abort)
        await self._stream.follow(follower, _place(request.headers.get("last-event-id") or asked.after))
        if not asked.follow:
            follower.end()
        return EventStream(follower, self._stream)

    def _user(self, visitor: Visitor) -> str | None:
        return user_stream(self._log_id, visitor.caller.actor) if visitor.known else None


class EventStream(Response):
    """An answer that ends when the client goes, or the stream does."""

    def __init__(self, follower: Follower, stream: Stream) -> None:
        """Send what `follower` is told."""
        super().__init__()
        self._follower, self._stream = follower, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        """Send until the end."""
        leaving = asyncio.create_task(_until_gone(receive, self._follower))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            while (chunk := await self._follower.next()) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._stream.leave(self._follower)
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving


def stream_routes(api: StreamApi) -> APIRouter:
    """The route, below those of the API."""
    routes = APIRouter()
    routes.get("/stream", name="stream", **STREAM_REPLY)(api.follow)
    return routes


async def _until_gone(receive: Receive, follower: Follower) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    follower.end()


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadMessageError(f"{text[:80]!r} is no id of an event of this stream, which is POSITION-LEDGER")
    return Place(int(found[1]), found[2])
