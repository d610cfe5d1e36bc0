"""Which application answers: the API for programs, or the pages for people."""

from starlette.types import ASGIApp, Receive, Scope, Send

from alerts.unsubscribe import PATH as UNSUBSCRIBE

_PROGRAMS = ("/api/", "/history/", "/livez", "/readyz", "/metrics", "/openapi.json", UNSUBSCRIBE)


class Front:
    """Tells by the path."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        """Stand before both."""
        self._api = api
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        ours = scope["type"] == "http" and not scope["path"].startswith(_PROGRAMS)
        await (self._pages if ours else self._api)(scope, receive, send)
