"""Random but lifelike logs: runs, rules, silences and unsubscribes in any order."""

from hypothesis import strategies as st

from schemas.events import (
    AlertRuleChangedEvent,
    AlertRuleDefinedEvent,
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    AlertRuleEnabledEvent,
    Event,
    Matcher,
    OpaqueEvent,
    RecipientResubscribedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RecipientUnsuppressedEvent,
    RunOrigin,
    RunParameterAddedEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    SilenceCreatedEvent,
    SilenceEndedEvent,
    UserAddedEvent,
    UserDisabledEvent,
)
from schemas.rules import definition_of
from schemas.statuses import RunStatus
from tests.alerts.story import MARIA, SECOND, START, Story

Step = tuple[str, Event | OpaqueEvent]

statuses = st.sampled_from([RunStatus.RUNNING, RunStatus.FAILED, RunStatus.COMPLETED, RunStatus.NOT_RESPONDING])
emails = st.sampled_from([None, "a@x.org", "b@x.org", "not an address"])
definitions = st.builds(
    lambda **fields: definition_of(fields).as_json(),
    name=st.just("n"),
    recipients=st.sampled_from([[MARIA], ["@submitter"], [MARIA, "@submitter", "b@x.org"]]),
    to=st.lists(statuses.map(str), min_size=1, max_size=3),
    include_children=st.booleans(),
    conditions=st.sampled_from([[], [{"of": "tag", "key": "k", "value": "x"}]]),
)
run_events: st.SearchStrategy[Event | OpaqueEvent] = st.one_of(
    st.builds(
        RunStartedEvent,
        experiment=st.just("e"),
        experiment_id=st.just("e"),
        status=statuses,
        parent_run_id=st.sampled_from([None, "r1"]),
        tags=st.sampled_from([{}, {"k": "x"}]),
        origin=st.builds(RunOrigin, email=emails),
    ),
    st.builds(RunStatusChangedEvent, previous=statuses, status=statuses, presumed=st.booleans()),
    st.builds(RunStatusChangedEvent, previous=statuses, status=statuses, presumed=st.booleans()),
    st.builds(RunResumedEvent, attempt=st.just(2), previous=statuses),
    st.builds(RunTaggedEvent, key=st.just("k"), value=st.sampled_from(["x", "y", None])),
    st.builds(RunUntaggedEvent, key=st.just("k")),
    st.builds(RunParameterAddedEvent, key=st.just("k"), value=st.integers()),
    st.just(OpaqueEvent("runledger.run.moved.v9", b"", "unknown")),
)
rule_events: st.SearchStrategy[Event | OpaqueEvent] = st.one_of(
    st.builds(AlertRuleDefinedEvent, rule_name=st.just("n"), definition=definitions),
    st.builds(AlertRuleDefinedEvent, rule_name=st.just("n"), definition=definitions),
    st.builds(AlertRuleChangedEvent, rule_name=st.just("n"), definition=definitions),
    st.builds(AlertRuleChangedEvent, rule_name=st.just("n"), definition=st.just({"name": "what is this?"})),
    st.sampled_from([AlertRuleEnabledEvent(), AlertRuleDisabledEvent(), AlertRuleDeletedEvent()]),
)
matchers = st.builds(
    Matcher,
    attribute=st.sampled_from(["run", "status", "tag:k", "colour"]),
    operator=st.sampled_from(["=", "!=", "=~", "!~"]),
    value=st.sampled_from(["r1", "Failed", "x", "*"]),
)
other_events: st.SearchStrategy[Step] = st.one_of(
    st.tuples(
        st.sampled_from(["silence:s1", "silence:s2"]),
        st.builds(
            SilenceCreatedEvent,
            matchers=st.lists(matchers, max_size=2),
            until=st.integers(0, 60).map(lambda seconds: START + seconds * SECOND),
        ),
    ),
    st.tuples(st.just("silence:s1"), st.just(SilenceEndedEvent())),
    st.tuples(
        st.just("recipient:x"),
        st.builds(
            RecipientUnsubscribedEvent, recipient=st.sampled_from([MARIA, "A@x.org"]), rule=st.sampled_from([None, "1"])
        ),
    ),
    st.tuples(
        st.just("recipient:x"),
        st.sampled_from(
            [
                RecipientResubscribedEvent(recipient=MARIA),
                RecipientResubscribedEvent(recipient="a@x.org", rule="1"),
                RecipientSuppressedEvent(recipient=MARIA, status="5.1.1"),
                RecipientUnsuppressedEvent(recipient=MARIA),
            ]
        ),
    ),
    st.tuples(
        st.just("user:u"),
        st.one_of(st.builds(UserAddedEvent, user_name=st.just("maria"), role=st.just("contributor"), email=emails)),
    ),
    st.tuples(st.just("user:u"), st.just(UserDisabledEvent())),
)
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.sampled_from(["run:r1", "run:r2", "run:r3"]), run_events),
    st.tuples(st.sampled_from(["run:r1", "run:r2", "run:r3"]), run_events),
    st.tuples(st.sampled_from(["rule:1", "rule:2"]), rule_events),
    other_events,
)


def told(steps: list[Step]) -> Story:
    story = Story()
    for stream, event in steps:
        story.add(stream, event)
    return story


stories = st.lists(steps, max_size=40).map(told)
