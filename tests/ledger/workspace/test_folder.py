"""The workspace folder: made, found, and refused."""

from pathlib import Path

import pytest

from ledger.errors import WorkspaceError
from ledger.workspace.folder import find_folder, make_folder, open_folder
from ledger.workspace.mounts import kind_of_mount, network_file_system

TABLE = """\
22 1 0:20 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 0:41 / /home/maria/my\\040disk rw - ext4 /dev/vdb rw
32 22 0:42 / /mnt/share rw shared:5 - fuse.sshfs me@there: rw
33 22 0:43 / /mnt/share rw - xfs /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/project", "ext4"),
        ("/home/maria/project", "nfs4"),
        ("/home", "nfs4"),
        ("/homestead", "ext4"),
        ("/home/maria/my disk/x", "ext4"),
        ("/mnt/share/x", "xfs"),
    ],
)
def test_the_innermost_and_latest_mount_decides(path: str, kind: str) -> None:
    assert kind_of_mount(path, TABLE) == kind


def test_without_a_table_of_mounts_nothing_is_refused(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, tmp_path / "none") is None


def network_mounts(tmp_path: Path) -> Path:
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 0:20 / / rw - ext4 /dev/vda rw\n30 22 0:4 / {tmp_path.resolve()} rw - nfs4 s:/x rw\n")
    return table


def test_a_workspace_on_a_network_file_system_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    make_folder(folder, log="sqlite")
    mounts = network_mounts(tmp_path)

    with pytest.raises(WorkspaceError, match=r"nfs4.*runledger server"):
        open_folder(folder, mounts=mounts)
    with pytest.raises(WorkspaceError, match="network file system"):
        make_folder(tmp_path / "other", log="sqlite", mounts=mounts)
    assert not (tmp_path / "other").exists()


def test_making_it_twice_keeps_the_first(tmp_path: Path) -> None:
    first = make_folder(tmp_path, log="kafka://h:9092/n")
    again = make_folder(tmp_path, log="sqlite")

    assert first == again
    assert again.settings()["log"] == "kafka://h:9092/n"
    assert open_folder(tmp_path) == open_folder(tmp_path / ".runledger") == first


def test_it_is_found_from_below(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, log="sqlite")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)

    assert find_folder(below) == folder


def test_what_is_no_workspace_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="runledger init"):
        open_folder(tmp_path)


def test_a_workspace_of_another_host_is_refused_until_it_is_adopted(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, log="kafka://h:9092/n")
    folder.config.write_text('log = "kafka://h:9092/n"\nhost = "0123456789abcdef"\n')

    with pytest.raises(WorkspaceError, match=r"another host.*runledger server.*--adopt"):
        open_folder(tmp_path)
    make_folder(tmp_path, log="sqlite", adopt=True)
    assert open_folder(tmp_path).settings()["log"] == "kafka://h:9092/n"


def test_damaged_settings_are_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, log="sqlite")
    folder.config.write_text("log = ")

    with pytest.raises(WorkspaceError, match=r"config\.toml cannot be read"):
        open_folder(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(WorkspaceError, match="cannot be made"):
        make_folder(tmp_path / "file" / "inside", log="sqlite")
