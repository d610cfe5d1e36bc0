"""What is said of topics that are not, or not any more, what a replica was filled from."""

from pathlib import Path

import pytest

from ledger.logs.kafka.topics import TopicFacts, problems, refusal, settings_for
from ledger.logs.kafka.trust import Bounds, another_cluster, clock_problem, cut, lost_topic
from ledger.logs.kafka.watching import changed

SPOT = ("topic", 3)
PATH = Path("/data/ledger.db")
GOOD = TopicFacts("topic", 8, 3, 3, settings_for(3))


@pytest.mark.parametrize("bounds", [Bounds(0, 0, 0), Bounds(0, 5, 0), Bounds(0, 5, 5), Bounds(0, 9, 5)])
def test_a_partition_that_holds_all_it_held_is_right(bounds: Bounds) -> None:
    assert cut({SPOT: bounds}) == []


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        (
            Bounds(2, 5, 0),
            "topic topic partition 3 begins at offset 2 and must begin at 0: it has lost its first records",
        ),
        (Bounds(1, 9, 9), "begins at offset 1 and must begin at 0: it has lost its first record"),
        (Bounds(0, 4, 5), "ends at offset 4, and 5 records were read from it: it was cut or made anew"),
    ],
)
def test_a_partition_that_lost_records_is_named_with_what_was_expected(bounds: Bounds, said: str) -> None:
    (found,) = cut({("other", 0): Bounds(0, 1, 1), SPOT: bounds})

    assert said in found


def test_a_topic_that_is_gone_is_made_anew_only_for_a_ledger_without_a_history() -> None:
    assert lost_topic("topic t is gone", 0, 0, PATH) is None
    assert "7 records of it were stored in /data/ledger.db" in str(lost_topic("topic t is gone", 7, 1, PATH))
    assert "the other topic of the ledger holds 2 records" in str(lost_topic("topic t is empty", 0, 2, PATH))


def test_a_cluster_is_another_if_both_ids_are_known() -> None:
    assert another_cluster("a", "a", "kafka://h:1/n", PATH) is None
    assert another_cluster(None, "b", "kafka://h:1/n", PATH) is None
    assert another_cluster("a", None, "kafka://h:1/n", PATH) is None
    said = str(another_cluster("a", "b", "kafka://h:1/n", PATH))
    assert "the Kafka cluster a, and kafka://h:1/n answers as cluster b" in said
    assert "runledger verify" in said


@pytest.mark.parametrize(
    ("there", "said"), [(131.0, "31 s ahead of"), (69.0, "31 s behind"), (130.0, None), (70.0, None)]
)
def test_a_clock_is_off_beyond_the_limit(there: float, said: str | None) -> None:
    found = clock_problem(100.0, there, "the brokers' clock")

    assert found is None if said is None else found is not None and said in found


def with_(facts: TopicFacts, **settings: str) -> TopicFacts:
    return TopicFacts(facts.name, facts.partitions, facts.replicas, facts.brokers, {**facts.settings, **settings})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (TopicFacts("t", 8, 2, 3, settings_for(3)), ["2 replica(s) (with 3 brokers it must have at least 3)"]),
        (TopicFacts("t", 8, 2, 2, settings_for(3)), []),
        (TopicFacts("t", 8, 1, 1, settings_for(1)), []),
        (
            with_(GOOD, **{"min.insync.replicas": "1"}),
            ["min.insync.replicas=1 (with 3 brokers it must be at least 2)"],
        ),
        (
            with_(GOOD, **{"unclean.leader.election.enable": "true"}),
            ["unclean.leader.election.enable=true (it must be false)"],
        ),
    ],
)
def test_copies_that_are_too_few_are_named(facts: TopicFacts, said: list[str]) -> None:
    assert problems(facts, 8) == said


def test_what_an_operator_changes_under_an_open_ledger_is_named_with_the_way_out() -> None:
    wrong = with_(GOOD, **{"retention.ms": "1000"})

    assert changed(GOOD, {"topic": GOOD}, "kafka://h:1/n") is None
    assert changed(GOOD, {"topic": wrong}, "kafka://h:1/n") == refusal(
        wrong, ["retention.ms=1000 (it must be -1)"], "kafka://h:1/n"
    )
    assert "`runledger topic check kafka://h:1/n` says" in refusal(wrong, ["x"], "kafka://h:1/n")
    assert "it was deleted" in str(changed(GOOD, {"topic": None}, ""))
    assert "9 partition(s) (it must have 8)" in str(
        changed(GOOD, {"topic": TopicFacts("topic", 9, 3, 3, GOOD.settings)}, "")
    )


def test_brokers_that_are_added_ask_for_more_copies_only_when_the_topic_is_opened_again() -> None:
    one = TopicFacts("topic", 8, 1, 1, settings_for(1))
    grown = TopicFacts("topic", 8, 1, 3, settings_for(1))

    assert changed(one, {"topic": grown}, "") is None
    assert problems(grown, 8) != []
