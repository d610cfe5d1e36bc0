"""A kill at any point loses nothing, and doubles no more than was under way."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from alerts.deliver.notification import State
from tests.alerts.deliver.working import Memory, define, ended, fail, service, work
from tests.ledger.conftest import Open

ROOT = Path(__file__).parents[3]
POINTS = ["folded", "claiming", "claimed", "composed", "sending", "sent", "settling", "settled"]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_loses_nothing(sqlite_parts: Open, tmp_path: Path, point: str) -> None:
    parts = sqlite_parts()
    define(parts, "a@x.org", "b@x.org", "c@x.org")
    fail(parts, *(f"r{number}" for number in range(5)))

    victim = [sys.executable, "-m", "tests.alerts.deliver.victim", str(tmp_path), point, "victim"]
    killed = subprocess.run(victim, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    relay = tmp_path / "relay.txt"
    before = relay.read_text().split()

    channel = Memory()
    assert work(service(parts, channel, server="next", gone=lambda server: server == "victim")) == [True]
    sent = Counter([*before, *(mail.notification for mail in channel.mails)])
    assert ended(parts) == {State.SENT: 15}
    assert len(sent) == 15
    twice = [notification for notification, times in sent.items() if times > 1]
    assert max(sent.values()) <= 2
    assert len(twice) <= 4
