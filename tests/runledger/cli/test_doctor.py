"""`runledger doctor`: what is not well is named, with the way out, and nothing secret is shown."""

import shutil
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from runledger import Experiment, Workspace
from runledger.doctor import records
from runledger.settings import resolve
from tests.ledger.logs.test_kafka import admin
from tests.runledger.cli.calling import Called, call
from tests.runledger.relay import relaying
from tests.runledger.server.running import running

PASSWORD = "nobody shall read this"


def found(called: Called, what: str) -> list[dict[str, Any]]:
    return [each for each in called.json if each["what"] == what]


def levels(called: Called) -> set[str]:
    return {each["level"] for each in called.json}


def test_all_is_well_with_a_new_workspace(workspace: Path) -> None:
    told = call("doctor", "-w", workspace)

    assert told.code == 0
    assert levels(told) <= {"ok", "warn"}
    assert [each["what"] for each in told.json] == [
        "python",
        "libraries",
        "sqlite",
        "workspace",
        "disk",
        "file rights",
        "records",
        "views",
        "journals",
        "mail",
    ]
    lines = call("doctor", "-w", workspace, "-o", "table").out.splitlines()
    assert lines[0].startswith("ok    python ")


def test_data_names_the_folder_of_a_server(workspace: Path) -> None:
    assert str(workspace) in found(call("doctor", "--data", workspace), "workspace")[0]["text"]


def test_rights_of_files_are_looked_at(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, secret = empty / ".runledger" / "ledger.db", empty / "secret"
    ledger.chmod(0o666)
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    monkeypatch.setenv("RUNLEDGER_SMTP_PASSWORD_FILE", str(secret))

    told = call("doctor", "-w", empty)

    assert told.code == 6
    assert [(each["level"], each["way_out"]) for each in found(told, "file rights")] == [
        ("fail", f"chmod o-w {ledger}"),
        ("warn", f"chmod 600 {secret}"),
    ]
    assert PASSWORD not in told.out + told.err


def test_a_full_disk_and_a_tight_one(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = []
    for free in (50_000_000, 500_000_000, 5_000_000_000):
        usage = shutil.disk_usage(empty)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        levels.append(found(call("doctor", "-w", empty), "disk")[0]["level"])

    assert levels == ["fail", "warn", "ok"]


def test_views_that_are_behind_are_named(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("run", "list", "-w", workspace)
    with Workspace(workspace) as opened:
        Experiment(opened, "experiment").start_logging(run_id="later").complete()
    with sqlite3.connect(workspace / ".runledger" / "views.db") as connection:
        connection.execute("UPDATE checkpoints SET position = 1, opaque = 2")
    connection.close()

    little = found(call("doctor", "-w", workspace), "views")
    monkeypatch.setattr(records, "_MUCH", 1)
    much = found(call("doctor", "-w", workspace), "views")

    for views, level in ((little, "ok"), (much, "warn")):
        assert {each["level"] for each in views if "event(s) behind position" in each["text"]} == {level}
        assert {each["level"] for each in views if "passed over 2 event(s)" in each["text"]} == {"warn"}


def test_a_damaged_file_is_named_and_all_else_is_looked_at(empty: Path) -> None:
    (empty / ".runledger" / "ledger.db").write_bytes(b"no database" * 1000)

    told = call("doctor", "-w", empty)

    assert told.code == 6
    assert "is damaged" in found(told, "records")[0]["text"]
    assert found(told, "mail")


def test_what_offline_scripts_left_is_named(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger.journal.folder import Identity, WriterFolder  # noqa: PLC0415
    from ledger.journal.locks import release  # noqa: PLC0415

    home = tmp_path / "journals"
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(home))
    writer = WriterFolder(home / "any" / "w")
    release(writer.make(Identity.of_process("r", "w", "", None, None, offline=True)))

    journals = found(call("doctor", "-w", empty), "journals")

    assert [(each["level"], each["way_out"]) for each in journals] == [("warn", "`runledger sync` delivers them")]


def test_a_folder_that_is_no_workspace_fails(tmp_path: Path) -> None:
    told = call("doctor", "-w", tmp_path / "nothing")

    assert told.code == 6
    assert "runledger init" in found(told, "workspace")[0]["text"]


def test_the_relay_is_greeted_and_sends_nothing_unless_asked(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with relaying() as relay:
        for name, value in relay.settings.items():
            monkeypatch.setenv(name, value)
        silent = call("doctor", "-w", empty)
        before = len(relay.messages())
        sent = call("doctor", "-w", empty, "--mail", "maria@example.org")
        relay.wait(1)
        (mail,) = relay.messages()
    monkeypatch.setenv("RUNLEDGER_SMTP_URL", "smtp://127.0.0.1:1")
    away = call("doctor", "-w", empty, "--mail", "maria@example.org")

    assert (found(silent, "mail")[0]["level"], before) == ("ok", 0)
    assert found(sent, "test mail")[0]["level"] == "ok"
    assert (mail["To"], mail["X-Test"]) == ("maria@example.org", "true")
    assert (away.code, found(away, "mail")[0]["level"], found(away, "test mail")) == (6, "fail", [])


def test_a_test_mail_without_a_relay_fails(empty: Path) -> None:
    told = call("doctor", "-w", empty, "--mail", "maria@example.org")

    assert (told.code, found(told, "mail")[0]["level"]) == (6, "fail")


def test_a_relay_that_wants_another_password_is_named_without_it(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    with _refusing() as port:
        monkeypatch.setenv("RUNLEDGER_SMTP_URL", f"smtp://ada@127.0.0.1:{port}")
        monkeypatch.setenv("RUNLEDGER_SMTP_PASSWORD_FILE", str(secret))
        monkeypatch.setenv("RUNLEDGER_MAIL_FROM", "ledger@example.org")
        told = call("doctor", "-w", empty, "--debug")

    assert found(told, "mail")[0]["level"] == "fail"
    assert "535" in found(told, "mail")[0]["text"]
    assert "RUNLEDGER_SMTP_PASSWORD_FILE" in found(told, "mail")[0]["way_out"]
    assert PASSWORD not in told.out + told.err


class _refusing:  # noqa: N801 - used as a block
    """A relay that knows nobody."""

    def __enter__(self) -> int:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return int(self._listening.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b"220 here\r\n")
            stream.flush()
            for line in stream:
                known = line.upper().startswith(b"EHLO")
                stream.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n" if known else b"535 who are you\r\n")
                stream.flush()


def test_a_server_is_looked_at_from_outside(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(workspace) as server:
        told = call("doctor", "-w", server.url)
        issued = call("token", "create", "maria", "--role", "viewer", "-w", workspace).json["token"]
        unknown = call("doctor", "-w", server.url)
        monkeypatch.setenv("RUNLEDGER_TOKEN", issued)
        known = call("doctor", "-w", server.url)
    away = call("doctor", "-w", server.url)

    assert (told.code, levels(told)) == (0, {"ok"})
    assert {each["what"] for each in told.json} >= {"server", "ready", "clock", "token", "control lag", "values lag"}
    assert (unknown.code, found(unknown, "token")[0]["level"]) == (6, "fail")
    assert "runledger login" in found(unknown, "token")[0]["way_out"]
    assert "we are maria; role viewer" in found(known, "token")[0]["text"]
    assert issued not in known.out + known.err
    assert (away.code, found(away, "server")[0]["level"]) == (6, "fail")


def test_a_kafka_workspace_is_looked_at_with_its_cluster(
    tmp_path: Path, kafka_broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"d{uuid4().hex[:10]}"
    log = f"kafka://{kafka_broker.address}/{name}"
    call("init", tmp_path / "a", "--log", log)
    before = call("doctor", "-w", tmp_path / "a")
    not_made = call("topic", "describe", log).json
    for folder in ("a", "b"):
        call("init", tmp_path / folder, "--log", log)
        call("run", "list", "-w", tmp_path / folder)
    with Workspace(tmp_path / "a") as opened:
        Experiment(opened, "experiment").start_logging(run_id="r").complete()
    call("run", "list", "-w", tmp_path / "a")
    well, behind = call("doctor", "-w", tmp_path / "a"), call("doctor", "-w", tmp_path / "b")
    admin(kafka_broker.address, lambda client: client.delete_topics([f"runledger.{name}.values.v1"]))
    broken = call("doctor", "-w", tmp_path / "a")
    monkeypatch.setenv("RUNLEDGER_LOG", "kafka://127.0.0.1:9/nobody")
    away = call("doctor", "-w", tmp_path / "a")

    assert before.code == 6
    assert "it is not there" in found(before, "topics")[0]["text"]
    assert [row["there"] for row in not_made] == [False, False]
    assert (well.code, [each for each in well.json if each["level"] != "ok"]) == (0, [])
    assert "Kafka 4" in found(well, "broker")[0]["text"]
    assert {each["what"] for each in well.json} >= {"topics", "control lag", "values lag", "clock"}
    assert (behind.code, found(behind, "control lag")[0]["level"]) == (0, "warn")
    assert "record(s) are not in ledger.db yet" in found(behind, "control lag")[0]["text"]
    assert (broken.code, found(broken, "topics")[0]["way_out"]) == (6, f"runledger topic create {log}")
    assert (away.code, found(away, "kafka")[0]["level"]) == (6, "fail")
    assert found(away, "mail")


def test_no_password_in_an_address_is_shown(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_LOG", f"kafka://ada:{PASSWORD}@127.0.0.1:9/x")
    monkeypatch.setenv("RUNLEDGER_SMTP_URL", f"smtp://ada:{PASSWORD}@127.0.0.1:1")

    calls = [call("doctor", "-w", empty, "--debug"), call("config", "show", "-w", empty)]

    assert calls[0].code == 6
    assert not [each for each in calls if PASSWORD in each.out + each.err]
    assert resolve({"RUNLEDGER_LOG": "kafka://ada:x@h:1/n"}, {})["log"].shown() == "kafka://ada:********@h:1/n"
