"""Which module a command belongs to; those that a training script never needs are loaded when it is called."""

from typing import Any

from ledger.application.deciding import experiments, runs
from ledger.application.deciding.decision import Decision, Given
from ledger.commands import (
    Command,
    ExperimentCommand,
    RecipientCommand,
    RuleCommand,
    RunCommand,
    SilenceCommand,
    UserCommand,
    ViewCommand,
)
from ledger.commands.privacy import PrivacyCommand
from schemas.limits import UNSTORABLE
from schemas.streams import (
    experiment_stream,
    recipient_stream,
    rule_stream,
    run_stream,
    silence_stream,
    user_stream,
    view_stream,
)


def decision_on(command: Command, given: Given) -> Decision[Any]:
    """What a command means; raises RefusedError for what is wrong whatever the aggregate says."""
    match command:
        case RunCommand():
            return runs.decision(command, given)
        case ExperimentCommand():
            return experiments.decision(command, given)
        case _:
            return _of_people(command, given)


def _of_people(command: Command, given: Given) -> Decision[Any]:
    """What a command means that no training script gives."""
    match command:
        case RuleCommand():
            from ledger.application.deciding import rules  # noqa: PLC0415

            return rules.decision(command, given)
        case SilenceCommand():
            from ledger.application.deciding import silences  # noqa: PLC0415

            return silences.decision(command, given)
        case RecipientCommand():
            from ledger.application.deciding import recipients  # noqa: PLC0415

            return recipients.decision(command, given)
        case UserCommand():
            from ledger.application.deciding import users  # noqa: PLC0415

            return users.decision(command, given)
        case ViewCommand():
            from ledger.application.deciding import views  # noqa: PLC0415

            return views.decision(command, given)
        case PrivacyCommand():
            from ledger.application.deciding import privacy  # noqa: PLC0415

            return privacy.decision(command, given)
        case _:
            raise NotImplementedError(type(command).__name__)


def meant_by(command: Command, log_id: str) -> str:
    """The stream of the thing that a command was about, there or not; empty for what is about none."""
    match command:
        case RunCommand():
            found = run_stream(command.run_id)
        case ExperimentCommand():
            found = experiment_stream(log_id, _storable(command.name))
        case RuleCommand():
            found = rule_stream(command.rule_id)
        case SilenceCommand():
            found = silence_stream(command.silence_id)
        case ViewCommand():
            found = view_stream(command.view_id)
        case UserCommand():
            found = user_stream(log_id, _storable(command.user))
        case RecipientCommand():
            found = recipient_stream(log_id, _storable(command.recipient))
        case _:
            found = ""
    return found


def _storable(name: str) -> str:
    # What was refused may be just what no name can be.
    return UNSTORABLE.sub("\ufffd", name)
