"""The forms in which results are written."""

import json
from pathlib import Path

import pytest
import yaml

from runledger.cli.output import as_tsv, as_yaml
from runledger.cli.tables import Column, plain_table
from tests.runledger.cli.calling import call, process, terminal


def test_json_is_the_default_on_no_terminal(workspace: Path) -> None:
    assert call("run", "list", "-w", workspace).out == call("run", "list", "-w", workspace, "-o", "json").out


def test_every_form_holds_the_same_runs(workspace: Path) -> None:
    runs = call("run", "list", "-w", workspace, "-o", "json").json
    for form in ("jsonc", "yaml", "yamlc"):
        out = call("run", "list", "-w", workspace, "-o", form).out
        assert yaml.safe_load(out) == runs
    assert call("run", "list", "-w", workspace, "-o", "none").out == ""
    rows = call("run", "list", "-w", workspace, "-o", "tsv", "--query", "[].[run_id, status]").out.splitlines()
    assert [json.loads(row) for row in rows] == [[run["run_id"], run["status"]] for run in runs]
    rows = call("run", "list", "-w", workspace, "-o", "tsv", "--query", "[].{a: run_id, b: status}").out.splitlines()
    assert rows == [f"{run['run_id']}\t{run['status']}" for run in runs]


def test_cells_of_tsv_stay_on_their_line() -> None:
    rows = [{"a": "x\ty", "b": None, "c": {"d": [1]}}, {"c": True, "e": 1.5}]
    assert list(as_tsv(rows)) == ['x\\ty\t\t{"d": [1]}\t', "\t\ttrue\t1.5"]
    assert list(as_tsv("text")) == ["text"]


@pytest.mark.parametrize("value", ["text", "no", None, 1, True, [], {}, ["a: b", "\x1b[31m"]])
def test_yaml_is_read_as_what_it_was(value: object) -> None:
    assert yaml.safe_load(as_yaml(value)) == value
    assert "\x1b" not in as_yaml(value)


def test_plain_columns_are_aligned_by_the_width_of_characters() -> None:
    columns = (Column("NAME", lambda row: row[0]), Column("X", lambda row: row[1]))
    lines = list(plain_table(columns, [("漢字", 1), ("e\u0301", 2), ("abcdef", 3)]))
    assert lines == ["NAME    X", "漢字    1", "e\u0301       2", "abcdef  3"]


def test_a_table_of_a_querys_result_has_its_keys_as_columns(workspace: Path) -> None:
    query = "[?tags.quality].{id: run_id, tags: tags}"
    lines = call("run", "list", "-w", workspace, "-o", "table", "--query", query).out.splitlines()
    assert lines[0].split() == ["id", "tags"]
    assert lines[1] == 'other   {"quality": "fantastic run"}'
    lines = call("run", "list", "-w", workspace, "-o", "table", "--query", "[?status=='Failed']").out.splitlines()
    assert lines[0].startswith("RUN ID  EXPERIMENT  STATUS")
    assert lines[1].startswith("second")
    lines = call("run", "list", "-w", workspace, "-o", "table", "--query", "[].run_id").out.splitlines()
    assert lines == ["VALUE", "other", "third", "second", "first"]
    assert call("run", "list", "-w", workspace, "-o", "table", "--query", "nothing").out == ""


def test_a_table_on_a_terminal_is_coloured_and_keeps_run_ids_whole(workspace: Path) -> None:
    call("run", "tag", "-w", workspace, "-r", "first", "long=" + "x" * 200)
    done = terminal("run", "list", "-w", workspace, columns=60)
    assert done.code == 0
    assert "\x1b[32mCompleted" in done.out
    assert "x" * 50 not in done.out
    for name in ("first", "second", "third", "other"):
        assert name in done.out
    assert "STATUS" in done.out


def test_markup_in_a_tag_is_text(workspace: Path) -> None:
    call("run", "tag", "-w", workspace, "-r", "first", "m=[red]x[/]:smile:")
    assert "m=[red]x[/]:smile:" in terminal("run", "list", "-w", workspace, columns=200).out


@pytest.mark.parametrize(
    ("words", "environment"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})]
)
def test_colours_can_be_refused(workspace: Path, words: list[str], environment: dict[str, str]) -> None:
    for form in ("table", "jsonc", "yamlc"):
        assert "\x1b[3" not in terminal("run", "list", "-w", workspace, "-o", form, *words, environment=environment).out


def test_jsonc_and_yamlc_are_coloured_on_a_terminal_only(workspace: Path) -> None:
    coloured = terminal("run", "show", "-r", "first", "-w", workspace, "-o", "jsonc", columns=500).out
    assert '\x1b[34m"run_id"\x1b[0m: \x1b[32m"first"\x1b[0m' in coloured
    assert "\x1b[34mrun_id:\x1b[0m first" in terminal("run", "show", "-r", "first", "-w", workspace, "-o", "yamlc").out
    for form in ("jsonc", "yamlc"):
        assert "\x1b" not in process("run", "show", "-r", "first", "-w", workspace, "-o", form).out


def test_a_locale_that_cannot_write_a_character_gets_an_escape(workspace: Path) -> None:
    call("run", "tag", "-w", workspace, "-r", "first", "name=漢字")
    words = ("run", "show", "-r", "first", "-w", workspace)
    assert process(*words, PYTHONIOENCODING="latin-1").json["tags"]["name"] == "漢字"
    assert "\\u6f22" in process(*words, "-o", "table", PYTHONIOENCODING="latin-1").out
    assert "漢字" in process(*words, PYTHONIOENCODING="utf-8").out


def test_an_empty_workspace_on_a_terminal_is_no_empty_table(empty: Path) -> None:
    assert terminal("run", "list", "-w", empty).out.startswith("No runs yet.")


def test_a_copy_of_the_result_goes_into_a_file_that_is_not_overwritten(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.json"
    done = call("run", "list", "-w", workspace, "--query", "[].run_id", "-o", "none", "-t", file)
    assert (done.code, done.out) == (0, "")
    assert json.loads(file.read_text()) == ["other", "third", "second", "first"]
    again = call("run", "tag", "-w", workspace, "-r", "first", "late", "--output-metadata-file", file)
    assert again.code == 2
    assert "overwrites nothing" in again.err
    assert "late" not in call("run", "show", "-w", workspace, "-r", "first").json["tags"]
    assert json.loads(file.read_text()) == ["other", "third", "second", "first"]


def test_markdown_keeps_its_signs_out_of_cells(workspace: Path) -> None:
    call("run", "tag", "-w", workspace, "-r", "first", "odd=a|b *c* <d>\n")
    lines = call("run", "list", "-w", workspace, "-o", "markdown").out.splitlines()
    assert lines[0].startswith("| RUN ID | EXPERIMENT | STATUS |")
    assert len(lines) == 6
    assert r"odd=a\|b \*c\* \<d>\\n" in lines[5]


def test_hints_can_be_kept_away(empty: Path) -> None:
    assert call("run", "list", "-w", empty).err != ""
    assert call("run", "list", "-w", empty, "--only-show-errors").err == ""
    assert call("run", "show", "-r", "x", "-w", empty, "--only-show-errors").err != ""
