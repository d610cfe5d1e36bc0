"""Commands to an alert rule."""

from functools import singledispatch

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import (
    ChangeRule,
    DefineRule,
    DeleteRule,
    DisableRule,
    EnableRule,
    ReportTemplate,
    RuleCommand,
    TestRule,
)
from ledger.domain.alert_rule import AlertRule, checked
from ledger.domain.names import check_uuid
from schemas.streams import rule_stream


def decision(command: RuleCommand, given: Given) -> Decision[AlertRule]:
    """What it means to the rule of that id; what a definition or a test names must be there."""
    check_uuid("rule", command.rule_id)
    match command:
        case DefineRule() | ChangeRule():
            given.check_rule(checked(command.definition))
        case TestRule(run_id=str() as run_id):
            given.check_run(run_id)
        case _:
            pass
    return Decision(rule_stream(command.rule_id), AlertRule, lambda rule: _decide(command, rule))


@singledispatch
def _decide(command: RuleCommand, rule: AlertRule) -> None:
    raise NotImplementedError(type(command).__name__)


@_decide.register
def _(command: DefineRule, rule: AlertRule) -> None:
    rule.define(command.definition)


@_decide.register
def _(command: ChangeRule, rule: AlertRule) -> None:
    rule.change(command.definition)


@_decide.register
def _(_command: EnableRule, rule: AlertRule) -> None:
    rule.enable()


@_decide.register
def _(_command: DisableRule, rule: AlertRule) -> None:
    rule.disable()


@_decide.register
def _(_command: DeleteRule, rule: AlertRule) -> None:
    rule.delete()


@_decide.register
def _(command: TestRule, rule: AlertRule) -> None:
    rule.test(command.run_id)


@_decide.register
def _(command: ReportTemplate, rule: AlertRule) -> None:
    rule.note_template(command.version, command.because, command.run_id)
