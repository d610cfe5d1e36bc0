"""The verbs that change runs, on a path and on a URL alike."""

import io
from typing import Any
from uuid import uuid4

import pytest

from tests.runledger.cli.calling import Called, call


@pytest.fixture
def run_id(place: str) -> str:
    """A run that was just started."""
    chosen = uuid4().hex
    assert run(place, "start", "-e", "changing", "-r", chosen).code == 0
    return chosen


def run(place: str, verb: str, *words: object) -> Called:
    return call("run", verb, "-w", place, *words)


def changed(place: str, verb: str, *words: object) -> Any:
    done = run(place, verb, *words)
    assert done.code == 0, done.err
    return done.json


def test_start_says_all_that_can_be_said_of_a_run(place: str) -> None:
    parent, child = uuid4().hex, uuid4().hex
    words = ["--display-name", "The first", "--description", "*mine*", "--tags", "a=1=2", "--tags", "bare"]
    made = changed(place, "start", "-e", "changing", "-r", parent, *words, "--properties", "p=q")
    assert (made["run_id"], made["status"], made["experiment_name"]) == (parent, "Running", "changing")
    assert (made["display_name"], made["description"]) == ("The first", "*mine*")
    assert (made["tags"], made["properties"]) == ({"a": "1=2", "bare": None}, {"p": "q"})
    changed(place, "start", "-e", "changing", "-r", child, "--parent", parent)
    grandchild = changed(place, "start", "-e", "changing", "--parent", child)
    assert (grandchild["parent_run_id"], grandchild["root_run_id"]) == (child, parent)
    assert [each["run_id"] for each in changed(place, "children", "-r", parent)] == [child]
    below = changed(place, "list", "--root-run-id", parent)
    assert [each["run_id"] for each in below] == [grandchild["run_id"], child, parent]


def test_start_needs_an_experiment_and_a_parent_that_is_there(place: str) -> None:
    done = run(place, "start")
    assert done.code == 2
    assert "folder attach" in done.err
    assert run(place, "start", "-e", "changing", "--parent", "nobody").code == 3
    assert run(place, "start", "-e", "no good name").code == 4


def test_a_taken_id_is_refused(place: str, run_id: str) -> None:
    assert run(place, "start", "-e", "changing", "-r", run_id).code == 4


@pytest.mark.parametrize("verb", ["children", "complete", "fail", "archive", "restore", "show", "wait", "watch"])
def test_a_run_that_is_not_there_is_3(place: str, verb: str) -> None:
    done = run(place, verb, "-r", "nobody")
    assert (done.code, done.out) == (3, "")
    assert "nobody" in done.err


def test_a_verb_without_a_run_takes_that_of_the_environment(
    place: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(place, "tag", "a=b").code == 2
    monkeypatch.setenv("RUNLEDGER_RUN_ID", run_id)
    assert changed(place, "tag", "a=b")["run_id"] == run_id


def test_tags_come_and_go(place: str, run_id: str) -> None:
    assert changed(place, "tag", "-r", run_id, "a=1", "b")["tags"] == {"a": "1", "b": None}
    assert changed(place, "untag", "-r", run_id, "a", "missing")["tags"] == {"b": None}
    assert run(place, "untag", "-r", run_id).code == 2


def test_properties_are_written_once(place: str, run_id: str) -> None:
    assert changed(place, "set-property", "-r", run_id, "author=me", "empty=")["properties"] == {
        "author": "me",
        "empty": "",
    }
    assert run(place, "set-property", "-r", run_id, "author=me").code == 0
    done = run(place, "set-property", "-r", run_id, "author=you")
    assert done.code == 4
    assert "'author'" in done.err
    assert run(place, "set-property", "-r", run_id, "author").code == 2
    assert run(place, "set-property", "-r", run_id, "x=1", "x=2").code == 2


def test_parameters_keep_what_they_are(place: str, run_id: str) -> None:
    words = ["lr=0.1", "layers=3", "deep=true", "none=null", "name=adam", "list=[1]", "zip=007"]
    expected = {"lr": 0.1, "layers": 3, "deep": True, "none": None, "name": "adam", "list": "[1]", "zip": "007"}
    assert changed(place, "set-parameter", "-r", run_id, *words)["parameters"] == expected
    assert changed(place, "set-parameter", "-r", run_id, "--text", "n=3")["parameters"]["n"] == "3"


def test_describe_sets_reads_and_clears(place: str, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert changed(place, "describe", "-r", run_id, "# Mine")["description"] == "# Mine"
    monkeypatch.setattr("sys.stdin", io.StringIO("a long\ntext"))
    assert changed(place, "describe", "-r", run_id, "-")["description"] == "a long\ntext"
    assert "description" not in changed(place, "describe", "-r", run_id, "")


def test_update_changes_several_things_at_once(place: str, run_id: str) -> None:
    words = ["--add-tag", "quality=fantastic run", "--add-tag", "bare", "--add-tag", "f=a=b=c", "--add-tag", "empty="]
    document = changed(place, "update", "-r", run_id, *words, "--display-name", "N", "--description", "D")
    assert document["tags"] == {"quality": "fantastic run", "bare": None, "f": "a=b=c", "empty": ""}
    assert (document["display_name"], document["description"]) == ("N", "D")
    document = changed(place, "update", "-r", run_id, "--remove-tag", "bare", "--display-name", "")
    assert "bare" not in document["tags"]
    assert "display_name" not in document
    assert run(place, "update", "-r", run_id).code == 2


def test_complete_and_fail_end_a_run(place: str, run_id: str) -> None:
    assert changed(place, "complete", "-r", run_id, "--reason", "good enough")["status"] == "Completed"
    assert run(place, "complete", "-r", run_id).code == 0
    assert run(place, "fail", "-r", run_id).code == 4
    other = changed(place, "start", "-e", "changing")["run_id"]
    failed = changed(place, "fail", "-r", other, "--message", "no data", "--code", "Empty")
    assert (failed["status"], failed["error"]) == ("Failed", {"code": "Empty", "message": "no data"})


def test_archived_runs_are_out_of_lists_until_restored(place: str, run_id: str) -> None:
    def listed() -> bool:
        return run_id in [each["run_id"] for each in changed(place, "list", "--last", 1000)]

    assert listed()
    assert changed(place, "archive", "-r", run_id)["archived"] is True
    assert not listed()
    changed(place, "restore", "-r", run_id)
    assert listed()


def test_log_takes_one_value_or_several(place: str, run_id: str) -> None:
    assert run(place, "log", "-r", run_id, "loss", "0.5", "--step", "1") == Called(0, "", "")
    assert run(place, "log", "-r", run_id, "loss=-0.25", "ok=true", "word=good=best", "--step", 2).code == 0
    assert run(place, "log", "-r", run_id, "--", "loss", "-1").code == 0
    points = changed(place, "metrics", "-r", run_id, "--name", "loss")
    assert [(point["step"], point["value"]) for point in points] == [(1, 0.5), (2, -0.25), (None, -1)]
    last = {metric["name"]: metric["last"] for metric in changed(place, "metrics", "-r", run_id)}
    assert last == {"loss": -1, "ok": True, "word": "good=best"}


@pytest.mark.parametrize("word", ["nan", "NaN", "-inf", "Infinity"])
def test_log_takes_numbers_that_are_not_finite(place: str, run_id: str, word: str) -> None:
    assert run(place, "log", "-r", run_id, f"x={word}").code == 0
    spelled = {"nan": "NaN", "NaN": "NaN", "-inf": "-Infinity", "Infinity": "Infinity"}[word]
    assert changed(place, "metrics", "-r", run_id)[0]["last"] == {"$float": spelled}


@pytest.mark.parametrize("words", [["loss"], ["a=1", "2"], ["=1"], [" =1"], ["x=1", "--step", "a"]])
def test_log_of_what_is_no_value_is_refused(place: str, run_id: str, words: list[str]) -> None:
    assert run(place, "log", "-r", run_id, *words).code in {1, 2, 4}
    assert changed(place, "metrics", "-r", run_id) == []


def test_log_to_nobody_is_3(place: str) -> None:
    assert run(place, "log", "-r", "nobody", "x", "1").code == 3
