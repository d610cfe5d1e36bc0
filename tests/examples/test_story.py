"""The article as one story, as its user runs it: on a path and on a URL."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.workspace.folder import make_folder
from runledger import Workspace
from tests.runledger.server.running import running

STORY = Path(__file__).resolve().parents[2] / "examples" / "story.py"
SHOWN = (
    r"^Running\n\{'runId': .*\}\nCompleted\nRunning in the block\n",
    r"^Completed behind it: \{'message': 'Hello from run!'\}$",
    r'"status": "Completed",\n  "target": "local"',
    r"^# What it is about$",
    r"^azureml-user\nproperty 'author' is 'azureml-user' and cannot become 'different-user'",
    r"^\{'quality': 'great run'\}\n\{'quality': 'fantastic run'\}$",
    r'"worth another look": null,\n  "seen by": "a command"',
    r"^\[Run\('(.*)', experiment='explore-runs'\)\]\n\[Run\('\1', .*\)\]$",
    r"&& tags.quality=='fantastic run'\].run_id. -o tsv\n\S+\n",
    r"^Status: Completed\n.*Completed \{'message': 'Hello from run!'\}$",
    r"^Canceled\nFailed \{'code': 'UserError', 'message': 'it took too long'\}$",
    r"-e explore-runs\nExperiment run canceled successfully.$",
    r"^5 children of Completed\n5 children, with all below 6\n\['logged from below'\] logged to the root from below$",
    r"^\['Apple', 'Banana', 'Cherry'\]$",
)


@pytest.mark.parametrize("by_url", [False, True], ids=["path", "url"])
def test_a2_the_article_works_from_the_first_snippet_to_the_last(tmp_path: Path, by_url: bool) -> None:
    """examples/story.py: start to log to the root, on a path and on a URL; each step prints what it should."""
    make_folder(tmp_path, log="sqlite")
    if by_url:
        with running(tmp_path) as server:
            told = tell(tmp_path, server.url)
    else:
        told = tell(tmp_path)

    for pattern in SHOWN:
        assert re.search(pattern, told, re.MULTILINE | re.DOTALL if "Status" in pattern else re.MULTILINE), pattern
    with Workspace(tmp_path) as workspace:
        statuses = {run.get_status() for run in workspace.experiments["explore-runs"].get_runs(include_children=True)}
    assert statuses == {"Completed", "Canceled", "Failed"}


def tell(folder: Path, *location: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNLEDGER_")}
    done = subprocess.run(
        [sys.executable, str(STORY), *location],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
