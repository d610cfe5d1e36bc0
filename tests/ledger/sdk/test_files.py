"""Files of a run as a script handles them, in a folder and through a server alike (parity 2.A)."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from ledger.errors import ArtifactNotFoundError, BadContentError, InvalidNameError, RefusedError
from ledger.workspace.folder import make_folder
from runledger import Experiment, Run, SnapshotException, Workspace
from tests.runledger.server.running import running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    make_folder(folder, log="sqlite")
    return folder


@pytest.fixture(scope="module", params=["folder", "server"])
def workspace(request: pytest.FixtureRequest, place: Path) -> Iterator[Workspace]:
    with ExitStack() as stack:
        location = str(place) if request.param == "folder" else stack.enter_context(running(place)).url
        yield stack.enter_context(Workspace(location))


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Experiment(workspace, "files").start_logging()


def tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_a_file_is_uploaded_and_downloaded_as_it_was(run: Run, tmp_path: Path) -> None:
    (tmp_path / "myfile.txt").write_bytes(b"some\x00bytes" * 500_000)
    found = run.upload_file("logging-api/my file ü.txt", "myfile.txt")
    run.download_file("logging-api/my file ü.txt", "down/here/copy.txt")
    run.download_file("logging-api/my file ü.txt")
    run.download_file("logging-api/my file ü.txt", tmp_path / "down")

    content = (tmp_path / "myfile.txt").read_bytes()
    assert found["sha256"] == sha256(content).hexdigest()
    assert (found["size"], found["content_type"]) == (len(content), "text/plain")
    for copy in ("down/here/copy.txt", "my file ü.txt", "down/my file ü.txt"):
        assert (tmp_path / copy).read_bytes() == content
    assert run.get_file_names() == ["logging-api/my file ü.txt"]
    assert not list(tmp_path.glob("**/.runledger-*"))


def test_a_stream_is_uploaded_whatever_it_gives(run: Run, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        run.upload_file("pipe", pipe)
    run.upload_file("text", io.StringIO("tëxt"))
    run.upload_file("empty", io.BytesIO())
    run.download_files(output_directory="down")

    found = {file.name: file.read_bytes() for file in (tmp_path / "down").iterdir()}
    assert found == {"pipe": b"from a pipe", "text": "tëxt".encode(), "empty": b""}
    with pytest.raises(TypeError, match="path"):
        run.upload_file("x", 3)  # type: ignore[arg-type]


def test_a_name_stands_for_what_was_uploaded_last_and_the_history_keeps_both(run: Run, tmp_path: Path) -> None:
    for text in (b"first", b"second", b"second"):
        run.upload_file("outputs/model.pkl", io.BytesIO(text))
    run.download_file("outputs/model.pkl")

    assert (tmp_path / "model.pkl").read_bytes() == b"second"
    client = run.experiment.workspace.client
    changes = [change for entry in client.history(run.id) for change in entry.changes if "model.pkl" in change.field]
    assert [change.after["sha256"] for change in changes] == [
        sha256(text).hexdigest() for text in (b"first", b"second")
    ]
    with client.open_content(changes[0].after["sha256"]) as file:
        assert file.read() == b"first"


def test_several_files_and_folders(run: Run, tmp_path: Path) -> None:
    tree(tmp_path, folder__a_txt="a", folder__deep__b_txt="b", c_txt="c")
    run.upload_files(["x/c.txt", "x/a.txt"], ["c.txt", "folder/a.txt"])
    run.upload_folder("y", "folder")
    run.upload_folder("", "folder/deep")

    assert run.get_file_names() == ["b.txt", "x/a.txt", "x/c.txt", "y/a.txt", "y/deep/b.txt"]
    with pytest.raises(TypeError, match="2 names, 1 paths"):
        run.upload_files(["a", "b"], ["c.txt"])
    with pytest.raises(TypeError):
        run.upload_files("a", ["c.txt"])
    run.download_files("y/", "down")
    run.download_files("y/", "cut", append_prefix=False)
    run.download_files("x/", output_paths=["one", "two"])
    assert (tmp_path / "down" / "y" / "deep" / "b.txt").read_text() == "b"
    assert (tmp_path / "cut" / "deep" / "b.txt").read_text() == "b"
    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["a", "c"]


def test_what_cannot_be_is_named_and_nothing_is_there(run: Run, tmp_path: Path) -> None:
    tree(tmp_path, c_txt="c", file="in the way")
    for name in ("../c.txt", "/c.txt", "a\\b", "a//b", ""):
        with pytest.raises(InvalidNameError, match="cannot name a file"):
            run.upload_file(name, "c.txt")
    with pytest.raises(RefusedError, match=r"nothing\.txt.*No such file"):
        run.upload_files(["a", "b"], ["c.txt", "nothing.txt"])
    with pytest.raises(RefusedError, match="upload_folder"):
        run.upload_file("a", tmp_path)
    with pytest.raises(RefusedError, match="no folder"):
        run.upload_folder("a", "nowhere")
    assert run.get_file_names() == []
    run.upload_file("a/b.txt", "c.txt")
    with pytest.raises(ArtifactNotFoundError, match=r"no file 'b.txt'; it has: 'a/b.txt'"):
        run.download_file("b.txt")
    with pytest.raises(ArtifactNotFoundError, match=r"'a/b\.txt'"):
        run.download_files("outputs")
    with pytest.raises(TypeError, match="2 for 1"):
        run.download_files(output_paths=["1", "2"])
    with pytest.raises(RefusedError, match="cannot be written"):
        run.download_file("a/b.txt", "file/b.txt")


def test_links_lead_no_file_out_of_its_folder(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tree(tmp_path, outside_txt="s3cret", folder__real_txt="real", down__keep="")
    (tmp_path / "folder" / "within.txt").symlink_to(tmp_path / "folder" / "real.txt")
    (tmp_path / "folder" / "out.txt").symlink_to(tmp_path / "outside.txt")
    (tmp_path / "folder" / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "folder" / "pipe")
    with caplog.at_level(logging.WARNING):
        run.upload_folder("x", "folder")

    assert run.get_file_names() == ["x/real.txt", "x/within.txt"]
    assert all(word in caplog.text for word in ("out.txt", "leads out", "pipe", "up"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "down" / "x").symlink_to(outside)
    with pytest.raises(RefusedError, match="a folder on the way is a link"):
        run.download_files(output_directory="down")
    assert list(outside.iterdir()) == []


def test_a_damaged_file_is_found_out(run: Run, place: Path, tmp_path: Path) -> None:
    found = run.upload_file("a", io.BytesIO(os.urandom(1000)))
    stored = place / ".runledger" / "artifacts" / "sha256" / found["sha256"][:2] / found["sha256"]
    content = stored.read_bytes()
    stored.write_bytes(b"x" + content[1:])
    with pytest.raises(BadContentError, match="not what was added"):
        run.download_file("a", tmp_path / "a")

    assert not (tmp_path / "a").exists()


def test_files_may_be_added_to_a_run_that_has_ended(run: Run) -> None:
    run.complete()
    run.upload_file("late", io.BytesIO(b"x"))

    assert run.get_file_names() == ["late"]


def test_what_is_written_to_outputs_is_there_when_the_run_is_completed(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree(tmp_path, outputs__old_txt="old", outputs__changed_txt="old"))
    experiment = Experiment(workspace, "files")
    with experiment.start_logging() as run, experiment.start_logging(outputs=False) as none:
        other = experiment.start_logging(outputs=["weights"])
        child = run.child_run(outputs="weights")
        tree(
            tmp_path, outputs__changed_txt="new text", outputs__deep__new_pkl="new", logs__a_log="a", weights__w_pt="w"
        )
        other.complete()
        child.complete()

    assert run.get_file_names() == ["logs/a.log", "outputs/changed.txt", "outputs/deep/new.pkl"]
    assert none.get_file_names() == []
    assert other.get_file_names() == child.get_file_names() == ["weights/w.pt"]
    history = run.experiment.workspace.client.history(run.id)
    assert [entry.event.split(".")[2] for entry in history][-4:] == [*["artifact-added"] * 3, "status-changed"]


def test_a_file_that_cannot_be_uploaded_is_a_warning_and_the_run_completes(run: Run, tmp_path: Path) -> None:
    tree(tmp_path, outputs__good_txt="good", **{"outputs__bad\\name_txt": "bad"})
    run.complete()

    details = run.get_details()
    assert details["status"] == "Completed"
    assert run.get_file_names() == ["outputs/good.txt"]
    (warning,) = details["warnings"]
    assert (warning["code"], "backslash" in warning["message"]) == ("not-uploaded", True)


def test_nothing_is_made_beside_the_script(run: Run, tmp_path: Path) -> None:
    run.complete()

    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_is_taken_once_and_given_back(run: Run, tmp_path: Path) -> None:
    source = tree(tmp_path / "source", train_py="print(1)", data__big_csv="1,2", _gitignore="data/\n")
    assert run.get_snapshot_id() is None
    with pytest.raises(SnapshotException, match="has no snapshot"):
        run.restore_snapshot()
    taken = run.take_snapshot(source)

    assert run.get_snapshot_id() == run.get_properties()["ContentSnapshotId"] == taken
    assert run.get_file_names() == []
    with pytest.raises(SnapshotException, match="already"):
        run.take_snapshot(source)
    path = run.restore_snapshot(path="snapshots")
    (listed,) = run.experiment.workspace.client.artifacts(run.id, [".snapshot/"])
    assert (listed["sha256"], listed["size"]) == (taken, Path(path).stat().st_size)
    assert path == f"snapshots/{taken}.zip"
    with ZipFile(path) as archive:
        assert archive.namelist() == [".gitignore", "train.py"]
    with pytest.raises(SnapshotException, match="no folder or file"):
        Experiment(run.experiment.workspace, "files").start_logging().take_snapshot("nowhere")
