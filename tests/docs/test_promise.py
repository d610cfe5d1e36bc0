"""Each sentence of what docs/alerts.md promises is held by tests, which are named here; none of them is gone."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import pytest

from tests.docs.blocks import ROOT

SERVICE = "tests/alerts/deliver/test_service.py"
CRASHES = "tests/runledger/test_mail_crashes.py"
LIMITS = "tests/alerts/evaluate/test_limits.py"
NOTIFICATIONS = "tests/alerts/deliver/test_notifications.py"
KAFKA = "tests/runledger/server/test_mail.py"

PROOFS: Mapping[str, Sequence[str]] = {
    "Every change that a rule matches makes its notifications exactly once, whatever is killed.": (
        f"{CRASHES}::test_a_sender_that_dies_between_two_steps",
        f"{CRASHES}::test_a_sender_that_dies_in_the_middle_of_a_mail",
        f"{CRASHES}::test_what_was_sent_is_not_sent_again_when_all_that_is_derived_is_gone",
        "tests/alerts/deliver/test_kills.py::test_a_kill_loses_nothing",
        "tests/alerts/evaluate/test_evaluator.py::test_intents_do_not_depend_on_what_was_kept",
        "tests/alerts/evaluate/test_evaluator.py::test_every_identity_is_derived_and_new",
        f"{LIMITS}::test_in_no_span_there_are_more_mails_than_the_limit_and_nothing_is_dropped",
        "tests/alerts/deliver/test_groups_and_deadlines.py::test_servers_find_and_send_the_same_once",
        f"{KAFKA}::test_two_servers_send_each_mail_once",
    ),
    "Every notification ends as sent, rejected, dead or suppressed, with the reason.": (
        "tests/alerts/deliver/test_notifications.py::test_claims_at_any_time_keep_the_books_right",
        "tests/alerts/deliver/test_notifications.py::test_an_end_is_an_end",
        "tests/alerts/deliver/test_policy.py::test_a_dead_one_says_why_it_was_not_sent",
        f"{SERVICE}::test_what_fails_is_tried_again_until_it_is_too_old",
        f"{SERVICE}::test_who_has_no_address_is_settled_with_the_reason",
        f"{SERVICE}::test_a_rule_disabled_before_the_claim_sends_nothing",
    ),
    "None disappears.": (
        "tests/alerts/deliver/test_kills.py::test_a_kill_loses_nothing",
        f"{SERVICE}::test_a_lost_answer_of_the_log_loses_and_doubles_nothing",
        f"{SERVICE}::test_a_rule_disabled_behind_the_claim_of_a_server_that_died_is_settled_as_that",
        "tests/faults/mails/test_short.py::test_kills_at_random_times_lose_nothing",
        "tests/faults/mails/test_short.py::test_what_happens_to_machines_loses_nothing",
        f"{SERVICE}::test_a_burst_beyond_the_rate_waits_and_loses_nothing",
        f"{SERVICE}::test_what_goes_by_a_channel_that_is_not_here_is_left_to_who_has_it",
    ),
    "What nobody could send in time is told in one digest.": (
        f"{SERVICE}::test_what_nobody_could_send_in_time_is_one_digest_for_each_recipient",
        f"{SERVICE}::test_while_the_transport_is_broken_for_days_one_digest_grows_and_comes_in_the_end",
        f"{NOTIFICATIONS}::test_what_nobody_could_send_is_one_digest_that_grows_until_somebody_sends_it",
    ),
    "What is sent reaches the relay at least once.": (
        f"{CRASHES}::test_a_relay_that_does_not_keep_its_word",
        f"{KAFKA}::test_a_killed_server_is_replaced_within_seconds",
    ),
    "A mail comes twice only if the process or the connection died between its final dot and the record of the 250.": (
        f"{CRASHES}::test_a_sender_that_dies_between_two_steps",
        f"{SERVICE}::test_what_was_sent_is_not_sent_by_who_comes_later",
        f"{SERVICE}::test_servers_share_the_work_and_send_nothing_twice",
        "tests/alerts/channels/email/test_sending.py::test_a_kept_connection_that_dies_costs_no_attempt",
    ),
    "There is at most one such copy of each mail that was under way at a time.": (
        f"{CRASHES}::test_a_sender_that_dies_in_the_middle_of_a_mail",
        f"{SERVICE}::test_a_claim_is_never_larger_than_the_pool",
        f"{KAFKA}::test_a_server_that_was_frozen_doubles_no_more_than_it_had_claimed",
    ),
    "It has the same `Message-ID`.": (
        f"{CRASHES}::test_a_relay_that_does_not_keep_its_word",
        f"{SERVICE}::test_what_was_broken_off_is_ambiguous_and_sent_again_under_the_same_identity",
        "tests/alerts/channels/email/test_message.py::test_the_same_arguments_give_the_same_bytes",
    ),
    "One bad recipient delays no other.": (
        f"{SERVICE}::test_a_refused_or_failing_recipient_delays_nobody",
        f"{SERVICE}::test_a_channel_that_hangs_delays_no_mail_and_no_other_channel",
        "tests/alerts/deliver/test_policy.py::test_what_is_tried_again_goes_one_by_one_and_leaves_room",
    ),
    "One bad template delays no other.": (
        f"{SERVICE}::test_a_mail_that_cannot_be_composed_delays_no_other",
        "tests/alerts/templates/test_hostile_templates.py::test_a_template_that_takes_long_is_stopped",
        "tests/alerts/templates/test_rendering.py::test_a_template_that_fails_gives_the_facts_and_the_error",
    ),
    "One bad rule delays no other.": (
        "tests/alerts/evaluate/test_bad_neighbours.py::test_a_rule_that_cannot_be_read_keeps_no_other_from_noticing",
    ),
    "One bad event delays no other.": (
        "tests/alerts/evaluate/test_bad_neighbours.py::test_an_event_that_cannot_be_read_keeps_no_other_from_being_noticed",
        "tests/alerts/deliver/test_notifications.py::test_strange_claims_and_settlements_change_nothing",
    ),
    "A mail is complete or not sent.": (
        "tests/alerts/channels/email/test_conformance.py::test_mails_arrive_byte_by_byte",
        "tests/alerts/channels/email/test_message.py::test_the_default_mail_about_anything_is_well_formed",
    ),
    "None is blank.": (
        "tests/alerts/templates/test_rendering.py::test_a_blank_mail_is_never_sent",
        "tests/alerts/templates/test_rendering.py::test_an_empty_subject_is_never_sent",
        "tests/alerts/templates/test_rendering.py::test_the_fallback_never_fails",
    ),
    "None is partial.": (
        f"{CRASHES}::test_a_sender_that_dies_in_the_middle_of_a_mail",
        "tests/alerts/channels/email/test_sending.py::test_lines_that_begin_with_a_dot_arrive",
    ),
    "The inbox is not promised.": ("tests/runledger/test_bounces.py::test_a_mailbox_of_returned_mails_is_read",),
    "`250` is the relay's word.": (
        f"{SERVICE}::test_a_failure_is_claimed_sent_and_settled",
        "tests/alerts/channels/email/test_sending.py::test_a_mail_arrives_as_it_was_composed",
    ),
    "Mails that come back are shown when they come.": (
        "tests/runledger/test_bounces.py::test_a_mailbox_of_returned_mails_is_read",
        "tests/runledger/test_bounces.py::test_a_server_takes_returned_mails_from_who_may_write",
    ),
    "When something becomes due is measured in the log's own time.": (
        "tests/alerts/evaluate/test_time.py::test_when_it_is_noticed_that_time_has_passed_changes_nothing",
        "tests/alerts/deliver/test_passing_time.py::test_a_clock_that_is_an_hour_fast_makes_nothing_due_before_its_time",
    ),
    "In a quiet log a server appends that time has passed, so whoever reads the log later finds the same mails at the "
    "same moments ([adr/0023](adr/0023-time-passes-in-the-log.md)).": (
        "tests/alerts/evaluate/test_time.py::test_live_claims_what_a_preview_over_the_finished_log_finds",
        "tests/alerts/deliver/test_passing_time.py::test_of_several_servers_one_says_that_time_has_passed",
        "tests/alerts/deliver/test_passing_time.py::test_live_with_restarts_claims_what_a_preview_finds",
    ),
}


def promised() -> Iterator[str]:
    """The sentences of the numbered list."""
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    section = text.partition("## What is promised\n")[2].partition("\n## ")[0]
    for item in re.findall(r"^\d\. (.*(?:\n   .*)*)", section, re.MULTILINE):
        yield from re.split(r"(?<=\.)\s+", " ".join(item.split()))


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file that nobody marked to be left out."""
    found = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [each for each in found.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    marks = {each.name: " ".join(map(ast.unparse, each.decorator_list)) for each in functions}
    return frozenset(name for name, mark in marks.items() if "skip" not in mark and "xfail" not in mark)


def test_every_sentence_has_its_tests_and_no_other_is_claimed() -> None:
    sentences = list(promised())
    assert len(sentences) == len(set(sentences)) > 10
    assert set(sentences) == set(PROOFS)


@pytest.mark.parametrize("sentence", PROOFS)
def test_what_holds_a_sentence_is_there(sentence: str) -> None:
    assert PROOFS[sentence]
    for proof in PROOFS[sentence]:
        path, _, name = proof.partition("::")
        assert name in names_in(path), proof
