"""The browser that the pages are tried with: from $CHROMIUM, the PATH, or Debian's package."""

import os
import shutil
import subprocess
from functools import cache

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_CURE = "no Chromium here: install it (Debian: apt install chromium), or name one with CHROMIUM=/path/to/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@cache
def chromium() -> str:
    """The path of a Chromium; as root on Debian it is installed where there is none."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *command], check=True, capture_output=True, timeout=900)
        found = _found()
    if found is None:
        raise RuntimeError(_CURE)
    return found


def _found() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, _NAMES) if path), None)
