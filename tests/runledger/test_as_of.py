"""All that can be asked as of a position, at each of random histories: what was answered when it was the last."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.answers import AlertAnswers
from ledger.application.handling import Caller
from ledger.application.saved_views import SavedViews
from ledger.commands import (
    AddParameters,
    ArchiveExperiment,
    ChangeRule,
    ChangeStatus,
    ChangeView,
    Command,
    CreateExperiment,
    DefineRule,
    DeleteExperiment,
    DeleteRule,
    DeleteView,
    DescribeExperiment,
    DisableRule,
    EnableRule,
    ResumeRun,
    SaveView,
    ShareView,
    StartRun,
    TagExperiment,
    TagRun,
    UntagExperiment,
)
from ledger.domain.saved_view import Who
from ledger.errors import InvalidNameError, MomentAheadError, NotThereYetError
from ledger.feed import Feed, FeedEvent
from ledger.queries import RunQuery
from ledger.store.database import Database
from projections.answers import Answers
from projections.sqlite.view import SqliteView
from projections.view import View
from schemas.errors import LedgerError
from schemas.statuses import RunStatus
from tests.projections.conftest import Workspace, now, open_workspace
from tests.projections.stories import commands as run_commands

EXPERIMENTS, PEOPLE = ["e1", "e2", "e3"], ["maria", "jan"]
RULES, VIEWS = [str(UUID(int=1)), str(UUID(int=2))], [str(UUID(int=3)), str(UUID(int=4))]
WHO = Who("maria", is_admin=False)

run_ids = st.sampled_from(["r1", "r2"])
experiments, rules, views = st.sampled_from(EXPERIMENTS), st.sampled_from(RULES), st.sampled_from(VIEWS)
texts = st.sampled_from(["x", "y"])
definitions = st.builds(
    lambda name, recipient: {"name": name, "recipients": [f"{recipient}@example.org"]}, texts, st.sampled_from(PEOPLE)
)
origins = st.sampled_from(["here", "there"]).map(lambda host: {"host": host})
kinds: list[st.SearchStrategy[Command]] = [
    run_commands,
    st.one_of(
        st.builds(StartRun, run_id=run_ids, experiment=experiments, origin=origins),
        st.builds(ChangeStatus, run_id=run_ids, status=st.just(RunStatus.FAILED)),
        st.builds(ResumeRun, run_id=run_ids, origin=origins),
    ),
    st.one_of(
        st.builds(CreateExperiment, name=experiments),
        st.builds(
            TagExperiment, name=experiments, tags=st.dictionaries(texts, st.sampled_from(["1", None]), max_size=2)
        ),
        st.builds(UntagExperiment, name=experiments, keys=st.lists(texts, max_size=1)),
        st.builds(DescribeExperiment, name=experiments, description=st.sampled_from(["d", None])),
        st.builds(ArchiveExperiment, name=experiments),
        st.builds(DeleteExperiment, name=experiments),
    ),
    st.one_of(
        st.builds(DefineRule, rule_id=rules, definition=definitions),
        st.builds(ChangeRule, rule_id=rules, definition=definitions),
        st.builds(DisableRule, rule_id=rules),
        st.builds(EnableRule, rule_id=rules),
        st.builds(DeleteRule, rule_id=rules),
    ),
    st.one_of(
        st.builds(SaveView, view_id=views, name=texts, query=st.just("")),
        st.builds(ChangeView, view_id=views, name=texts),
        st.builds(ShareView, view_id=views, everybody=st.sampled_from([None, "view", "edit"])),
        st.builds(DeleteView, view_id=views),
    ),
]
definition = {"name": "n", "recipients": ["a@example.org"]}
first: list[Command] = [
    StartRun(run_id="r1", experiment="e2", origin={"host": "here"}),
    StartRun(run_id="r2", experiment="e1", parent_run_id="r1"),
    DefineRule(rule_id=RULES[0], definition=definition),
    SaveView(view_id=VIEWS[0], name="v", query=""),
    ChangeStatus(run_id="r1", status=RunStatus.FAILED),
]
steps = st.tuples(st.sampled_from(kinds).flatmap(lambda kind: kind), st.sampled_from(PEOPLE))
stories = st.builds(
    lambda begun, steps: [(command, "maria") for command in begun] + steps,
    st.permutations(first),
    st.lists(steps, min_size=10, max_size=30),
)
"""A random part alone would seldom begin what it is about."""


class Earlier(Feed):
    """The log as it was when `until` was its last position."""

    def __init__(self, feed: Feed, database: Database, until: int) -> None:
        super().__init__(feed.log_id, database)
        self._until = until

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        return [event for event in super().after(position, limit) if event.position <= self._until]

    def of_types(self, types: Sequence[str], position: int, limit: int) -> list[FeedEvent]:
        return [event for event in super().of_types(types, position, limit) if event.position <= self._until]

    def of_stream(self, stream: str, *, after_seq: int | None = None, types: Sequence[str] = ()) -> list[FeedEvent]:
        found = super().of_stream(stream, after_seq=after_seq, types=types)
        return [event for event in found if event.position <= self._until]

    def last_position(self) -> int:
        return self._until


class Asked:
    """Every question, as of a position or now, each with its answer or what it was refused with."""

    def __init__(self, feed: Feed, database: Database, view: View) -> None:
        self.answers = Answers(feed, view)
        self.alerts = AlertAnswers(feed, database, now=now)
        self.views = SavedViews(feed)

    def all(self, at: str | None = None) -> dict[str, Any]:
        answers, alerts = self.answers, self.alerts
        questions: dict[str, Callable[[], Any]] = {
            "runs": lambda: answers.runs(_list(as_of=at)).runs,
            "children": lambda: answers.runs(_list(as_of=at, parent_run_id="r1")).runs,
            "compared": lambda: answers.compared(["r1", "r2"], as_of=at),
            "experiments": lambda: answers.experiments(as_of=at),
            "rules": lambda: [_without_mails(rule) for rule in alerts.rules(as_of=at)],
            "views": lambda: self.views.views(WHO) if at is None else self.views.views_at(at, WHO),
        }
        for run_id in ("r1", "r2"):
            questions[run_id] = partial(answers.run, run_id) if at is None else partial(answers.run_at, run_id, at)
        questions |= {name: partial(answers.experiment, name, as_of=at) for name in EXPERIMENTS}
        questions |= {rule: partial(self._rule, rule, at) for rule in RULES}
        questions |= {view: partial(self._view, view, at) for view in VIEWS}
        return {name: _answer(question) for name, question in questions.items()}

    def _rule(self, rule: str, at: str | None) -> Any:
        return _without_mails(self.alerts.rule(rule, as_of=at))

    def _view(self, view: str, at: str | None) -> Any:
        return self.views.view(view, WHO) if at is None else self.views.view_at(view, at, WHO)


def _list(**conditions: Any) -> RunQuery:
    return RunQuery(include_children=True, include_archived=True, limit=100, **conditions)


def _answer(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except LedgerError:
        return "refused"


def _without_mails(rule: dict[str, Any]) -> dict[str, Any]:
    # Who is not mailed is told as it is now alone.
    return {name: value for name, value in rule.items() if name != "not_mailed"}


@contextmanager
def opened() -> Iterator[tuple[Workspace, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder))
        with closing(workspace.database), closing(workspace.view):
            yield workspace, Path(folder)


@given(stories)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_answer_as_of_any_position_is_that_of_a_fresh_fold_of_the_events_up_to_it(
    story: list[tuple[Command, str]],
) -> None:
    with opened() as (workspace, folder):
        for command, who in story:
            _answer(partial(workspace.ledger.handle, command, Caller(actor=who, source="//h")))
        asked = Asked(workspace.feed, workspace.database, workspace.view)
        with closing(SqliteView(folder / "then.db")) as view:
            for position in range(1, workspace.feed.last_position() + 1):
                earlier = Earlier(workspace.feed, workspace.database, position)
                expected = Asked(earlier, workspace.database, view).all()
                found = asked.all(str(position))
                # A view is shown to whom might see it then, if he may see it now.
                for name in ("views", *VIEWS):
                    expected[name], found[name] = _seen_now(asked, expected[name]), _seen_now(asked, found[name])
                assert found == expected, position


def _seen_now(asked: Asked, found: Any) -> Any:
    """What of views maria may still see, or could as long as they were there."""
    hidden = {
        view for view in VIEWS if (now := asked.views._views.get(f"view:{view}")) and now[0].right_of(WHO) is None
    }
    if isinstance(found, list):
        return [each for each in found if each["view_id"] not in hidden]
    return "refused" if isinstance(found, dict) and found["view_id"] in hidden else found


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """The ledger has five things, each after what is called `begin` in the tests, at position 1."""
    workspace = open_workspace(tmp_path)
    with closing(workspace.database), closing(workspace.view):
        workspace.do(
            CreateExperiment(name="first"),
            CreateExperiment(name="e1"),
            DefineRule(rule_id=RULES[0], definition=definition),
            SaveView(view_id=VIEWS[0], name="v", query=""),
            StartRun(run_id="r1", experiment="e2"),
            TagRun(run_id="r1", tags={"a": "1"}),
            AddParameters(run_id="r1", parameters={"p": 1}),
        )
        yield Asked(workspace.feed, workspace.database, workspace.view)


def questions(asked: Asked) -> dict[str, Callable[[str], Any]]:
    """Of one thing each, as of a moment."""
    return {
        "experiment 'e1'": lambda at: asked.answers.experiment("e1", as_of=at),
        "experiment 'e2'": lambda at: asked.answers.experiment("e2", as_of=at),
        f"alert rule '{RULES[0]}'": lambda at: asked.alerts.rule(RULES[0], as_of=at),
        f"view '{VIEWS[0]}'": lambda at: asked.views.view_at(VIEWS[0], at, WHO),
        "run 'r1'": lambda at: asked.answers.run_at("r1", at),
    }


def lists(asked: Asked) -> list[Callable[[str], Any]]:
    """Of all things of a kind."""
    return [
        lambda at: asked.answers.experiments(as_of=at),
        lambda at: asked.answers.runs(RunQuery(as_of=at)).runs,
        lambda at: asked.alerts.rules(as_of=at),
        lambda at: asked.views.views_at(at, WHO),
    ]


def test_what_came_later_says_where_it_begins(asked: Asked) -> None:
    for name, question in questions(asked).items():
        for moment in ("1", "2000-01-01"):
            with pytest.raises(
                NotThereYetError, match=rf"as of position \d there was no {name}: it begins at position"
            ):
                question(moment)
    assert [question("0") for question in lists(asked)] == [[], [], [], []]


def test_a_moment_that_has_not_come_is_refused_alike_by_all(asked: Asked) -> None:
    for question in (*questions(asked).values(), *lists(asked)):
        with pytest.raises(MomentAheadError, match=r"no position 1,000 yet: the ledger ends at \d+; name an earlier"):
            question("1000")
        with pytest.raises(MomentAheadError, match=r"2999-01-01 has not come yet; name an earlier moment, or none"):
            question("2999-01-01")


def test_a_clock_that_is_some_seconds_before_ours_may_ask(asked: Asked) -> None:
    with patch("ledger.moments.AHEAD_SECONDS", 10 * 366 * 86_400):
        soon = now().replace(year=now().year + 5, day=1).isoformat()
        assert len(asked.answers.experiments(as_of=soon)) == 3


def test_what_is_no_moment_is_refused_by_all(asked: Asked) -> None:
    for question in (*list(questions(asked).values())[:4], *lists(asked)):
        with pytest.raises(InvalidNameError, match="name a position such as 17, or a time such as"):
            question("last week")
