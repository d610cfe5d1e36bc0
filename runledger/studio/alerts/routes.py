"""Where alerts are: rules, silences, recipients, and whether it all works."""

from collections.abc import Sequence

from starlette.routing import Route

from runledger.server.desk import Desk
from runledger.studio.alerts.editing import Editing
from runledger.studio.alerts.health import Health
from runledger.studio.alerts.listing import RuleList
from runledger.studio.alerts.previewing import Previews
from runledger.studio.alerts.recipients import Recipients
from runledger.studio.alerts.rule import RulePage
from runledger.studio.alerts.showing import Showing
from runledger.studio.alerts.silencing import Silencing
from runledger.studio.pages import Pages

_POST = ["POST"]


def alert_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Every page about alerts; those with a name of their own come before those of a rule's id."""
    showing = Showing(desk, pages)
    previews = Previews(showing)
    rules, rule, editing = RuleList(showing), RulePage(showing), Editing(showing, previews)
    silencing, recipients, health = Silencing(showing), Recipients(showing), Health(showing)
    one = "/alerts/{rule_id}"
    return [
        Route("/alerts", rules.rules),
        Route("/alerts/first", rules.first, methods=_POST),
        Route("/alerts/new", editing.begin),
        Route("/alerts/new", editing.create, methods=_POST),
        Route("/alerts/preview", previews.words, methods=_POST),
        Route("/alerts/preview/mail", previews.mail, methods=_POST),
        Route("/alerts/silences", silencing.silences),
        Route("/alerts/silences", silencing.create, methods=_POST),
        Route("/alerts/silences/{silence_id}/end", silencing.end, methods=_POST),
        Route("/alerts/recipients", recipients.recipients),
        Route("/alerts/recipients", recipients.act, methods=_POST),
        Route("/alerts/health", health.health),
        Route("/alerts/explain", health.explain),
        Route(one, rule.overview),
        Route(f"{one}/count", previews.count),
        Route(f"{one}/deliveries", rule.deliveries),
        Route(f"{one}/history", rule.history),
        Route(f"{one}/silences", rule.silences),
        Route(f"{one}/edit", editing.edit),
        Route(f"{one}/edit", editing.change, methods=_POST),
        Route(f"{one}/test", rule.test, methods=_POST),
        Route(f"{one}/{{done}}", rule.act, methods=_POST),
    ]
