"""Templates of a rule that is being saved: rendered as they would have been, before the rule may stand."""

from itertools import islice

from alerts.evaluate.facts import Place
from alerts.evaluate.intent import TEMPLATE, Intent
from alerts.facts import Facts
from alerts.past import past_matches
from alerts.templates.rendered import Templates
from alerts.templates.rendering import Renderer
from ledger.errors import BadRuleError
from ledger.feed import Feed
from schemas.rules import RuleDefinition

_RENDERED = 3
BARE = Facts(
    workspace="workspace",
    rule_id="rule",
    rule_name="rule",
    run_id="run",
    experiment="experiment",
    new_status="Failed",
    trigger=1,
    recorded_at=0,
)


class TemplateCheck:
    """Renders the templates of a rule against a bare run, and the last changes that the rule would have matched."""

    def __init__(self, feed: Feed, renderer: Renderer, place: Place) -> None:
        """Look at what the feed holds."""
        self._feed = feed
        self._renderer = renderer
        self._place = place

    def __call__(self, definition: RuleDefinition) -> None:
        """Raise BadRuleError that names what is wrong with a template."""
        templates = templates_of(definition)
        if templates == Templates():
            return
        try:
            for facts in (BARE, *islice(past_matches(self._feed, definition, self._place), _RENDERED)):
                self._renderer.check(templates, facts)
        except BadRuleError:
            raise
        except Exception as error:
            raise BadRuleError(str(error)) from error


def check_templates(definition: RuleDefinition) -> None:
    """Raise BadRuleError that names what is wrong with a template, as far as a bare run shows it."""
    templates = templates_of(definition)
    if templates != Templates():
        Renderer().check(templates, BARE)


def templates_for(intent: Intent) -> Templates:
    """The templates that a message is made with: those of its rule, but to say that they cannot be used."""
    return Templates() if intent.kind == TEMPLATE else templates_of(intent.definition)


def templates_of(definition: RuleDefinition) -> Templates:
    """The templates of a rule, as the renderer takes them."""
    given = definition.templates
    return Templates(subject=given.subject, text=given.text, html=given.html)
