"""A Kafka cluster with TLS, users and rights: what a server needs there, and what it says when it lacks that."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.commands import StartRun
from ledger.logs.kafka.scripts import NEEDED
from ledger.metrics import SeriesQuery
from ledger.remote.client import RemoteClient
from ledger.values.batch import Batch
from tests.runledger.cli.calling import Called, call, process
from tests.runledger.server.running import running
from tests.secure_kafka import PASSWORD, USER, SecureBroker

pytestmark = pytest.mark.kafka

LEAST = ("READ", "WRITE", "DESCRIBE_CONFIGS")
"""All that a server needs on its two topics; on the cluster it needs nothing. docs/kafka.md lists them."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    with SecureBroker(tmp_path_factory.mktemp("secure-kafka")) as started:
        yield started


@pytest.fixture(autouse=True)
def _as_the_user(broker: SecureBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("RUNLEDGER_"):
            monkeypatch.delenv(name)
    for name, value in broker.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def name() -> str:
    return f"s{uuid4().hex[:10]}"


def topics(name: str) -> tuple[str, str]:
    return f"runledger.{name}.events.v1", f"runledger.{name}.values.v1"


def make_topics(broker: SecureBroker, name: str) -> None:
    """As an operator does, who has all rights."""
    made = process("topic", "create", f"kafka://{broker.address}/{name}", **as_operator())
    assert made.code == 0, made.err


def as_operator() -> dict[str, str]:
    return {variable: "" for variable in os.environ if variable.startswith("RUNLEDGER_KAFKA_")}


def workspace(broker: SecureBroker, name: str, folder: Path) -> Path:
    assert call("init", folder, "--log", f"kafka://{broker.secure_address}/{name}").code == 0
    return folder


def opened(folder: Path) -> Called:
    return call("run", "list", "-w", folder)


def test_with_the_least_rights_a_server_appends_and_reads(broker: SecureBroker, name: str, tmp_path: Path) -> None:
    """And when one of them is taken away meanwhile, it says so, and goes on when it is given back."""
    make_topics(broker, name)
    broker.allow(LEAST, topics(name))
    point = {"name": "loss", "kind": "scalar", "index": [1], "times": [1], "values": [0.5]}
    with (
        running(workspace(broker, name, tmp_path)) as server,
        closing(RemoteClient(server.url)) as client,
    ):
        client.execute(StartRun(run_id="r", experiment="e"))
        client.log_values(Batch(run_id="r", writer="w", first=1, last=1, series=[point], occurred_at=1))
        status, (series,) = client.run("r")["status"], client.series(SeriesQuery(run_id="r"))
        figures = server.get("/metrics").body.decode()
        checks = call("doctor", "-w", tmp_path).json
        broker.allow([each for each in LEAST if each != "WRITE"], topics(name))
        lacking = call("doctor", "-w", tmp_path)
        refused = server.send("tag-run", run_id="r", tags={"a": "b"})
        read = server.get("/api/v1/runs/r")
        broker.allow(LEAST, topics(name))
        again = server.send("tag-run", run_id="r", tags={"a": "b"})

    assert (status, series.values) == ("Running", [0.5])
    assert 'runledger_appended_events_total{type="runledger.run.started.v1"} 1.0' in figures
    assert PASSWORD not in figures
    assert {found["level"] for found in checks if found["what"] in {"broker", "topics", "clock"}} == {"ok"}
    assert "SASL_SSL" in next(found["text"] for found in checks if found["what"] == "broker")
    assert lacking.code == 6
    wrong = [found for found in lacking.json if found["text"] == f"{topics(name)[0]}: User:{USER} lacks WRITE"]
    assert [found["level"] for found in wrong] == ["fail"]
    assert (refused.status, read.status, again.status) == (503, 200, 200), again.body


@pytest.mark.parametrize("missing", LEAST)
def test_each_right_that_is_missing_is_named_with_its_topic(
    missing: str, broker: SecureBroker, name: str, tmp_path: Path
) -> None:
    make_topics(broker, name)
    folder = workspace(broker, name, tmp_path)
    for lacking, other in (topics(name), topics(name)[::-1]):
        broker.allow(LEAST, [other])
        broker.allow([each for each in LEAST if each != missing], [lacking])

        refused = opened(folder)

        assert refused.code == 5
        assert f"User:{USER} lacks {missing} on topic {lacking}. An operator grants it: kafka-acls.sh" in refused.err
        checked = call("topic", "check", "-w", folder)
        assert (checked.code, [row["topic"] for row in checked.json]) == (6, [lacking])
        assert checked.json[0]["problem"] == f"User:{USER} lacks {missing}"


def test_without_any_right_what_is_missing_is_to_know_of_the_topic(
    broker: SecureBroker, name: str, tmp_path: Path
) -> None:
    make_topics(broker, name)

    refused = opened(workspace(broker, name, tmp_path))

    assert f"User:{USER} lacks DESCRIBE on topic {topics(name)[0]}" in refused.err
    assert "--operation Read --operation Write --operation DescribeConfigs" in refused.err
    assert set(NEEDED) == {*LEAST, "DESCRIBE"}


def test_topics_that_are_not_there_are_an_operators_to_make(broker: SecureBroker, name: str, tmp_path: Path) -> None:
    broker.allow(LEAST, topics(name))
    folder = workspace(broker, name, tmp_path)

    refused, planned = opened(folder), call("topic", "create", "-w", folder, "--dry-run")

    assert refused.code == 5
    assert f"topic {topics(name)[0]} is not there, and User:{USER} lacks CREATE" in refused.err
    assert f"runledger topic create kafka://{broker.secure_address}/{name}" in refused.err
    assert [row["result"] for row in planned.json] == ["would be made"] * 2
    assert all(f"--allow-principal User:{USER}" in row["grant"] for row in planned.json)


def test_settings_may_stand_in_the_workspace(
    broker: SecureBroker, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(broker, name)
    broker.allow(LEAST, topics(name))
    folder = workspace(broker, name, tmp_path)
    for variable in broker.environment:
        monkeypatch.delenv(variable)
    for file in (broker.password_file, broker.ca_file):
        (folder / ".runledger" / file.name).write_bytes(file.read_bytes())
    with (folder / ".runledger" / "config.toml").open("a") as config:
        config.write(f'kafka_username = "{USER}"\nkafka_password_file = "password"\nkafka_ca_file = "ca.pem"\n')

    assert opened(folder).json == []
    assert "others may read" in str(call("doctor", "-w", folder).json)


def test_a_client_certificate_is_as_good_as_a_user(
    broker: SecureBroker, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(broker, name)
    for variable in ("RUNLEDGER_KAFKA_USERNAME", "RUNLEDGER_KAFKA_PASSWORD_FILE"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("RUNLEDGER_LOG", f"kafka://{broker.certificate_address}/{name}")
    certificate, principal = broker.certificate("server-a")
    broker.allow(LEAST, topics(name), principal)
    assert call("init", tmp_path).code == 0

    without = opened(tmp_path)
    monkeypatch.setenv("RUNLEDGER_KAFKA_CERTIFICATE_FILE", str(certificate))

    assert without.code == 5
    assert "RUNLEDGER_KAFKA_CERTIFICATE_FILE" in without.err
    assert opened(tmp_path).json == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"RUNLEDGER_KAFKA_PASSWORD_FILE": "wrong"}, f"refuses User:{USER}: name or password is wrong"),
        ({"RUNLEDGER_KAFKA_USERNAME": "nobody"}, "refuses User:nobody"),
        ({"RUNLEDGER_KAFKA_MECHANISM": "SCRAM-SHA-256"}, "does not know the mechanism SCRAM-SHA-256"),
        ({"RUNLEDGER_KAFKA_CA_FILE": ""}, "is not trusted"),
        ({"RUNLEDGER_KAFKA_PROTOCOL": "SASL_PLAINTEXT", "RUNLEDGER_KAFKA_CA_FILE": ""}, "hangs up on SASL_PLAINTEXT"),
        ({"RUNLEDGER_KAFKA_PASSWORD_FILE": "/nowhere"}, "RUNLEDGER_KAFKA_PASSWORD_FILE /nowhere cannot be read"),
        ({"RUNLEDGER_KAFKA_PASSWORD": PASSWORD}, "RUNLEDGER_KAFKA_PASSWORD is not read"),
        ({"RUNLEDGER_LOG": f"kafka://{USER}:{PASSWORD}@localhost:1/x"}, "a log address names no user"),
    ],
    ids=lambda change: next(iter(change)) if isinstance(change, dict) else None,
)
def test_who_is_not_let_in_is_told_why_and_no_secret_is_shown(
    change: dict[str, str], said: str, broker: SecureBroker, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong").write_text(f"not {PASSWORD}")
    folder = workspace(broker, name, tmp_path / "workspace")
    for variable, value in change.items():
        monkeypatch.setenv(variable, str(tmp_path / value) if value == "wrong" else value)

    calls = [
        call("run", "list", "-w", folder, "--debug", "--verbose"),
        call("doctor", "-w", folder, "--debug"),
        call("config", "show", "-w", folder),
        call("topic", "check", "-w", folder, "--debug"),
    ]

    assert calls[0].code in {1, 5}
    assert said in " ".join(calls[0].err.split())
    assert said in calls[1].out
    assert calls[1].code == 6
    assert not [each for each in calls if PASSWORD in each.out + each.err]


def test_a_server_that_is_not_let_in_shows_no_secret(
    broker: SecureBroker, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(broker, name)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    broken = process("server", "--data", workspace(broker, name, tmp_path), "--port", "0", "--debug", "--verbose")

    assert broken.code == 5
    assert "Traceback" in broken.err
    assert PASSWORD not in broken.out + broken.err
