"""The scenarios that an alert service is judged by: which tests hold each, and those that are played here."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from ledger.commands import AddUser, DefineRule, StartRun, new_command_id
from ledger.sdk.origin import user_name
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.roles import Role
from schemas.statuses import RunStatus
from tests.alerts.sinks import Fault
from tests.faults.mails.senders import CONNECTIONS, Taken, ended, failed_runs, finish, sender, states_of
from tests.faults.row import Row
from tests.runledger.relay import relaying


@dataclass(frozen=True)
class Scenario:
    """What happens, and what holds what has to come of it: tests, programmes of `make faults`, benchmarks."""

    what: str
    proofs: Sequence[str]


_CRASHES = "tests/runledger/test_mail_crashes.py"
_SENDING = "tests/alerts/channels/email/test_sending.py"
_RENDERING = "tests/alerts/templates/test_rendering.py"
_MESSAGE = "tests/alerts/channels/email/test_message.py"
_SERVICE = "tests/alerts/deliver/test_service.py"
_WINDOWS = "tests/alerts/evaluate/test_windows.py"
_SHORT = "tests/faults/mails/test_short.py"
_PLAYED = f"{_SHORT}::test_each_scenario_that_is_no_test_elsewhere"

SCENARIOS: Mapping[int, Scenario] = {
    1: Scenario("killed before sending", (f"{_CRASHES}::test_a_sender_that_dies_between_two_steps",)),
    2: Scenario(
        "killed after sending, the log read again",
        (
            f"{_CRASHES}::test_what_was_sent_is_not_sent_again_when_all_that_is_derived_is_gone",
            f"{_SERVICE}::test_what_was_sent_is_not_sent_by_who_comes_later",
        ),
    ),
    3: Scenario("kills at random times", (f"{_SHORT}::test_kills_at_random_times_lose_nothing",)),
    4: Scenario(
        "every crash point, every fault of the relay",
        (
            f"{_CRASHES}::test_a_sender_that_dies_between_two_steps",
            f"{_CRASHES}::test_a_sender_that_dies_in_the_middle_of_a_mail",
            f"{_CRASHES}::test_a_relay_that_does_not_keep_its_word",
        ),
    ),
    5: Scenario(
        "a template that fails, odd characters",
        (
            _PLAYED,
            f"{_RENDERING}::test_a_template_that_fails_gives_the_facts_and_the_error",
            f"{_MESSAGE}::test_no_name_tag_or_address_can_add_a_header",
        ),
    ),
    6: Scenario(
        "one of two recipients refused",
        (_PLAYED, f"{_SENDING}::test_one_refused_recipient_leaves_the_other_alone"),
    ),
    7: Scenario("the last answer is lost in a fifth of the mails", (_PLAYED,)),
    8: Scenario(
        "the relay is down",
        (_PLAYED, f"{_SENDING}::test_while_nothing_can_be_sent_there_are_no_more_tries_than_connections"),
    ),
    9: Scenario(
        "the service is down while runs finish",
        (
            "tests/alerts/evaluate/test_deadlines.py::test_a_deadline_noticed_late_gives_the_log_time_to_catch_up",
            "tests/alerts/deliver/test_passing_time.py::test_a_run_that_does_not_end_is_told_of_and_one_that_ended_is_not",
        ),
    ),
    10: Scenario("flapping", (f"{_WINDOWS}::test_flapping_makes_a_mail_at_each_interval_and_lists_all",)),
    11: Scenario("a sweep in which all fail", (_PLAYED, f"{_WINDOWS}::test_failures_within_the_wait_are_one_mail")),
    12: Scenario("from event to mail", ("benchmarks/alerts.py",)),
    13: Scenario("mails a second, durable", ("benchmarks/alerts.py",)),
    14: Scenario("a relay 20 ms away", ("benchmarks/alerts.py",)),
    15: Scenario(
        "Polish subjects and names",
        (
            f"{_MESSAGE}::test_two_thousand_polish_subjects_arrive_unchanged",
            f"{_MESSAGE}::test_two_thousand_polish_names_arrive_unchanged",
        ),
    ),
    16: Scenario(
        "a preview equals live",
        (
            f"{_SHORT}::test_a_preview_finds_what_servers_that_stopped_and_started_sent",
            "tests/alerts/evaluate/test_time.py::test_live_claims_what_a_preview_over_the_finished_log_finds",
        ),
    ),
    17: Scenario(
        "a test mail goes the way of all others",
        ("tests/runledger/cli/test_alert_rules.py::test_a_test_takes_the_way_of_every_mail_and_is_in_the_history",),
    ),
}


def play(folder: Path, *, mails: int, seconds: float) -> list[Row]:
    """Those that need a relay and processes, with so many mails; the relay is down for so long."""
    return [
        _failing_template(folder / "5"),
        _refused_recipient(folder / "6", mails),
        _lost_answers(folder / "7", mails),
        _relay_down(folder / "8", mails, seconds),
        _sweep(folder / "11", mails),
    ]


def _failing_template(folder: Path) -> Row:
    """It cannot be made for runs, whose names are odd as well: all is said plainly, and its owner learns of it once."""
    make_folder(folder, log="sqlite")
    text = "team: {{ 10 // (run_id | length - 1) }}"
    with closing(connect(str(folder))) as client:
        client.execute(AddUser(user=user_name(), role=Role.CONTRIBUTOR, email="owner@example.org"))
        for name, content in (("own", {"templates": {"subject": "{{ run_id }}", "text": text}}), ("usual", {})):
            definition = {"name": name, "recipients": [f"{name}@example.org"], **content}
            client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
        for run_id in "rs":
            odd = f"{run_id}\x07\r\nBcc: eve@example.org"
            client.execute(StartRun(run_id=run_id, experiment="e", display_name=odd, status=RunStatus.FAILED))
    with relaying() as relay:
        finish(folder, relay)
        taken = Taken.of(relay.sink.mails)
        plain = [
            mail for mail in relay.sink.mails if mail.recipient == "own@example.org" and b"division" in mail.content
        ]
        smuggled = sum(b"\r\nBcc:" in mail.content.partition(b"\r\n\r\n")[0] for mail in relay.sink.mails)
        owner = sum(mail.recipient == "owner@example.org" for mail in relay.sink.mails)
    figures = {**taken.figures(5), "plain with the reason": len(plain), "to the owner": owner}
    holds = taken.hold(5, twice=0) and len(plain) == 2 and owner == 1 and not smuggled
    return Row("5: a template that fails, odd characters", figures, holds)


def _refused_recipient(folder: Path, mails: int) -> Row:
    failed_runs(folder, mails, "bad@example.org", "good@example.org")
    with relaying([Fault("RCPT", reply="550 5.1.1 nobody", recipient="bad@example.org", times=None)]) as relay:
        ended(sender(folder, relay))
        taken = Taken.of(relay.sink.mails)
    states = states_of(folder)
    return Row(
        "6: one of two recipients is refused",
        {**taken.figures(mails), "rejected": states["rejected"]},
        taken.hold(mails, twice=0) and states == {"sent": mails, "rejected": mails},
    )


def _lost_answers(folder: Path, mails: int) -> Row:
    failed_runs(folder, mails, "maria@example.org")
    faults = [Fault("body", drop=True, stored=True, after=4 * n, times=1) for n in range(mails // 5)]
    with relaying(faults) as relay:
        finish(folder, relay)
        taken = Taken.of(relay.sink.mails)
    lost = sum(fault.times == 0 for fault in faults)
    figures = {**taken.figures(mails), "answers lost": lost}
    return Row(
        "7: the last answer is lost in a fifth of the mails", figures, taken.hold(mails, twice=lost) and lost > 1
    )


def _relay_down(folder: Path, mails: int, seconds: float) -> Row:
    """Each connection is closed at once; then the relay is there again. Waits double from one second on."""
    failed_runs(folder, mails, "maria@example.org")
    with relaying([Fault("greeting", drop=True, times=None)]) as relay:
        process = sender(folder, relay)
        relay.until(lambda: relay.sink.connects > 0, "connection")
        sleep(seconds)
        tries = relay.sink.connects
        relay.sink.faults.clear()
        ended(process)
        finish(folder, relay)
        taken = Taken.of(relay.sink.mails)
    steps = 2 + int(seconds + 1).bit_length()
    figures = {**taken.figures(mails), "seconds": seconds, "connections tried": tries, "at most": steps * CONNECTIONS}
    return Row("8: the relay is down", figures, taken.hold(mails, twice=0) and tries <= steps * CONNECTIONS)


def _sweep(folder: Path, mails: int) -> Row:
    """Children of one run fail within the wait of their group."""
    make_folder(folder, log="sqlite")
    definition = {
        "name": "sweep",
        "recipients": ["maria@example.org"],
        "include_children": True,
        "group": {"by": ["parent"], "wait_seconds": 10},
    }
    with closing(connect(str(folder))) as client:
        client.execute(DefineRule(rule_id=new_command_id(), definition=definition))
        client.execute(StartRun(run_id="top", experiment="e"))
        for number in range(mails):
            client.execute(StartRun(run_id=f"r{number}", experiment="e", parent_run_id="top", status=RunStatus.FAILED))
    with relaying() as relay:
        relay.until(lambda: ended(sender(folder, relay)) == 0 and relay.sink.taken > 0, "mail about the sweep", 60)
        taken = Taken.of(relay.sink.mails)
    said = f"{mails} child runs of top: {mails} Failed"
    return Row(
        "11: a sweep in which all fail",
        {"children": mails, "mails": len(taken.mails)},
        len(taken.mails) == 1 and said in taken.mails[0][1],
    )


def listed() -> str:
    """Every scenario with what holds it, for people."""
    lines = []
    for number, scenario in SCENARIOS.items():
        proofs = f"\n{'':8}".join(scenario.proofs)
        lines.append(f"    {number:2}  {scenario.what}\n{'':8}{proofs}")
    return "\n".join(lines)
