"""Which file system a path lies on, as Linux tells it."""

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

_MOUNT_POINT = 4
_NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
        "ocfs2",
        "gfs2",
        "orangefs",
        "pvfs2",
        "panfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.rclone",
        "davfs",
        "fuse.davfs2",
        "fuse.juicefs",
    ]
)


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of network file system that holds a path, or None for a local one or an unknown."""
    try:
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = kind_of_mount(str(path.resolve()), table)
    return kind if kind in _NETWORK else None


def kind_of_mount(path: str, table: str) -> str | None:
    """The file system type of the innermost mount above a path (proc_pid_mountinfo(5))."""
    best, kind = "", None
    for line in table.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split(" ")
        if not separator or len(fields) <= _MOUNT_POINT:
            continue
        point = fields[_MOUNT_POINT].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        # A later line hides an earlier mount on the same point.
        if _within(path, point) and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return kind


def _within(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")
