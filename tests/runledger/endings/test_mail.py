"""After a run's end its watchdog sends the mails that are due: nobody needs to serve, and nobody sends them twice."""

import pytest

from tests.runledger.endings.playing import Stage
from tests.runledger.endings.scripts import BEGIN, READY, START, Case
from tests.runledger.relay import SECONDS, Relay, relaying
from tests.runledger.server.running import running

_START = START.replace("start()", "start(notify='me@example.org')")
KILLED = Case("", "Failed", "SIGKILL", whole=f"{BEGIN}{_START}{READY}os.kill(os.getpid(), 9)\n")


def _through(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in relay.settings.items():
        monkeypatch.setenv(name, value)


def test_a_killed_run_is_mailed_though_nobody_serves(embedded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with relaying() as relay:
        _through(relay, monkeypatch)
        embedded.play({"mailed": KILLED})
        relay.wait(1, SECONDS)
        embedded.assert_nothing_is_left()

        assert relay.recipients == ["me@example.org"]
        assert "mailed: Running -> Failed" in str(relay.messages()[0]["subject"])


def test_where_a_server_has_the_same_workspace_each_mail_comes_once(
    embedded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with relaying() as relay:
        _through(relay, monkeypatch)
        with running(embedded.workspace):
            embedded.play({f"mailed {number}": KILLED for number in range(4)})
            for number in range(4):
                embedded.ended(f"mailed {number}")
            relay.wait(4, SECONDS)
            embedded.assert_nothing_is_left()
        # Whoever would send them again, does it now.
        embedded.contact()

        subjects = [str(message["subject"]) for message in relay.messages()]
        assert len(subjects) == len({str(message["message-id"]) for message in relay.messages()}) == 4
        assert [f"mailed-{number}" in " ".join(subjects) for number in range(4)] == [True] * 4
