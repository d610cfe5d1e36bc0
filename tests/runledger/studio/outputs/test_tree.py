"""The files of a run as folders."""

from typing import Any

from runledger.studio.outputs.tree import first_file, listed, tree


def file(name: str) -> dict[str, Any]:
    return {"name": name, "size": 1}


def test_names_become_folders() -> None:
    top = tree([file("a/b/c.txt"), file("a/d.txt"), file("e.txt")])
    assert list(top.folders) == ["a"]
    assert [name for name, _ in top.files] == ["e.txt"]
    assert top.folders["a"].folders["b"].path == "a/b/"
    assert [name for name, _ in top.folders["a"].folders["b"].files] == ["c.txt"]


def test_the_snapshot_is_left_out_and_what_is_printed_now_is_there() -> None:
    files = [file("z.txt"), file(".snapshot/source.zip")]
    assert [each["name"] for each in listed(files, "r", 0)] == ["z.txt"]
    assert [(each["name"], each["size"]) for each in listed(files, "r", 7)] == [
        ("user_logs/std_log.txt", 7),
        ("z.txt", 1),
    ]
    assert len(listed([file("user_logs/std_log.txt")], "r", 7)) == 1


def test_what_was_printed_is_shown_first_else_a_log() -> None:
    assert first_file([file("a.txt")]) is None
    assert first_file([file("a.txt"), file("logs/x.log")]) == "logs/x.log"
    assert first_file([file("logs/x.log"), file("user_logs/std_log.txt")]) == "user_logs/std_log.txt"
