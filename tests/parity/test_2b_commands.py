"""The commands and flags of `az ml run` (parity 2.B)."""

import click
import pytest

from runledger.cli.app import app
from runledger.cli.session import Session
from tests.runledger.cli.calling import call

COMMON = "-w --workspace-name -g --resource-group --path --subscription-id -t --output-metadata-file --query -o --debug"
COMMON += " --verbose --only-show-errors"
FLAGS = {
    "list": "-e --experiment-name --last --status --tags --compute-target-name --parent-run-id --pipeline-run-id "
    "--minimal",
    "show": "-r --run -e --experiment-name",
    "cancel": "-r --run -e --experiment-name",
    "update": "-r --run -e --experiment-name --add-tag",
    "download-logs": "-r --run -e --experiment-name -d",
    "monitor-logs": "-r --run -e --experiment-name",
    "submit-script": "-c --run-configuration-name --source-directory --async -d --conda-dependencies --target --ct -e "
    "--experiment-name",
}
FORMATS = {"json", "jsonc", "table", "tsv", "yaml", "none"}


def options_of(name: str) -> dict[str, click.Parameter]:
    with app.make_context("runledger", ["run", "--help"], obj=Session(), resilient_parsing=True) as context:
        run = app.get_command(context, "run")
        assert isinstance(run, click.Group)
        command = run.get_command(context, name)
        assert command is not None
        return {spelling: param for param in command.get_params(context) for spelling in param.opts}


@pytest.mark.parametrize("name", FLAGS)
def test_2b_commands_take_the_flags_of_the_original(name: str) -> None:
    """Every flag of the command and every common one, by its long and its short name."""
    found = options_of(name)

    assert set(FLAGS[name].split()) | set(COMMON.split()) <= set(found)
    assert isinstance(found["-o"].type, click.Choice)
    assert set(found["-o"].type.choices) >= FORMATS


def test_2b_common_flags_work_together(location: str, tmp_path: object) -> None:
    """`-t` writes the result as JSON and never overwrites; `--query` and `-o` shape what is shown."""
    started = call("run", "start", "-w", location, "-e", "common").json
    file = f"{tmp_path}/result.json"
    words = ("run", "show", "-r", started["run_id"], "-w", location, "-g", "group", "--subscription-id", "s")
    first = call(*words, "-t", file, "--query", "status", "-o", "tsv")
    again = call(*words, "-t", file)

    assert (first.code, first.out) == (0, "Running\n")
    with open(file, encoding="utf-8") as written:  # noqa: PTH123 - the path is a text here
        assert written.read().strip() == '"Running"'
    assert (again.code, "overwrites nothing" in again.err) == (2, True)
    assert call(*words, "-o", "none").out == ""
