"""Take the pictures of docs/studio.md anew: a workspace with a few trainings, its pages, a browser.

    .venv/bin/python examples/pictures.py

It needs Chromium: the one that CHROMIUM names, or the first on the PATH.
"""

import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from runledger import Experiment, Run, Workspace

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
STEPS = 400
NAMES = ("brave", "calm", "eager", "keen", "bold", "quiet")


def main() -> None:
    """Train, serve, and look."""
    chosen = random.Random(7)  # noqa: S311 - pictures, not secrets
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "vision-lab"
        subprocess.run([sys.executable, "-m", "runledger", "init", str(workspace)], check=True, capture_output=True)
        shown = ""
        for name in ("digits-cnn", "speech-to-text", "churn-forecast"):
            experiment = Experiment(Workspace(str(workspace)), name)
            for number in range(6):
                shown = train(experiment, number, chosen) or shown
        with served(workspace) as url:
            take(url, shown)


def train(experiment: Experiment, number: int, chosen: random.Random) -> str | None:
    """One training; the id of those that went well."""
    run = experiment.start_logging(display_name=f"{experiment.name.split('-')[0]}-{NAMES[number]}-{number + 1}")
    run.tag("team", "vision" if number % 2 else "speech")
    if number % 3 == 0:
        run.tag("quality", "good")
    run.log_params({"learning rate": 0.001 * (number + 1), "layers": 2 + number})
    for step in range(STEPS):
        run.log("loss", math.exp(-step / 90) + chosen.random() * 0.06, step=step)
        run.log("accuracy", 1 - math.exp(-step / 120) - chosen.random() * 0.03, step=step)
    run.description = "Augmented pictures, **cosine** schedule. See the [notes](https://example.org/notes)."
    return ended(run, number)


def ended(run: Run, number: int) -> str | None:
    """Some fail, one is canceled, one goes on."""
    if number == 2:
        run.fail("CUDA out of memory at step 400", "OutOfMemory")
    elif number == 4:
        run.cancel()
    else:
        run.complete()
        return run.id
    return None


@contextmanager
def served(workspace: Path) -> Iterator[str]:
    """The URL of a server on the workspace."""
    command = [sys.executable, "-m", "runledger", "server", "--workspace", str(workspace), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield (running.stdout.readline() if running.stdout else "").strip()
        finally:
            running.terminate()


def take(url: str, run_id: str) -> None:
    """The pictures, light and dark."""
    PICTURES.mkdir(exist_ok=True)
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    pages = {
        "runs": ("/runs", "light"),
        "run": (f"/runs/{run_id}", "light"),
        "metrics": (f"/runs/{run_id}/metrics", "dark"),
    }
    pages |= {"history": (f"/runs/{run_id}/history", "dark"), "rule": ("/alerts/new", "light")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for name, (address, scheme) in pages.items():
            page = browser.new_page(
                viewport={"width": 1280, "height": 760}, color_scheme="dark" if scheme == "dark" else "light"
            )
            page.goto(url + address)
            page.wait_for_timeout(1_000)
            page.screenshot(path=PICTURES / f"{name}.png")
            print(PICTURES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
