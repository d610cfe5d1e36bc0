"""Programs on a real file system of a few megabytes, in a mount namespace of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_on_small_disk(folder: Path, size: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with `command` while a disk of that size, such as `4m`, is mounted at the folder."""
    unshare = shutil.which("unshare")
    assert unshare is not None, "unshare (util-linux) is needed for a small file system"
    spaces = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    folder.mkdir(exist_ok=True)
    script = 'mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'
    return subprocess.run(
        [unshare, *spaces, "sh", "-c", script, str(folder), size, sys.executable, *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
