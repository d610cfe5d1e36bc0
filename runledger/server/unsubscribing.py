"""The page behind the link in each mail: to look at it changes nothing, its buttons take effect at once (RFC 8058).

Whoever has the link may use it, without a token: it was sent to the recipient alone, and says nothing
that the mail did not say.
"""

import logging
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from html import escape
from http import HTTPStatus
from urllib.parse import parse_qs

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from alerts.deliver.rate import Bucket, Rate
from alerts.signing import Signer
from alerts.unsubscribe import PATH, Subscription, subscription_of
from ledger.application.handling import Caller, Ledger
from ledger.commands import RecipientCommand, Resubscribe, Unsubscribe
from ledger.errors import ConflictError, RefusedError, UnavailableError
from schemas.errors import LedgerError

_WRONG, _WRONG_AT_ONCE = Rate(600, 60), 50
_CHANGES, _CHANGES_AT_ONCE = Rate(60, 60), 10
_KEPT = 10_000
_BODY_BYTES = 10_000
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}\n"
    "button{font:inherit;padding:.4rem .8rem;margin:0 .5rem .5rem 0}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>{style}</style></head>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>
"""
_STOP = {"rule": "Stop mails of this rule", "all": "Stop all mails of this run ledger"}
_UNDO = {"rule": {"again": "Undo"}, "all": {"all-again": "Undo"}}

_log = logging.getLogger(__name__)


class Unsubscribing:
    """Answers at the links; `signer` is asked for when the first is used."""

    def __init__(
        self,
        ledger: Ledger,
        signer: Callable[[], Signer],
        caller: Caller,
        lagging: Callable[[], LedgerError | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Decide on `ledger`, in the name of the recipient, from where `caller` is."""
        self._ledger = ledger
        self._signer = signer
        self._source = caller.source
        self._lagging = lagging
        self._clock = clock
        self._wrong = Bucket.full(_WRONG, self._now(), _WRONG_AT_ONCE)
        self._changes: OrderedDict[str, Bucket] = OrderedDict()

    def routes(self) -> APIRouter:
        """What is reached without a token."""
        routes = APIRouter(include_in_schema=False)
        routes.get(PATH + "{token}")(self.look)
        routes.post(PATH + "{token}")(self.act)
        return routes

    async def look(self, token: str) -> Response:
        """The page with its buttons; programs that follow every link come by here."""
        found = await self._subscription(token)
        if isinstance(found, Response):
            return found
        return _page("Unsubscribe?", f"Mails of an alert rule go to {found.recipient}.", _STOP)

    async def act(self, token: str, request: Request) -> Response:
        """Do what a button says; what a mail program posts by itself is the rule alone."""
        found = await self._subscription(token)
        if isinstance(found, Response):
            return found
        action = await _action(request)
        if not self._may_change(found.recipient):
            return _too_many()
        try:
            lagging = self._lagging()
            if lagging is not None:
                raise lagging
            await to_thread.run_sync(self._ledger.handle, _command(found, action), self._caller(found))
        except (UnavailableError, ConflictError):
            text = "The ledger cannot be reached at the moment, so nothing was changed. Please try again."
            return _page("Not now", text, {action: "Try again"}, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "10"})
        except RefusedError:
            return _page("Unsubscribed from all", f"{found.recipient} gets no mails.", _UNDO["all"])
        return _done(found, action)

    async def _subscription(self, token: str) -> Subscription | Response:
        """What the link is about, or the answer to one that is not ours, which tells nothing."""
        found = subscription_of(await to_thread.run_sync(self._signer), token)
        if found is not None:
            return found
        if not self._wrong.left(self._now()):
            return _too_many()
        self._wrong = self._wrong.take(self._now(), 1)
        _log.warning(
            "an unsubscribe link was not signed with this server's key; servers of one log need one RUNLEDGER_KEY_FILE"
        )
        text = "It may have been cut off: copy the whole address from the mail, or answer whoever set up the rule."
        return _page("This link does not work", text, {}, HTTPStatus.NOT_FOUND)

    def _may_change(self, recipient: str) -> bool:
        now = self._now()
        bucket = self._changes.pop(recipient, None) or Bucket.full(_CHANGES, now, _CHANGES_AT_ONCE)
        allowed = bucket.left(now) > 0
        self._changes[recipient] = bucket.take(now, 1) if allowed else bucket
        while len(self._changes) > _KEPT:
            self._changes.popitem(last=False)
        return allowed

    def _caller(self, found: Subscription) -> Caller:
        return Caller(found.recipient, self._source)

    def _now(self) -> int:
        return int(self._clock() * 1_000)


def _command(found: Subscription, action: str) -> RecipientCommand:
    rule = None if action.startswith("all") else found.rule
    kind = Resubscribe if action.endswith("again") else Unsubscribe
    return kind(recipient=found.recipient, rule=rule, client="link in a mail")


def _done(found: Subscription, action: str) -> Response:
    of = "any rule" if action.startswith("all") else "this rule"
    if action.endswith("again"):
        return _page("Subscribed again", f"{found.recipient} gets the mails of {of} again.", _STOP)
    return _page("Unsubscribed", f"{found.recipient} gets no more mails of {of}.", _UNDO[action])


async def _action(request: Request) -> str:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES:
            return "rule"
    asked = parse_qs(body.decode("latin-1")).get("action", [""])[0]
    return asked if asked in {"rule", "all", "again", "all-again"} else "rule"


def _too_many() -> Response:
    text = "There were too many requests. Please try again in a minute."
    return _page("Not now", text, {}, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "60"})


def _page(
    title: str,
    text: str,
    buttons: Mapping[str, str],
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    shown = "".join(
        f'<button name="action" value="{action}">{escape(label)}</button>' for action, label in buttons.items()
    )
    form = f'<form method="post">{shown}</form>' if buttons else ""
    content = _PAGE.format(style=_STYLE, title=escape(title), text=escape(text), form=form)
    return Response(content, status, {**_HEADERS, **(headers or {})}, "text/html; charset=utf-8")
