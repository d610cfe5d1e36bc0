"""Commands and errors must come out of JSON as they went in."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import errors
from ledger.commands import Command
from ledger.problems import PROBLEM, BadMessageError, error_of, problem_of
from ledger.queries import ANY_VALUE, RunQuery
from ledger.wire import COMMANDS, command_from, command_to, key_from, name_of, pairs_from, query_to
from schemas.errors import BadRecordError, LedgerError

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


def values(hint: Any) -> st.SearchStrategy[Any]:
    parts = get_args(hint)
    if get_origin(hint) is Mapping:
        return st.dictionaries(st.text(), values(parts[1]), max_size=3)
    if get_origin(hint) is Sequence:
        return st.lists(values(parts[0]), max_size=3)
    if parts:
        return st.one_of(*map(values, parts))
    if hint is datetime:
        return st.datetimes(timezones=st.just(UTC))
    return JSON if hint is Any else st.from_type(hint)


def commands(name: str) -> st.SearchStrategy[Command]:
    hints = get_type_hints(COMMANDS[name]) | {"command": UUID}
    content = {field: values(hint) for field, hint in hints.items()} | {"command": st.uuids().map(str)}
    return st.builds(COMMANDS[name], **content)


@given(st.data())
def test_a_command_is_the_same_on_the_other_side(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(COMMANDS)))
    command = data.draw(commands(name))
    sent = json.loads(json.dumps(command_to(command)))

    assert sent["type"] == name == name_of(command)
    arrived = command_from(sent)
    assert (type(arrived), arrived.command) == (type(command), command.command)
    assert arrived.digest() == command.digest()


def test_every_command_has_a_name_but_those_that_are_given_where_the_ledger_is() -> None:
    def below(kind: type[Command]) -> set[type[Command]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    assert {kind.__name__ for kind in below(Command)} - {kind.__name__ for kind in COMMANDS.values()} == {
        "Command",
        "EncryptPersonal",
        "ExperimentCommand",
        "NoteErased",
        "PrivacyCommand",
        "RecipientCommand",
        "ReportTemplate",
        "RuleCommand",
        "SilenceCommand",
        "RunCommand",
        "UserCommand",
        "ViewCommand",
    }


@given(st.dictionaries(st.text(), st.text() | st.none() | st.just(ANY_VALUE)), st.dictionaries(st.text(), st.text()))
def test_conditions_are_the_same_on_the_other_side(tags: dict[str, str | None], properties: dict[str, str]) -> None:
    sent = query_to(RunQuery(tags=tags, properties=properties))
    bare: dict[str, str | None] = {key_from(value): None for name, value in sent if name == "bare_tag"}

    assert bare | pairs_from([value for name, value in sent if name == "tag"]) == tags
    assert pairs_from([value for name, value in sent if name == "property"]) == properties


@pytest.mark.parametrize(
    "error",
    [
        errors.RefusedError("no"),
        errors.WrittenOnceError("property", "a", "b", "c"),
        errors.StatusRefusedError("r", "Completed", "Running", "nothing"),
        errors.CommandReusedError("id"),
        errors.RunNotFoundError("r"),
        errors.UnauthenticatedError("no token"),
        errors.ForbiddenError("a reader", "write"),
        errors.UserNotFoundError("u"),
        errors.TokenNotFoundError("t"),
        errors.ConflictError("again"),
        errors.LostRaceError("run:a", 3),
        errors.TooLargeError(3, 2),
        errors.UnavailableError("down"),
        errors.UnknownOutcomeError("in doubt"),
        errors.NotReadyError("not yet"),
        errors.LogRefusedError("cut"),
        BadMessageError("what?"),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: LedgerError) -> None:
    arrived = error_of(json.loads(json.dumps(problem_of(error))))

    assert (type(arrived), str(arrived), vars(arrived)) == (type(error), str(error), vars(error))


def test_an_error_that_clients_do_not_know_is_the_nearest_that_they_know() -> None:
    class NewError(errors.ConflictError):
        pass

    assert problem_of(NewError("x"))["type"] == f"{PROBLEM}conflict"
    assert type(error_of(problem_of(BadRecordError("x")))) is LedgerError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (502, errors.UnavailableError),
        (401, errors.UnauthenticatedError),
        (403, errors.ForbiddenError),
        (404, errors.WorkspaceError),
        (200, errors.WorkspaceError),
    ],
)
def test_an_answer_of_another_program_is_told_by_its_status(status: int, kind: type[LedgerError]) -> None:
    error = error_of({"type": "about:blank", "status": status, "detail": "hello"})

    assert (type(error), str(error)) == (kind, "hello")
