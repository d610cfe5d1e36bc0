"""Commands to alert rules and silences."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger.commands.base import Command, command_class


@command_class
class RuleCommand(Command):
    """A command to one alert rule; its id is a UUID that the client chose."""

    rule_id: str


@command_class
class DefineRule(RuleCommand):
    """Define an alert rule; `schemas.rules` says what a definition may hold."""

    definition: Mapping[str, Any]


@command_class
class ChangeRule(RuleCommand):
    """Let an alert rule say something else from here on."""

    definition: Mapping[str, Any]


class EnableRule(RuleCommand):
    """Put a disabled alert rule into force again."""


class DisableRule(RuleCommand):
    """Put an alert rule out of force until it is enabled."""


class DeleteRule(RuleCommand):
    """Put an alert rule out of force for good; its history stays."""


@command_class
class TestRule(RuleCommand):
    """Send the recipients of a rule a test, about a run if one is named."""

    __test__ = False  # it is no test of ours

    run_id: str | None = None


@command_class
class ReportTemplate(RuleCommand):
    """Note that a template of a rule could not be used, once for each version of the rule.

    A sender of mails gives it; it has no name on the wire.
    """

    version: int
    because: str
    run_id: str | None = None


@command_class
class SilenceCommand(Command):
    """A command to one silence; its id is a UUID that the client chose."""

    silence_id: str


@command_class
class CreateSilence(SilenceCommand):
    """Let nobody be notified of what every matcher matches, until then.

    A matcher has `attribute`, `operator` (=, !=, =~, !~; the last two take * and ?) and `value`.
    """

    matchers: Sequence[Mapping[str, str]]
    until: datetime


@command_class
class EndSilence(SilenceCommand):
    """End a silence before its time."""
