"""Whether what is to be told gets out, and why a run was told of or not."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import RunNotFoundError
from runledger.alerting import how_mail_goes_out
from runledger.studio.alerts.showing import Showing


class Health:
    """What waits, since when and why."""

    def __init__(self, showing: Showing) -> None:
        """Show with these."""
        self._showing = showing
        self._desk = showing.desk

    async def health(self, request: Request) -> Response:
        """The state of things, as the log tells it, and of this server's channels."""
        found = await self._desk.ask(self._found)
        return self._showing.page(request, "alerts/health.html", channels=list(self._desk.channels()), **found)

    async def explain(self, request: Request) -> Response:
        """Why each rule did or did not tell of a run."""
        run_id = request.query_params.get("run", "").strip()
        if not run_id:
            return self._showing.page(request, "alerts/explain.html", run_id="", reasons=None, wrong=None)
        try:
            reasons = await self._desk.ask(lambda: self._desk.parts.alerts.explain(run_id))
        except RunNotFoundError as error:
            return self._showing.page(
                request, "alerts/explain.html", 404, run_id=run_id, reasons=None, wrong=str(error)
            )
        return self._showing.page(request, "alerts/explain.html", run_id=run_id, reasons=reasons, wrong=None)

    def _found(self) -> dict[str, Any]:
        parts = self._desk.parts
        rules = {rule["rule_id"]: rule["name"] for rule in parts.alerts.rules()}
        suppressed = [each for each in parts.alerts.recipients() if each["suppressed"]]
        how = how_mail_goes_out(str(parts.folder.path.parent))
        return {"health": parts.alerts.health(), "rules": rules, "suppressed": suppressed, "how": how}
