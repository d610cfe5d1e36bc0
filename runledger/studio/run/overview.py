"""What the first tab of a run shows: what it is, what it came to, and what proves it."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ledger.metrics import MetricSummary
from ledger.queries import RunDocument, RunQuery
from runledger.server.desk import Desk
from runledger.studio.markdown import markdown
from runledger.studio.pages import Pages
from runledger.studio.past import Past, moment_of
from runledger.studio.run.frame import frame_of
from schemas.limits import Limits

_METRICS, _PARAMETERS = 30, 50
"""How many are shown at once; the other tab has all metrics, a click all parameters."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Overview:
    """The first tab, also with what is wrong with a form of it."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        """Show what the desk answers."""
        self._desk = desk
        self._pages = pages

    async def show(self, request: Request, code: int = 200, wrong: Mapping[str, Any] = _NOTHING) -> Response:
        """The tab; `wrong` is what to say beside which `form`, and what was `typed` there."""
        frame = await frame_of(self._desk, request)
        run = frame["run"]
        found = await self._desk.in_thread(partial(self._more, run, frame["past"]))
        edited = request.query_params.get("edit")
        shown = {"edited": edited, "limits": Limits(), "parameters_shown": _PARAMETERS, "wrong": wrong}
        return self._pages.page(request, "run/overview.html", code, **(frame | found | shown))

    def _more(self, run: RunDocument, past: Past | None) -> dict[str, Any]:
        parts, run_id = self._desk.parts, run["run_id"]
        metrics = parts.metrics.summaries(run_id, as_of=moment_of(past))
        return {
            "description": markdown(run["description"]) if run.get("description") else None,
            "children": self._children(run_id, moment_of(past)),
            "trail": parts.queries.trail(run_id, None if past is None else past.position),
            "metrics": [last_of(metric) for metric in metrics[:_METRICS]],
            "metrics_in_all": len(metrics),
        }

    def _children(self, run_id: str, as_of: str | None) -> Mapping[str, Any] | None:
        """How many children of which status the run has; None if it has none."""
        query = RunQuery(parent_run_id=run_id, include_archived=True, family=True, columns=(), limit=1, as_of=as_of)
        parents = self._desk.parts.queries.runs(query).parents
        return next((each["children"] for each in parents if each["run_id"] == run_id), None)


def last_of(metric: MetricSummary) -> dict[str, Any]:
    """A metric as a row: of a table or a list the number of its points, else its last value."""
    is_row = isinstance(metric.last, Mapping)
    return {
        "name": metric.name,
        "last": None if is_row else metric.last,
        "step": metric.last_step,
        "minimum": metric.minimum,
        "maximum": metric.maximum,
        "count": metric.count,
        "is_row": is_row,
    }
