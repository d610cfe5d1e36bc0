"""What compose.yaml and the Dockerfile name exists, and Kafka takes the settings that they give it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import pytest
import yaml

from alerts.channels.email.settings import read_mail_settings
from examples.kafka_broker import KafkaBroker
from ledger.logs.kafka.address import parse_address
from runledger.cli.app import app
from runledger.cli.session import Session
from runledger.server.serving import GOODBYE_SECONDS
from runledger.settings import SETTINGS
from tests.docs.blocks import ROOT
from tests.runledger.cli.calling import call

TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def parsed(words: list[str]) -> click.Context:
    """The words of a command as the command line reads them; nothing is carried out."""
    with app.make_context("runledger", [words[0], "--help"], obj=Session(), resilient_parsing=True) as context:
        command = app.get_command(context, words[0])
        assert command is not None, words
        return command.make_context(words[0], words[1:], parent=context)


def test_the_services_are_reached_from_this_machine_alone_and_keep_their_data() -> None:
    assert set(SERVICES) == {"kafka", "server", "mail"}
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["healthcheck"]["test"][0] == "CMD"
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])


def test_every_variable_of_the_server_is_a_setting_and_holds_one() -> None:
    environment = SERVICES["server"]["environment"]
    settings = {setting.variable: setting for setting in SETTINGS}

    assert set(environment) <= set(settings)
    assert set(re.findall(r"RUNLEDGER_\w+", TEXT + DOCKERFILE)) <= set(settings)
    assert parse_address(environment["RUNLEDGER_LOG"]).name == "team"
    assert read_mail_settings(environment) is not None


def test_every_command_and_option_exists() -> None:
    program = re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", DOCKERFILE, re.MULTILINE)
    entry, usual = map(json.loads, program)
    commands = [usual, SERVICES["server"]["command"]]
    commands += [line.split() for line in re.findall(r"run --rm server (.*?)(?:  |$)", TEXT, re.MULTILINE)]
    commands += [line.split() for line in re.findall(r"#   runledger (.*?)(?:  |$)", TEXT, re.MULTILINE)]

    assert entry == ["runledger"]
    assert [words[0] for words in commands] == ["server", "server", "server", "login"]
    contexts = [parsed(words) for words in commands]
    assert [context.params.get("init_admin") for context in contexts[:3]] == [None, None, "admin"]
    assert f"127.0.0.1:{contexts[1].params['port']}:" in SERVICES["server"]["ports"][0]


def test_the_image_installs_what_the_project_has() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = re.search(r"/source\[(.*?)\]", DOCKERFILE)

    assert named is not None
    assert set(named[1].split(",")) <= set(extras)


class ComposedBroker(KafkaBroker):
    """A broker with the settings of compose.yaml, on ports and in a folder of its own."""

    def _write_settings(self) -> None:
        super()._write_settings()
        places = {
            "log.dirs": "data",
            "listeners": f"INSIDE://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"INSIDE://127.0.0.1:{self._port}",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
        }
        composed = {
            name.removeprefix("KAFKA_").lower().replace("_", "."): value
            for name, value in SERVICES["kafka"]["environment"].items()
            if name.startswith("KAFKA_")
        }
        assert set(places) <= set(composed)
        text = "".join(f"{name}={value}\n" for name, value in (composed | places).items())
        (self._folder / "server.properties").write_text(text)


@pytest.mark.kafka
def test_a_broker_with_these_settings_takes_the_logs(tmp_path: Path) -> None:
    with ComposedBroker(tmp_path / "kafka") as broker:
        log = f"kafka://{broker.address}/{uuid4().hex[:8]}"
        made = call("server", "--data", tmp_path / "data", "--log", log, "--init-admin")
        listed = call("token", "list", "-w", tmp_path / "data")

    assert made.code == 0, made.err
    assert [token["state"] for token in listed.json] == ["valid"]


def test_the_servers_goodbye_fits_into_the_time_it_is_given() -> None:

    assert float(SERVICES["server"]["stop_grace_period"].removesuffix("s")) > GOODBYE_SECONDS + 2
