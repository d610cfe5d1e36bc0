"""The mail that a rule makes of something that happened, for who looks at it before it is sent."""

from dataclasses import replace
from itertools import islice
from typing import Any

from alerts.evaluate.facts import Place
from alerts.facts import Facts
from alerts.past import last_changes, past_matches
from alerts.saving import BARE, templates_of
from alerts.templates.context import headline
from alerts.templates.rendered import Templates
from alerts.templates.rendering import Renderer
from ledger.feed import Feed
from schemas.errors import LedgerError
from schemas.rules import RuleDefinition

_EXAMPLES = 8


class MailTrial:
    """Renders what is not sent."""

    def __init__(self, feed: Feed, renderer: Renderer, place: Place) -> None:
        """About what the feed holds."""
        self._feed = feed
        self._renderer = renderer
        self._place = place

    def mail(self, definition: RuleDefinition, position: int | None = None) -> dict[str, Any]:
        """Subject, text and HTML about the change at a position, else about the newest that the rule is about.

        `examples` are the changes that may be chosen, `matches` whether the rule is about the one that
        was, `failure` what is wrong with a template: then it is the plain mail that would be sent.
        """
        found = list(islice(past_matches(self._feed, definition, self._place), _EXAMPLES))
        examples = found or list(islice(last_changes(self._feed, definition, self._place), 1))
        about = next((each for each in examples if each.trigger == position), examples[0] if examples else None)
        rendered = self._renderer.render_or_fall_back(templates_of(definition), about or self._bare(definition))
        return {
            "subject": rendered.subject,
            "text": rendered.text,
            "html": rendered.html,
            "failure": rendered.failure,
            "matches": bool(found),
            "position": about.trigger if about else None,
            "examples": [_example(each) for each in examples],
        }

    def failure(self, definition: RuleDefinition) -> str | None:
        """What is wrong with the templates of a rule, as far as what happened lately shows it."""
        templates = templates_of(definition)
        if templates == Templates():
            return None
        facts = next(past_matches(self._feed, definition, self._place), self._bare(definition))
        try:
            self._renderer.check(templates, facts)
        except LedgerError as error:
            return str(error)
        return None

    def _bare(self, definition: RuleDefinition) -> Facts:
        status = definition.statuses[0] if definition.statuses else BARE.new_status
        return replace(BARE, rule_name=definition.name, new_status=str(status), workspace=self._place.workspace)


def _example(facts: Facts) -> dict[str, Any]:
    return {"position": facts.trigger, "run_id": facts.run_id, "text": headline(facts), "experiment": facts.experiment}
