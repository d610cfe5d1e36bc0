"""What happens to machines: two senders at once, a frozen one, a full disk, a clock that jumps, strange events."""

import os
import signal
from contextlib import closing
from pathlib import Path
from time import sleep

from ledger.commands import ChangeStatus, StartRun
from ledger.logs.log import chain, prev_of
from runledger.wiring import Embedded, connect, embedded_workspace
from schemas.records import Envelope
from schemas.statuses import RunStatus
from schemas.streams import notifications_stream, rule_stream, run_stream
from tests.alerts.sinks import Fault
from tests.faults.mails.senders import CONNECTIONS, Taken, ended, failed_runs, finish, sender, states_of
from tests.faults.row import Row
from tests.ledger.small_disk import run_on_small_disk
from tests.runledger.relay import Relay, relaying

_MARIA = "maria@example.org"
_JUMPING = "tests.faults.mails.jumping_clock"
_STATUS_CHANGED = "runledger.run.status-changed.v1"


def two_senders(folder: Path, mails: int = 200) -> Row:
    """Two processes send the mails of one workspace at the same time."""
    failed_runs(folder, mails // 2, "a@example.org", "b@example.org")
    with relaying([Fault("body", delay=0.005, stored=True, times=None)]) as relay:
        codes = [ended(process) for process in [sender(folder, relay), sender(folder, relay)]]
        finish(folder, relay)
        taken = Taken.of(relay.sink.mails)
    return Row("two senders at once", taken.figures(mails), codes == [0, 0] and taken.hold(mails, twice=0))


def frozen_sender(folder: Path, mails: int = 24) -> Row:
    """A sender is stopped in the middle of mails until its lease is long over; another sends them; it goes on."""
    failed_runs(folder, mails, _MARIA)
    with relaying() as relay:
        relay.sink.faults.append(Fault("MAIL", delay=1.0, times=None))
        frozen = sender(folder, relay)
        relay.until(lambda: relay.sink.silent > 0, "mail under way")
        frozen.send_signal(signal.SIGSTOP)
        relay.sink.faults.clear()
        try:
            relay.until(lambda: _done(folder, relay, mails), "mails", 120)
        finally:
            frozen.send_signal(signal.SIGCONT)
        code = ended(frozen)
        taken = Taken.of(relay.sink.mails)
    return Row(
        "a sender is frozen beyond its lease", taken.figures(mails), code == 0 and taken.hold(mails, twice=CONNECTIONS)
    )


def _done(folder: Path, relay: Relay, mails: int) -> bool:
    ended(sender(folder, relay))
    sleep(1)
    return states_of(folder) == {"sent": mails}


def full_disk(folder: Path, then: str, mails: int = 24) -> Row:
    """The disk is full while mails are under way: what was sent is settled later."""
    failed_runs(folder / "workspace", mails, _MARIA)
    with relaying() as relay:
        os.environ |= (settings := relay.settings)
        try:
            disk = folder / "disk"
            script = _ON_THE_DISK.format(source=str(folder / "workspace"), disk=str(disk), then=then)
            done = run_on_small_disk(disk, "3m", "-c", script)
        finally:
            for name in settings:
                del os.environ[name]
        taken = Taken.of(relay.sink.mails)
    assert done.returncode == 0, done.stderr
    holds = taken.hold(mails, twice=CONNECTIONS if then == "killed" else 0)
    said = done.stdout.split()
    figures = {**taken.figures(mails), "appends refused": said[0], "settled as sent": said[1]}
    return Row(f"the disk is full; {then}", figures, holds and int(said[1]) == mails and int(said[0]) > 0)


_ON_THE_DISK = """
import shutil, subprocess, sys
from pathlib import Path
from tests.faults.mails.senders import states_of
workspace = shutil.copytree({source!r}, {disk!r} + "/workspace")
send = [sys.executable, "-m", "tests.faults.mails.full_disk", workspace, {then!r}]
done = subprocess.run(send, stdout=subprocess.PIPE, text=True)
refused = done.stdout or "4"
assert done.returncode == (0 if {then!r} == "freed" else -9), done.returncode
Path({disk!r}, "ballast").unlink(missing_ok=True)
subprocess.run([sys.executable, "-m", "tests.runledger.mail_victim", workspace, ""], check=True)
print(refused.strip(), states_of(Path(workspace))["sent"])
"""


def jumping_clock(folder: Path, mails: int = 24) -> Row:
    """The machine's clock goes an hour ahead and two back while it sends; with the true clock all is sent at once."""
    failed_runs(folder, mails, _MARIA)
    with relaying() as relay:
        code = ended(sender(folder, relay, module=_JUMPING))
        before = relay.sink.taken
        with closing(connect(str(folder))) as client:
            client.execute(StartRun(run_id="later", experiment="e", status=RunStatus.FAILED))
        finish(folder, relay, times=3)
        taken = Taken.of(relay.sink.mails)
    figures = {**taken.figures(mails + 1), "sent by the clock that jumps": before}
    return Row("the clock jumps", figures, code == 0 and before > 0 and taken.hold(mails + 1, twice=0))


def strange_events(folder: Path, mails: int = 24) -> Row:
    """Events that nobody can read lie in the log before, between and behind the others."""
    rule_id = failed_runs(folder, mails // 2, _MARIA)
    with embedded_workspace(str(folder)) as parts:
        streams = [run_stream("r0"), run_stream("strange"), rule_stream(rule_id), notifications_stream(parts.log.id)]
        strange = sum(_append_strange(parts, stream) for stream in streams)
        for number in range(mails // 2, mails):
            parts.client.execute(StartRun(run_id=f"r{number}", experiment="e"))
            parts.client.execute(ChangeStatus(run_id=f"r{number}", status=RunStatus.FAILED))
    with relaying() as relay:
        finish(folder, relay)
        taken = Taken.of(relay.sink.mails)
    figures = {"events that nobody can read": strange, **taken.figures(mails)}
    return Row("strange events", figures, taken.hold(mails, twice=0))


def _append_strange(parts: Embedded, stream: str) -> int:
    contents = [(_STATUS_CHANGED, b"\xff{"), (_STATUS_CHANGED, b'{"status": 7}'), ("runledger.moon.full.v9", b"[]")]
    for number, (name, value) in enumerate(contents):
        head = parts.database.head(stream)
        envelope = Envelope(
            stream=stream,
            seq=head.seq + 1 if head else 1,
            prev=prev_of(head),
            id=f"strange-{number}",
            source="//strange",
            type=name,
            time="2026-11-23T10:00:00.000000Z",
            actor="eve",
            value=value,
        )
        parts.log.append(chain(parts.log.id, [envelope]))
    return len(contents)


def all_mishaps(folder: Path, *, frozen: bool) -> list[Row]:
    """Each of them; a frozen sender takes as long as a lease."""
    rows = [
        two_senders(folder / "two"),
        full_disk(_made(folder / "freed"), "freed"),
        full_disk(_made(folder / "killed"), "killed"),
        jumping_clock(folder / "clock"),
        strange_events(folder / "strange"),
    ]
    return [*rows, frozen_sender(folder / "frozen")] if frozen else rows


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
