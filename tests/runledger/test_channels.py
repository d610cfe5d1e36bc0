"""Channels of config.toml: a rule names one, its receiver is told, and no secret is in the log."""

import asyncio
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import digest
from pathlib import Path

import pytest

from alerts.channels.channel import ChannelSettingsError
from ledger.workspace.folder import WorkspaceFolder
from runledger.channels import named_channels, open_channels
from tests.alerts.receiver import Receiver, receiving
from tests.runledger.cli.calling import call
from tests.runledger.relay import relaying
from tests.runledger.server.running import running

SECRET = "whsec_" + b64encode(b"s" * 32).decode()


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver in a thread with a loop of its own."""
    receiver, loop, stop, ready = Receiver(), asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with receiving(receiver):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


@pytest.fixture(autouse=True)
def _no_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNLEDGER_SMTP_URL", "RUNLEDGER_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)


def configure(place: Path, text: str) -> None:
    file = place / ".runledger" / "config.toml"
    file.write_text(file.read_text() + text)


def webhook(place: Path, receiver: Receiver) -> None:
    (place / "secret").write_text(SECRET)
    url, file = f"http://127.0.0.1:{receiver.port}/hook", place / "secret"
    configure(place, f'[channels.ops]\nkind = "webhook"\nurl = "{url}"\nsecret_file = "{file}"\n')


def fail(place: object, run_id: str) -> None:
    assert call("run", "start", "-e", "e", "--run-id", run_id, "-w", place).code == 0
    assert call("run", "fail", "-r", run_id, "-w", place).code == 0


def test_a_rule_names_a_channel_and_its_receiver_is_told(tmp_path: Path) -> None:
    assert call("init", tmp_path).code == 0
    with listening() as receiver:
        webhook(tmp_path, receiver)
        made = call("alert", "create", "failures", "--recipient", "channel:ops", "-w", tmp_path)
        assert made.json["definition"]["recipients"] == ["channel:ops"]
        fail(tmp_path, "r1")
        assert call("alert", "run", "--once", "-w", tmp_path).json["done"]

        [request] = receiver.requests
        [told] = call("alert", "history", "failures", "-w", tmp_path).json
        assert (told["state"], told["channel"], told["recipient"], told["code"]) == ("sent", "ops", "channel:ops", 204)
        assert request.headers["webhook-id"] == request.json()["id"] == told["notification"]
        signed = f"{told['notification']}.{request.headers['webhook-timestamp']}.".encode() + request.body
        expected = digest(b64decode(SECRET.removeprefix("whsec_")), signed, "sha256")
        assert b64decode(request.headers["webhook-signature"].removeprefix("v1,")) == expected
    log = b"".join(file.read_bytes() for file in (tmp_path / ".runledger").glob("ledger.db*"))
    assert b"channel:ops" in log
    assert SECRET.encode() not in log
    assert str(receiver.port).encode() + b"/hook" not in log


def test_a_server_sends_by_a_channel_and_by_mail_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("init", tmp_path).code == 0
    with listening() as receiver, relaying() as relay:
        webhook(tmp_path, receiver)
        receiver.answers = [None]  # it hangs
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        with running(tmp_path) as server:
            words = ("--recipient", "channel:ops", "--recipient", "maria@example.org")
            assert call("alert", "create", "failures", *words, "-w", server.url).code == 0
            for number in range(4):
                fail(server.url, f"r{number}")
            relay.wait(4)
            assert relay.recipients == ["maria@example.org"] * 4


def test_a_channel_that_is_not_there_is_refused_when_the_rule_is_saved(tmp_path: Path) -> None:
    assert call("init", tmp_path).code == 0
    refused = call("alert", "create", "failures", "--recipient", "channel:ops", "-w", tmp_path)
    assert (refused.code, "[channels.ops]" in refused.err) == (4, True)
    assert "lower-case" in call("alert", "create", "x", "--recipient", "channel:Ops", "-w", tmp_path).err
    assert "lower-case" in call("alert", "create", "x", "--recipient", "channel:email", "-w", tmp_path).err


def test_what_no_channel_takes_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("init", tmp_path).code == 0
    with listening() as receiver:
        webhook(tmp_path, receiver)
        words = ("--recipient", "channel:ops", "--recipient", "maria@example.org")
        assert call("alert", "create", "failures", *words, "-w", tmp_path).code == 0
        fail(tmp_path, "r1")
        done = call("alert", "run", "--once", "-w", tmp_path)
        assert len(receiver.requests) == 1
    [waiting] = done.json["waiting"]
    assert (waiting["recipient"], "RUNLEDGER_SMTP_URL" in waiting["because"]) == ("maria@example.org", True)
    with relaying() as relay:
        for name, value in (relay.settings | {"RUNLEDGER_SMTP_RATE": "often"}).items():
            monkeypatch.setenv(name, value)
        assert "600/min" in call("alert", "run", "--once", "-w", tmp_path).err
        monkeypatch.setenv("RUNLEDGER_SMTP_RATE", "600/min")
        assert call("alert", "run", "--once", "-w", tmp_path).json["done"]
        assert relay.recipients == ["maria@example.org"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("channels = 3\n", r"\[channels.NAME\]"),
        ("[channels.Ops]\nkind = 'webhook'\n", "cannot be the name"),
        ("[channels.email]\nkind = 'webhook'\n", "cannot be the name"),
        ("[channels.ops]\n", "webhook or apprise"),
        ("[channels.ops]\nkind = 'pigeon'\n", "webhook or apprise"),
        ("[channels.ops]\nkind = 'webhook'\nsecret = 'x'\n", "no option 'secret'"),
        ("[channels.ops]\nkind = 'webhook'\n", "write url"),
        ("[channels.ops]\nkind = 'webhook'\nurl = 'https://x.org'\nrate = '1'\n", "600/min"),
        ("[channels.ops]\nkind = 'webhook'\nurl = 'https://x.org'\nconnections = 0\n", "from 1 to 50"),
        ("[channels.ops]\nkind = 'apprise'\n", "url_file"),
    ],
)
def test_a_table_that_cannot_be_says_how_it_is_written(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ChannelSettingsError, match=why):
        open_channels(WorkspaceFolder(tmp_path))


def test_without_tables_there_are_no_channels(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('log = "sqlite"\n')
    assert named_channels(WorkspaceFolder(tmp_path)) == {}
