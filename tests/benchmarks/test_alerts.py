"""What the measurement of alerts stands on: relays that count, and a table that says what was not there."""

import smtplib

import pytest

from benchmarks import alertmanager_peer, alerts
from benchmarks.relays import counting
from benchmarks.result import rows_of


def test_the_counting_relay_counts_mails_and_notes_their_subjects() -> None:
    with counting(subjects=True) as relay:
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as client:
            for number in range(3):
                mail = f"From: a@x.org\r\nSubject: mail {number}\r\n\r\nsome text"
                client.sendmail("a@x.org", ["b@x.org"], mail)
        relay.wait(3, 30)
    assert [subject for _, subject in relay.noted] == [f"Subject: mail {number}" for number in range(3)]
    assert sorted(when for when, _ in relay.noted) == [when for when, _ in relay.noted]


def test_a_relay_that_takes_too_few_is_told() -> None:
    with counting() as relay, pytest.raises(RuntimeError, match="took 0 of 1 mails"):
        relay.wait(1, 0.1)


def test_a_peer_that_is_not_installed_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager_peer, "PROGRAM", None)
    rates = alerts.Rates([900.0, 1_000.0, 1_100.0])
    row = rows_of([alerts.beside("mails", rates, alerts.Rates([0.0]))])
    assert "1,000 mails/s | the package prometheus-alertmanager is not installed |" in row
